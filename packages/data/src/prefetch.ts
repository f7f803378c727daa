/**
 * Yields `make(0)` … `make(count − 1)` in order, with up to `ahead` later ones under way while the
 * consumer works on the current one. Ends early with the signal's reason when it aborts.
 */
export async function* prefetch<T>(
  count: number,
  make: (index: number) => Promise<T>,
  ahead: number,
  signal?: AbortSignal,
): AsyncGenerator<T, void, undefined> {
  const underWay: Promise<T>[] = [];
  let next = 0;
  for (;;) {
    signal?.throwIfAborted();
    while (next < count && underWay.length <= ahead) {
      const promise = make(next++);
      // A failure surfaces when its turn comes; until then it is not "unhandled".
      promise.catch(() => {});
      underWay.push(promise);
    }
    const head = underWay.shift();
    if (head === undefined) return;
    yield await untilAborted(head, signal);
  }
}

function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  return new Promise((resolve, reject) => {
    const onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener('abort', onAbort));
  });
}
