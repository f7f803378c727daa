// A user's program in plain Node: two packages from the registry, tfjs-core and its cpu backend.
import '@tensorflow/tfjs-backend-cpu';
import { gated, sum } from '@chainrule/fusion';
import { halfSquaredError } from '@chainrule/losses';
import { key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

await tf.setBackend('cpu');
const embeddings = {
  image: { vector: tf.tensor2d([[1, 2]]) },
  text: { vector: tf.tensor2d([[3, -4]]) },
};
const widths = { image: 2, text: 2 };
const fuse = (strategy) => strategy.apply(strategy.init(key(0)), embeddings);
const z = fuse(sum({ widths }));
const loss = halfSquaredError(z, tf.tensor2d([[1, 1]]));
const gate = fuse(gated({ widths, width: 3 }));
console.log(
  JSON.stringify({
    backend: tf.getBackend(),
    z: Array.from(z.dataSync()),
    loss: loss.dataSync()[0],
    gated: gate.shape,
  }),
);
