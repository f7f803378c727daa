import { backward, descend, encodeImage, encodeText, type Parameters } from './encoders.js';
import { add, loss, step, subtract, type Vector } from './vectors.js';

/** Beyond this it has diverged; there is no point in going on. */
const FAR = 1e6;

/** z₀, z₁, … of gradient descent on z itself, `steps` steps or until it is out of all bounds. */
export function descendOnZ(z: Vector, y: Vector, rate: number, steps: number): Vector[] {
  const path = [z];
  while (path.length <= steps && loss(path.at(-1)!, y) < FAR) {
    path.push(step(path.at(-1)!, y, rate));
  }
  return path;
}

export interface Moment {
  readonly params: Parameters;
  readonly x: Vector;
  readonly y: Vector;
  readonly z: Vector;
  readonly gradients: Parameters;
}

/**
 * The same descent on the parameters of both encoders. The target stays what the text said at
 * first; x, y and with them z move because the networks do.
 */
export function descendOnParameters(
  params: Parameters,
  pixels: Float64Array,
  words: readonly string[],
  rate: number,
  steps: number,
): { readonly target: Vector; readonly moments: Moment[] } {
  const target = encodeText(params, words);
  const moments: Moment[] = [];
  let now = params;
  for (let i = 0; i <= steps; i += 1) {
    const x = encodeImage(now, pixels).vector;
    const y = encodeText(now, words);
    const z = add(x, y);
    const gradients = backward(now, pixels, words, subtract(z, target));
    moments.push({ params: now, x, y, z, gradients });
    if (!(loss(z, target) < FAR)) break;
    now = descend(now, gradients, rate);
  }
  return { target, moments };
}

/** Whole decades of a logarithmic axis that show these losses; what is below 10⁻⁶ is nothing. */
export function lossRange(losses: readonly number[]): [number, number] {
  const most = Math.max(...losses.filter(Number.isFinite), 1e-4);
  return [1e-6, 10 ** Math.min(8, Math.ceil(Math.log10(most)))];
}
