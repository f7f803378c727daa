import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { ChainruleError } from '@chainrule/tensor';
import { lock } from 'proper-lockfile';

export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  /** Called once, when another process holds the lock and this one starts to wait. */
  readonly onWait: () => void;
}

/**
 * Runs `work` while no other process works in the folder. The lock is touched every second; one
 * that a killed process left behind counts as free after five.
 */
export async function withLock<T>(
  folder: string,
  work: (signal: AbortSignal) => Promise<T>,
  options: LockOptions,
): Promise<T> {
  const lost = new AbortController();
  let waiting = false;
  const acquire = async (): Promise<() => Promise<void>> => {
    for (;;) {
      options.signal?.throwIfAborted();
      try {
        return await lock(folder, {
          lockfilePath: join(folder, 'install.lock'),
          stale: 5_000,
          update: 1_000,
          onCompromised: (cause) => lost.abort(lostLock(folder, cause)),
        });
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'ELOCKED') throw error;
        if (!waiting) options.onWait();
        waiting = true;
        await sleep(250, undefined, options.signal && { signal: options.signal });
      }
    }
  };
  const release = await acquire();
  try {
    return await work(
      options.signal ? AbortSignal.any([options.signal, lost.signal]) : lost.signal,
    );
  } finally {
    if (!lost.signal.aborted) await release();
  }
}

const lostLock = (folder: string, cause: unknown) =>
  new ChainruleError(
    'NATIVE_LOCK',
    `chainrule-native: lost the lock on ${folder}, because this process stood still for too long or another removed it; run this again.`,
    { cause },
  );
