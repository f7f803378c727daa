// A user's page: the same packages, bundled; here with the gradients that training needs.
import '@tensorflow/tfjs-backend-cpu';
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { sum } from '@chainrule/fusion';
import { halfSquaredError } from '@chainrule/losses';
import * as tf from '@tensorflow/tfjs-core';

const fusion = sum({ widths: { image: 2, text: 2 } });
const text = { vector: tf.tensor2d([[3, -4]]) };
const y = tf.tensor2d([[1, 1]]);
const loss = (x) => halfSquaredError(fusion.apply({}, { image: { vector: x }, text }), y);
const gradient = tf.grad(loss)(tf.tensor2d([[1, 2]]));

globalThis.result = { backend: tf.getBackend(), gradient: Array.from(gradient.dataSync()) };
