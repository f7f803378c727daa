import { sum } from '@chainrule/fusion';
import { halfSquaredError } from '@chainrule/losses';
import { descend, sgd } from '@chainrule/optim';
import * as tf from '@tensorflow/tfjs';

const x = tf.tensor2d([[1.87, 0.59]]);
const y = tf.tensor2d([[-0.6, 1.2]]);

// z = x + y
const fusion = sum({ widths: { image: 2, text: 2 } });
const z = fusion.apply({}, { image: { vector: x }, text: { vector: y } });

// L = ½‖z − y‖²
const loss = (z: tf.Tensor2D) => halfSquaredError(z, y);

// z ← z − α ∂L/∂z, until the gradient is as good as nothing
export const found = await descend(loss, z, sgd({ learningRate: 0.3 }), {
  gradientTolerance: 1e-4,
});
found.tree.print(); // [[-0.6, 1.2]]
