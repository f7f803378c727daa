import { meanSquaredError } from '@chainrule/losses';
import { key, split, transformer, uniform } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Workload } from '../workload.js';
import { forwardBackward } from './gradient.js';

const [TIME, BATCH, WIDTH] = [64, 32, 256];

/**
 * A transformer of 4 layers, 8 heads, width 256 and 1,024 hidden, over 64 tokens, batch 32; mean
 * squared error of the mean token.
 */
export function attention(): Workload {
  const model = transformer({ layers: 4, width: WIDTH, heads: 8, hidden: 1024 });
  return forwardBackward(
    () => model.init(key(0)),
    () => ({
      x: uniform(split(key(0), 'x'), [BATCH, TIME, WIDTH]),
      target: uniform(split(key(0), 'y'), [BATCH, WIDTH]),
    }),
    (params, { x, target }) => {
      const tokens = model.apply(params as never, { tokens: x as tf.Tensor3D });
      return meanSquaredError(tf.mean(tokens, 1), target);
    },
  );
}
