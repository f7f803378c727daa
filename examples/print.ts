import * as tf from '@tensorflow/tfjs-core';

/** The largest |a − b| of two tensors of one shape. */
export function largestDifference(a: tf.Tensor, b: tf.Tensor): number {
  return tf.tidy(() => tf.max(tf.abs(tf.sub(a, b))).dataSync()[0]!);
}

/** Prints what was found, and fails the program where it is more than it may be. */
export function check(claim: string, found: number, atMost: number): void {
  const good = found <= atMost;
  console.log(`${good ? '✓' : '✗'} ${claim}: ${Number(found.toPrecision(2))} (at most ${atMost})`);
  if (!good) process.exitCode = 1;
}

/** Prints about ten of the losses of a descent, first and last included. */
export function table(history: readonly number[]): void {
  const last = history.length - 1;
  const every = Math.max(1, Math.ceil(last / 9));
  console.log('  step          L');
  history.forEach((loss, step) => {
    if (step % every !== 0 && step !== last) return;
    console.log(`${String(step).padStart(6)} ${loss.toExponential(3).padStart(10)}`);
  });
}
