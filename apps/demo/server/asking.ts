import { type ChildProcess, fork } from 'node:child_process';
import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Inspection, Question, Reply } from '../src/lab/lab.js';
import { batcher } from './batcher.js';
import { type AskCommand, askMessage, type Loaded, type Results, results } from './messages.js';
import { Refusal } from './problems.js';

export interface AskingOptions {
  /** A folder of a saved model, or one with several of them. */
  readonly model: string;
  readonly log: (line: string) => void;
  /** Questions in one native call. Default 64. */
  readonly batch?: number;
  /** Questions that may wait. Default 256. */
  readonly queue?: number;
  /** How long a question may take, in ms. Default 10 s. */
  readonly timeoutMs?: number;
}

/** The process that answers, as the server sees it. It is started when it is needed, and again. */
export interface Asking {
  samples(): Promise<Results['samples']>;
  inspect(fusion: string): Promise<Inspection>;
  /** The model, where there is one; loads it. */
  model(): Promise<Loaded | undefined>;
  answer(question: Question, signal?: AbortSignal): Promise<Reply>;
  /** Anything else; a process that takes longer than `limitMs` is ended. */
  ask: Ask;
  /** Counts the processes: what one knew, the next has to be told. */
  generation(): number;
  close(): Promise<void>;
}

interface Pending {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: Error) => void;
}

type Ask = <K extends keyof Results>(
  command: Extract<Command, { type: K }>,
  limitMs: number,
) => Promise<Results[K]>;

/** For what is no question: loading data the first time may have to fetch them. */
const SLOW_MS = 120_000;

type Command = AskCommand extends infer C ? (C extends AskCommand ? Omit<C, 'id'> : never) : never;

/** The process ended with the question: it is asked once more. */
class Lost extends Refusal {
  constructor() {
    super(503, 'the process that answers has ended; ask again', { 'retry-after': '1' });
  }
}

export function asking(options: AskingOptions): Asking {
  const { log, batch = 64, queue = 256, timeoutMs = 10_000 } = options;
  const pending = new Map<number, Pending>();
  let child: ChildProcess | undefined;
  let messages = 0;
  let generation = 0;
  let loading: Promise<Loaded | undefined> | undefined;
  let shown: Promise<Results['samples']> | undefined;
  const inspections = new Map<string, Promise<Inspection>>();

  function started(): ChildProcess {
    if (child !== undefined) return child;
    const own = fork(new URL('./ask-child.js', import.meta.url), {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      // Pixels go as bytes.
      serialization: 'advanced',
      execArgv: [],
    });
    own.on('message', (message) => {
      const parsed = askMessage.safeParse(message);
      if (!parsed.success) return log(`asking: a message that is none: ${parsed.error.message}`);
      const { id, ...outcome } = parsed.data;
      const waiting = pending.get(id);
      pending.delete(id);
      if ('error' in outcome) waiting?.reject(new Error(outcome.error));
      else waiting?.resolve(outcome.result);
    });
    own.on('error', (error) => log(`asking: ${error.message}`));
    own.once('exit', (code, signal) => {
      if (child !== own) return;
      child = undefined;
      loading = undefined;
      log(
        `the process that answers ended with ${signal ?? code}; the next question starts it again`,
      );
      for (const { reject } of pending.values()) reject(new Lost());
      pending.clear();
    });
    child = own;
    generation += 1;
    return own;
  }

  async function ask<K extends keyof Results>(
    command: Extract<Command, { type: K }>,
    limitMs: number,
  ): Promise<Results[K]> {
    const id = messages++;
    const own = started();
    let timer: NodeJS.Timeout | undefined;
    const result = await new Promise<unknown>((resolve, reject) => {
      pending.set(id, { resolve, reject });
      // Native code that hangs can only be ended from outside.
      timer = setTimeout(() => own.kill('SIGKILL'), limitMs);
      own.send({ ...command, id } as AskCommand);
    }).finally(() => clearTimeout(timer));
    return results[command.type].parse(result) as Results[K];
  }

  async function load(): Promise<Loaded | undefined> {
    const folder = await findModel(options.model);
    return folder === undefined ? undefined : ask({ type: 'load', folder }, SLOW_MS);
  }

  async function model(): Promise<Loaded | undefined> {
    loading ??= load();
    const mine = loading;
    try {
      const found = await mine;
      // One may be trained while the server runs.
      if (found === undefined && loading === mine) loading = undefined;
      return found;
    } catch (error) {
      if (loading === mine) loading = undefined;
      throw error;
    }
  }

  const answer = batcher<Question, Reply>({
    work: async (questions) => {
      const plain = questions.map(({ pixels, text }) => ({
        pixels: new Uint8Array(pixels.buffer, pixels.byteOffset, pixels.length),
        text,
      }));
      return ask({ type: 'answer', questions: plain }, timeoutMs);
    },
    batch,
    queue,
    timeoutMs,
  });

  return {
    model,
    ask,
    generation: () => generation,
    samples() {
      shown ??= ask({ type: 'samples' }, SLOW_MS).catch((error: unknown) => {
        shown = undefined;
        throw error;
      });
      return shown;
    },
    inspect(fusion) {
      const known = inspections.get(fusion);
      if (known !== undefined) return known;
      const own = ask({ type: 'inspect', fusion }, SLOW_MS);
      inspections.set(fusion, own);
      own.catch(() => inspections.delete(fusion));
      return own;
    },
    async answer(question, signal) {
      if ((await model()) === undefined) {
        throw new Refusal(503, 'there is no trained model yet; run `npm start`, then ask again');
      }
      return answer(question, signal).catch(async (error: unknown) => {
        if (!(error instanceof Lost)) throw error;
        await model();
        return answer(question, signal);
      });
    },
    async close() {
      const own = child;
      child = undefined;
      if (own === undefined || own.exitCode !== null || own.signalCode !== null) return;
      const ended = new Promise((resolve) => own.once('exit', resolve));
      own.kill('SIGKILL');
      await ended;
      for (const { reject } of pending.values()) reject(new Error('the server is closing'));
      pending.clear();
    },
  };
}

/**
 * The folder itself where it is a saved model; else the product model of easy-VQA in it, which
 * `npm start` makes, or the latest of another strategy.
 */
async function findModel(folder: string): Promise<string | undefined> {
  const time = async (path: string) =>
    stat(join(path, 'config.json')).then(
      ({ mtimeMs }) => mtimeMs,
      () => undefined,
    );
  if ((await time(folder)) !== undefined) return folder;
  const usual = join(folder, 'easy-vqa-product');
  if ((await time(usual)) !== undefined) return usual;
  const names = await readdir(folder).catch(() => []);
  const found = await Promise.all(
    names
      .filter((name) => name.startsWith('easy-vqa-'))
      .map(async (name) => ({ path: join(folder, name), at: await time(join(folder, name)) })),
  );
  return found.filter(({ at }) => at !== undefined).sort((a, b) => b.at! - a.at!)[0]?.path;
}
