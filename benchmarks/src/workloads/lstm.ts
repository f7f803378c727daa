import { vectorLstm } from '@chainrule/encoders-text';
import { meanSquaredError } from '@chainrule/losses';
import { key, split, uniform } from '@chainrule/tensor';
import type { Workload } from '../workload.js';
import { forwardBackward } from './gradient.js';

const [TIME, BATCH, WIDTH] = [64, 32, 256];

/** An LSTM over 64 steps, batch 32, width 256 in and out; mean squared error over all its states. */
export function lstm(): Workload {
  const model = vectorLstm({ in: WIDTH, width: WIDTH });
  const shape: [number, number, number] = [BATCH, TIME, WIDTH];
  return forwardBackward(
    () => model.init(key(0)),
    () => ({ x: uniform(split(key(0), 'x'), shape), target: uniform(split(key(0), 'y'), shape) }),
    (params, { x, target }) =>
      meanSquaredError(model.apply(params as never, x as never).tokens!, target),
  );
}
