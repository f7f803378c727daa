import { sum } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { vectors } from '../inputs.js';

const image = [
  [1, 2],
  [-1, 6],
];
const text = [
  [3, -4],
  [1, -1],
];

describe('sum', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = sum({ widths: { image: 2, text: 2 } });
    tf.tidy(() => {
      const params = fusion.init(key(0));
      expect(params).toEqual({});
      expectClose(fusion.apply(params, vectors({ image, text })), [
        [4, -2],
        [0, 5],
      ]);
    });
  });

  it('takes three modalities', () => {
    const fusion = sum({ widths: { audio: 2, image: 2, text: 2 } });
    const audio = [
      [5, 1],
      [1, 0],
    ];
    tf.tidy(() => {
      expectClose(fusion.apply({}, vectors({ audio, image, text })), [
        [9, -1],
        [1, 5],
      ]);
    });
  });

  it('projects to `width` where it is set, by hand', () => {
    const fusion = sum({ widths: { image: 2, text: 1 }, width: 1 });
    tf.tidy(() => {
      const params = {
        image: { kernel: tf.tensor2d([[1], [2]]), bias: tf.tensor1d([1]) },
        text: { kernel: tf.tensor2d([[-2]]), bias: tf.tensor1d([0]) },
      };
      // Projected: 1·1 + 2·2 + 1 = 6 and −2·3 = −6.
      const z = fusion.apply(params, vectors({ image: [[1, 2]], text: [[3]] }));
      expectClose(z, [[0]]);
    });
  });

  it('asks for equal widths, and says what to do', () => {
    expect(() => sum({ widths: { image: 512, text: 768 } })).toThrow(
      'fusion.sum: needs equal widths, got image 512, text 768; give the encoders the same width, ' +
        'or set `width` so that each modality is projected linearly to it',
    );
  });
});
