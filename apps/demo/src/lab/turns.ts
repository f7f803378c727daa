/** Lets one piece of work run at a time, first come, first served. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Runs that each ask for a turn a step therefore go forward side by side, step by step, and a
 * question waits for no more than the steps under way.
 */
export function turns(): Turns {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const mine = last.then(work);
    last = mine.catch(() => {});
    return mine;
  };
}
