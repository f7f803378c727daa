import '@tensorflow/tfjs';
import { checkGradients, expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, it } from 'vitest';
import { geluExact, geluTanh } from '../src/index.js';

describe.each([
  // Of PyTorch 2.5.1's torch.nn.functional.gelu, `approximate` 'none' and 'tanh'.
  ['geluExact', geluExact, [-0.00405023, -0.15865526, 0, 0.34573123, 1.95449972]],
  ['geluTanh', geluTanh, [-0.00363743, -0.15880799, 0, 0.345714, 1.95459771]],
] as const)('%s', (_, gelu, expected) => {
  it("agrees with PyTorch's, and its gradient with finite differences", () => {
    tf.tidy(() => {
      const x = tf.tensor1d([-3, -1, 0, 0.5, 2]);
      expectClose(gelu(x), expected);
      checkGradients((x) => gelu(x), x);
    });
  });
});
