import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync } from 'node:fs';
import { mkdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { easyVqa } from '@chainrule/data/node';
import { small } from '@chainrule/encoders-image';
import { fitWordTokenizer, lstm } from '@chainrule/encoders-text';
import { disposeTree, key } from '@chainrule/tensor';
import { type DualEncoder, dualEncoder } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import { saveModel } from '@chainrule/trainer/node';
import { afterAll } from 'vitest';
import { compose } from '../../src/lab/recipe.js';

const main = fileURLToPath(new URL('../../server/dist/server/main.js', import.meta.url));

/** What is to end with the tests of this file; what is begun in a hook can have no hook itself. */
const cleanups: (() => unknown)[] = [];
afterAll(async () => {
  for (const cleanup of cleanups) await cleanup();
});

/** A folder that is gone after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-server-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export interface Served {
  readonly url: string;
  readonly port: number;
  readonly process: ChildProcess;
  /** What it wrote to stderr so far. */
  said(): string;
  stop(signal?: NodeJS.Signals): Promise<void>;
  post(path: string, body: unknown, headers?: { [name: string]: string }): Promise<Response>;
}

/** The built server in a process of its own, as `node server/dist/server/main.js` starts it. */
export async function serve(...args: readonly string[]): Promise<Served> {
  if (!existsSync(main)) throw new Error('the server is not built; run `pnpm build` first');
  const child = spawn(process.execPath, [main, '--port', '0', ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => {
      throw new Error(`the server did not start: ${stderr}`);
    }),
  ])) as [string];
  const url = line.slice(line.indexOf('http'));
  const stop = async (signal: NodeJS.Signals = 'SIGTERM') => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
  };
  cleanups.push(() => stop('SIGKILL'));
  return {
    url,
    port: Number(new URL(url).port),
    process: child,
    said: () => stderr,
    stop,
    post: (path, body, headers = {}) =>
      fetch(`${url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
  };
}

/** A model as `npm start` saves it, untrained; the caller's to dispose. */
export async function untrained(folder: string, fusion = 'product'): Promise<TrainedModel> {
  const { train } = await easyVqa();
  const tokenizer = fitWordTokenizer(train.examples.map(({ inputs }) => inputs.text));
  const labels = train.classes ?? [];
  const model = compose(fusion, {
    vocabulary: tokenizer.vocabulary.length,
    classes: labels.length,
  });
  const trained: TrainedModel = {
    model,
    params: model.init(key(1)),
    tokenizer: tokenizer.config,
    labels,
    imageSize: [64, 64],
    about: { task: 'easy-vqa', fusion, seed: 1, epochs: 1, accuracy: 0.25 },
  };
  await saveModel(folder, trained);
  cleanups.push(() => disposeTree(trained.params));
  return trained;
}

/** A small dual encoder, untrained, that reads the letters of names. */
export async function untrainedRetrieval(folder: string): Promise<TrainedModel<DualEncoder>> {
  const tokenizer = fitWordTokenizer(['crocodile', 'cat', 'dog', 'face', 'hand']);
  const model = dualEncoder({
    encoders: {
      image: small({ size: [32, 32], width: 32 }),
      text: lstm({ vocabulary: tokenizer.vocabulary.length, embedding: 16, width: 32 }),
    },
  }) as DualEncoder;
  const trained = {
    model,
    params: model.init(key(2)),
    tokenizer: tokenizer.config,
    imageSize: [32, 32] as const,
  };
  await saveModel(folder, trained);
  return trained;
}

/** A page of three files, as vite builds one. */
export async function smallPage(folder: string): Promise<string> {
  await mkdir(join(folder, 'assets'), { recursive: true });
  await writeFile(
    join(folder, 'index.html'),
    '<!doctype html><script>window.a = 1</script><script src="/assets/index-Ab12Cd34.js"></script>',
  );
  await writeFile(join(folder, 'assets/index-Ab12Cd34.js'), 'console.log(1);'.repeat(100));
  await writeFile(join(folder, 'secret.map'), '{}');
  return folder;
}

/** Resident memory of a process, in MB. */
export function residentMb(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/status`, 'utf8').match(/VmRSS:\s+(\d+)/)![1]) / 1024;
}

/** Whether a process is there, and not just waiting to be forgotten. */
export function isAlive(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}

/** The processes that a process has started. */
export function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .trim()
    .split(/\s+/)
    .filter(Boolean)
    .map(Number);
}

/** Waits until something holds. */
export async function until(holds: () => boolean, limitMs = 60_000): Promise<void> {
  const began = performance.now();
  while (!holds()) {
    if (performance.now() - began > limitMs) throw new Error(`not within ${limitMs} ms: ${holds}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}

export const gray = Buffer.alloc(64 * 64 * 3, 128).toString('base64');
