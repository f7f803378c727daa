import * as tf from '@tensorflow/tfjs-core';

/**
 * Runs `f` and expects as many live tensors after it as before: `f` disposes what it makes.
 * Returns a promise where `f` does.
 */
export function expectNoLeaks(f: () => Promise<unknown>): Promise<void>;
export function expectNoLeaks(f: () => unknown): void;
export function expectNoLeaks(f: () => unknown): void | Promise<void> {
  const before = tf.memory().numTensors;
  const check = () => {
    const leaked = tf.memory().numTensors - before;
    if (leaked !== 0) {
      throw new Error(
        leaked > 0
          ? `expectNoLeaks: ${leaked} tensors were left behind`
          : `expectNoLeaks: ${-leaked} tensors too many were disposed`,
      );
    }
  };
  const result = f();
  if (result instanceof Promise) return result.then(check);
  check();
}
