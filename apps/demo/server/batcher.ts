import { Refusal } from './problems.js';

export interface BatcherOptions<In, Out> {
  /** Answers many at once, in their order. */
  readonly work: (inputs: readonly In[]) => Promise<readonly Out[]>;
  /** Most that one call gets. */
  readonly batch: number;
  /** Most that may wait; whoever comes then is told to come again. */
  readonly queue: number;
  /** How long one may wait for his answer, in ms. */
  readonly timeoutMs: number;
}

interface Waiting<In, Out> {
  readonly input: In;
  readonly resolve: (output: Out) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Gathers what comes while one call is under way and answers it with the next one: under load calls
 * get larger instead of more, and the wait stays about that of two calls.
 */
export function batcher<In, Out>(
  options: BatcherOptions<In, Out>,
): (input: In, signal?: AbortSignal) => Promise<Out> {
  const { work, batch, queue, timeoutMs } = options;
  const waiting = new Set<Waiting<In, Out>>();
  let busy = false;

  async function next(): Promise<void> {
    if (busy || waiting.size === 0) return;
    busy = true;
    const taken = [...waiting].slice(0, batch);
    for (const each of taken) waiting.delete(each);
    try {
      const outputs = await work(taken.map(({ input }) => input));
      taken.forEach(({ resolve }, i) => {
        resolve(outputs[i]!);
      });
    } catch (error) {
      for (const { reject } of taken) reject(error);
    } finally {
      busy = false;
      void next();
    }
  }

  return (input, signal) => {
    if (waiting.size >= queue) {
      const refusal = new Refusal(503, 'too many questions are waiting; ask again in a second', {
        'retry-after': '1',
      });
      return Promise.reject(refusal);
    }
    return new Promise<Out>((resolve, reject) => {
      const own: Waiting<In, Out> = {
        input,
        resolve: (output) => settle(() => resolve(output)),
        reject: (error) => settle(() => reject(error)),
      };
      const settle = (how: () => void) => {
        clearTimeout(timer);
        signal?.removeEventListener('abort', abort);
        waiting.delete(own);
        how();
      };
      const abort = () => own.reject(new Refusal(400, 'the client has left'));
      const timer = setTimeout(
        () => own.reject(new Refusal(503, 'no answer in time; ask again', { 'retry-after': '5' })),
        timeoutMs,
      );
      signal?.addEventListener('abort', abort, { once: true });
      waiting.add(own);
      void next();
    });
  };
}
