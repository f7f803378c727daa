import { late } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('late', () => {
  const widths = { image: 2, text: 1 };
  // Logits [5, −2] and [3, 6].
  const classifiers = () => ({
    image: layer(
      [
        [1, 0],
        [2, -1],
      ],
      [0, 0],
    ),
    text: layer([[1, 2]], [0, 0]),
  });
  const input = () => vectors({ image: [[1, 2]], text: [[3]] });

  it('averages the logits, by hand', () => {
    const fusion = late({ widths, width: 2 });
    tf.tidy(() => {
      expectClose(fusion.apply({ classifiers: classifiers() }, input()), [[4, 2]]);
    });
  });

  it('learns how much each counts, by hand', () => {
    const fusion = late({ widths, width: 2, weights: 'learned' });
    tf.tidy(() => {
      expectClose(fusion.init(key(0)).weights!, [0, 0]);
      const params = { classifiers: classifiers(), weights: tf.tensor1d([0, Math.log(3)]) };
      expectClose(fusion.apply(params, input()), [[3.5, 4]]);
    });
  });

  it.each(['equal', 'learned'] as const)(
    'leaves out what is absent, with %s weights',
    (weights) => {
      const fusion = late({ widths, width: 2, weights });
      tf.tidy(() => {
        const params = { ...fusion.init(key(0)), classifiers: classifiers() };
        const { image, text } = input();
        const absent = { ...text!, present: tf.tensor1d([0]) };
        expectClose(fusion.apply(params, { image: image!, text: absent }), [[5, -2]]);
      });
    },
  );

  it('knows no other weights', () => {
    expect(() => late({ widths, weights: 'best' as 'equal' })).toThrow(
      'fusion.late: weights must be equal or learned, got "best"',
    );
  });
});
