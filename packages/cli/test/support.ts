import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync } from 'node:fs';
import { copyFile, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const bin = fileURLToPath(new URL('../bin/chainrule.mjs', import.meta.url));
const built = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const shapes = fileURLToPath(new URL('../../data/samples/shapes/', import.meta.url));

/** The manifest of 240 questions about 60 drawings. */
export const sample = join(shapes, 'manifest.jsonl');

/** A folder that is gone after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-cli-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** Resolves when stderr matches. */
  seen(pattern: RegExp): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

export interface RunOptions {
  readonly cwd?: string;
  readonly env?: { readonly [name: string]: string };
  /** Runs before the command, in the same shell. */
  readonly shell?: string;
  /** What is typed; nothing, as if there were no terminal, where it is left out. */
  readonly input?: string;
}

/** Starts the built `chainrule` command in a process of its own. */
export function launch(args: readonly string[], options: RunOptions = {}): Running {
  if (!existsSync(built)) throw new Error('the command is not built; run `pnpm build` first');
  const command = [process.execPath, bin, ...args];
  const [file, ...rest] =
    options.shell === undefined
      ? command
      : ['bash', '-c', `${options.shell} && exec "$@"`, 'bash', ...command];
  const { npm_package_name: _, TF_CPP_MIN_LOG_LEVEL: __, ...inherited } = process.env;
  const child = spawn(file!, rest, {
    cwd: options.cwd,
    env: { ...inherited, ...options.env },
    stdio: [options.input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  child.stdin?.end(options.input);
  const text = { stdout: '', stderr: '' };
  for (const stream of ['stdout', 'stderr'] as const) {
    child[stream]!.on('data', (chunk) => {
      text[stream] += chunk;
    });
  }
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, ...text }));
  });
  const seen = async (pattern: RegExp) => {
    while (!pattern.test(text.stderr)) {
      if (child.exitCode !== null) throw new Error(`ended without ${pattern}: ${text.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { ended, seen, kill: (signal) => child.kill(signal) };
}

export const chainrule = (args: readonly string[], options?: RunOptions) =>
  launch(args, options).ended;

/** What a run wrote to its `--json` file. */
export async function resultsOf(file: string): Promise<Results> {
  return JSON.parse(await readFile(file, 'utf8')) as Results;
}

export interface Results {
  readonly task: string;
  readonly fusion: string;
  readonly testAccuracy: number;
  readonly testMeanAbsoluteError: number;
  readonly epochs: number;
  readonly trainSeconds: number;
  readonly backend: string;
  readonly seed: number;
  readonly losses: readonly number[];
  readonly model: string;
}

export interface Row {
  readonly [column: string]: unknown;
}

/** The rows of the sample manifest. */
export async function sampleRows(): Promise<Row[]> {
  const lines = (await readFile(sample, 'utf8')).trim().split('\n');
  return lines.map((line) => JSON.parse(line) as Row);
}

/** A folder with the sample's drawings and a manifest of these rows (or of this text). */
export async function manifestOf(folder: string, rows: readonly Row[] | string): Promise<string> {
  await mkdir(folder, { recursive: true });
  const drawings = (await readdir(shapes)).filter((name) => name.endsWith('.png'));
  await Promise.all(drawings.map((name) => copyFile(join(shapes, name), join(folder, name))));
  const path = join(folder, 'manifest.jsonl');
  const text = typeof rows === 'string' ? rows : rows.map((row) => JSON.stringify(row)).join('\n');
  await writeFile(path, text);
  return path;
}
