let last = 0;

/** Lets timers, signals and the page run, at most every few milliseconds: native steps never yield. */
export async function breathe(everyMs = 20): Promise<void> {
  const now = performance.now();
  if (now - last < everyMs) return;
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  last = performance.now();
}
