let last = 0;

/** A timer of Node's waits a whole millisecond. */
const later: (resolve: () => void) => void =
  typeof setImmediate === 'function' ? setImmediate : (resolve) => setTimeout(resolve, 0);

/** Lets timers, signals and the page run, at most every few milliseconds: native steps never yield. */
export async function breathe(everyMs = 20): Promise<void> {
  const now = performance.now();
  if (now - last < everyMs) return;
  await new Promise<void>((resolve) => later(resolve));
  last = performance.now();
}
