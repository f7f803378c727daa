import type { Catalog, Inspection, Lab, Reply, Run, RunEvent } from './lab.js';
import { backendName, type LabMessage, labReply } from './messages.js';

type BackendName = ReturnType<typeof backendName.parse>;

export interface LocalLabOptions {
  /** The folder of packed data; default `data/` beside the page. */
  readonly base?: URL;
  /**
   * Backends to try, in this order. Default: the one that the page's address names
   * (`?backend=wasm`), else the fastest that trains in this browser.
   */
  readonly prefer?: readonly BackendName[] | undefined;
  /** Pictures in a batch; default 64. */
  readonly batchSize?: number;
}

/** An error of the lab, with the code that the worker gave it. */
export class LabError extends Error {
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

type Ask = LabMessage extends infer M ? (M extends LabMessage ? Omit<M, 'id'> : never) : never;

/** Trains and answers in a worker of the page itself; the worker starts with the first request. */
export function localLab(options: LocalLabOptions = {}): Lab {
  const { base = new URL('data/', document.baseURI), prefer = asked(), batchSize } = options;
  const waiting = new Map<number, ReturnType<typeof withResolvers<unknown>>>();
  const listeners = new Map<string, (event: RunEvent) => void>();
  let worker: Worker | undefined;
  let messages = 0;

  function fail(error: LabError): void {
    for (const { reject } of waiting.values()) reject(error);
    waiting.clear();
    for (const [run, tell] of listeners) tell({ run, type: 'error', message: error.message });
    listeners.clear();
    worker?.terminate();
    // The next request starts a fresh one.
    worker = undefined;
  }

  function receive(data: unknown): void {
    const reply = labReply.parse(data);
    if (reply.type === 'event') {
      const { event } = reply;
      listeners.get(event.run)?.(event);
      if (event.type === 'stop' || event.type === 'error') listeners.delete(event.run);
      return;
    }
    const pending = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.type === 'result') pending?.resolve(reply.value);
    else pending?.reject(new LabError(reply.code, reply.message));
  }

  function post(message: Ask): Promise<unknown> {
    const id = messages++;
    const pending = withResolvers<unknown>();
    waiting.set(id, pending);
    worker?.postMessage({ ...message, id });
    return pending.promise;
  }

  let opened: Promise<unknown> | undefined;
  async function ask<T>(message: Ask): Promise<T> {
    if (worker === undefined) {
      worker = new Worker(new URL('./worker.ts', import.meta.url), { type: 'module' });
      worker.onmessage = ({ data }: MessageEvent<unknown>) => receive(data);
      worker.onerror = ({ message }) =>
        fail(new LabError('WORKER', `the worker stopped: ${message || 'it could not be loaded'}`));
      opened = post({
        type: 'open',
        base: base.href,
        ...(prefer && { prefer: [...prefer] }),
        ...(batchSize !== undefined && { batchSize }),
      });
    }
    await opened;
    // Both sides are one build; what comes back has the type that was asked for.
    return (await post(message)) as T;
  }

  return {
    catalog: () => ask<Catalog>({ type: 'catalog' }),
    inspect: (fusion) => ask<Inspection>({ type: 'inspect', fusion }),
    async start(request, onEvent) {
      const run = crypto.randomUUID();
      listeners.set(run, onEvent);
      await ask({ type: 'start', run, request }).catch((error) => {
        listeners.delete(run);
        throw error;
      });
      const tell = (type: 'pause' | 'resume' | 'stop') => async () => {
        await ask({ type, run });
      };
      return {
        id: run,
        pause: tell('pause'),
        resume: tell('resume'),
        stop: tell('stop'),
      } satisfies Run;
    },
    async answer(question, signal) {
      const reply = await ask<Reply>({ type: 'answer', question });
      signal?.throwIfAborted();
      return reply;
    },
    async search() {
      throw new LabError('SEARCH', 'search needs the server: run pnpm retrieval, then npm start');
    },
  };
}

function asked(): readonly BackendName[] | undefined {
  const named = backendName.safeParse(new URLSearchParams(location.search).get('backend'));
  return named.success ? [named.data] : undefined;
}

function withResolvers<T>() {
  let resolve!: (value: T) => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
