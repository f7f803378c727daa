import { type ChildProcess, fork } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import type { RunEvent, RunRequest } from '../src/lab/lab.js';
import { type TrainCommand, trainMessage } from './messages.js';
import { Refusal } from './problems.js';

/** Events kept of a run; beyond, its earliest steps are forgotten. */
const LOG = 4000;
/** Ended runs whose events can still be read. */
const ENDED = 16;
/** Streams of one run at a time. */
const LISTENERS = 8;
/** How long a child may take to end by itself. */
const GRACE_MS = 3000;

export interface RunsOptions {
  /** Runs at a time, paused ones among them. */
  readonly most: number;
  /** A run that nobody watches for so long is stopped: its page was closed. */
  readonly unwatchedMs: number;
  readonly log: (line: string) => void;
}

/** An event with its number, from 1: who reconnects names the last that he has. */
export interface Logged {
  readonly id: number;
  readonly event: RunEvent;
}

export interface Runs {
  /** Starts a process that trains; gives the run's id. */
  start(request: RunRequest): string;
  pause(id: string): void;
  resume(id: string): void;
  stop(id: string): void;
  /**
   * Hands out the events after number `after`, those of the past at once; tells when there will be
   * no more. Gives a function that ends it.
   */
  follow(id: string, after: number, listener: Listener): () => void;
  close(): Promise<void>;
}

export interface Listener {
  onEvent(logged: Logged): void;
  onEnd(): void;
}

interface Run {
  readonly id: string;
  readonly child: ChildProcess;
  readonly log: Logged[];
  readonly listeners: Set<Listener>;
  readonly closed: Promise<void>;
  count: number;
  ended: boolean;
  unwatched?: NodeJS.Timeout;
}

export function runs({ most, unwatchedMs, log }: RunsOptions): Runs {
  const all = new Map<string, Run>();
  const living = () => [...all.values()].filter(({ child }) => isAlive(child));

  function find(id: string): Run {
    const run = all.get(id);
    if (run === undefined) throw new Refusal(404, 'there is no such run; it may be long over');
    return run;
  }

  function tell(id: string, command: Exclude<TrainCommand, { type: 'train' }>): void {
    const run = find(id);
    if (run.ended) {
      if (command.type === 'stop') return;
      throw new Refusal(409, 'the run is over');
    }
    run.child.send(command);
    if (command.type === 'stop') killLater(run.child);
  }

  function record(run: Run, event: RunEvent): void {
    if (run.ended) return;
    const logged = { id: ++run.count, event };
    run.log.push(logged);
    if (run.log.length > LOG) {
      run.log.splice(
        run.log.findIndex(({ event }) => event.type === 'step'),
        1,
      );
    }
    for (const listener of run.listeners) listener.onEvent(logged);
    if (event.type !== 'stop' && event.type !== 'error') return;
    run.ended = true;
    clearTimeout(run.unwatched);
    for (const listener of run.listeners) listener.onEnd();
    run.listeners.clear();
    killLater(run.child);
  }

  function awaitWatcher(run: Run): void {
    if (run.ended || run.listeners.size > 0) return;
    clearTimeout(run.unwatched);
    run.unwatched = setTimeout(() => {
      if (!run.ended) tell(run.id, { type: 'stop' });
    }, unwatchedMs).unref();
  }

  return {
    start(request) {
      // One that is over ends in a moment, and another may come in its place.
      if ([...all.values()].filter(({ ended }) => !ended).length >= most) {
        throw new Refusal(
          429,
          `${most} runs are under way, which is the most; stop one of them, then start another`,
          { 'retry-after': '5' },
        );
      }
      const id = randomUUID();
      const child = fork(new URL('./train-child.js', import.meta.url), {
        stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
        execArgv: [],
      });
      const closed = new Promise<void>((resolve) => child.once('close', () => resolve()));
      const run: Run = { id, child, log: [], listeners: new Set(), closed, count: 0, ended: false };
      all.set(id, run);
      let said = '';
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        said = `${said}${text}`.slice(-4000);
      });
      child.on('message', (message) => {
        const parsed = trainMessage.safeParse(message);
        if (parsed.success && parsed.data.run === id) record(run, parsed.data);
        else log(`run ${id}: a message that is none: ${parsed.error?.message}`);
      });
      // Sending to a child that has just ended fails, which its end tells as well.
      child.on('error', (error) => log(`run ${id}: ${error.message}`));
      child.once('close', (code, signal) => {
        if (run.ended) return;
        log(`run ${id} ended with ${signal ?? code}: ${said.trim()}`);
        record(run, { run: id, type: 'error', message: 'training broke off; start it again' });
      });
      child.send({ type: 'train', run: id, request } satisfies TrainCommand);
      awaitWatcher(run);
      const ended = [...all.values()].filter((each) => each.ended);
      for (const { id } of ended.slice(0, -ENDED)) all.delete(id);
      return id;
    },
    pause: (id) => tell(id, { type: 'pause' }),
    resume: (id) => tell(id, { type: 'resume' }),
    stop: (id) => tell(id, { type: 'stop' }),
    follow(id, after, listener) {
      const run = find(id);
      if (run.listeners.size >= LISTENERS) {
        throw new Refusal(429, 'this run has too many listeners', { 'retry-after': '5' });
      }
      for (const logged of run.log) if (logged.id > after) listener.onEvent(logged);
      if (run.ended) {
        listener.onEnd();
        return () => {};
      }
      clearTimeout(run.unwatched);
      run.listeners.add(listener);
      return () => {
        run.listeners.delete(listener);
        awaitWatcher(run);
      };
    },
    async close() {
      const ends = living().map(({ child, closed }) => {
        child.kill('SIGKILL');
        return closed;
      });
      await Promise.all(ends);
    },
  };
}

const isAlive = ({ exitCode, signalCode }: ChildProcess) =>
  exitCode === null && signalCode === null;

function killLater(child: ChildProcess): void {
  const timer = setTimeout(() => child.kill('SIGKILL'), GRACE_MS).unref();
  child.once('exit', () => clearTimeout(timer));
}
