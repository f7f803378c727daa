// A user's program on the native backend.
import { backend } from '@chainrule/backend-node';
import * as tf from '@tensorflow/tfjs-core';

const square = (x) => tf.sum(tf.mul(x, x));
const gradient = tf.grad(square)(tf.tensor1d([1, 2, 3]));
console.log(JSON.stringify({ backend: backend.name, gradient: Array.from(gradient.dataSync()) }));
