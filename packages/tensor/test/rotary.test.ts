import '@tensorflow/tfjs';
import { checkGradients, expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  causalMask,
  key,
  normalArray,
  rotaryPositions,
  rotate,
  scaledDotProductAttention,
} from '../src/index.js';

const random = (seed: number, shape: [number, number, number, number]) =>
  tf.tensor4d(normalArray(key(seed), tf.util.sizeFromShape(shape)), shape);

describe('rotary positions', () => {
  it('turn pairs as complex numbers do', () => {
    const x = tf.tensor4d([1, 2, 3, 4, 1, 2, 3, 4], [1, 1, 2, 4]);
    // Pairs (1, 3) and (2, 4) at place 1 are turned by 1 and by 1/100.
    const turn = (a: number, b: number, t: number) => [
      a * Math.cos(t) - b * Math.sin(t),
      a * Math.sin(t) + b * Math.cos(t),
    ];
    const [a, c] = turn(1, 3, 1);
    const [b, d] = turn(2, 4, 0.01);
    expectClose(rotate(x, rotaryPositions(2, 4)), [
      [
        [
          [1, 2, 3, 4],
          [a!, b!, c!, d!],
        ],
      ],
    ]);
  });

  it('make the product of query and key depend on their distance alone', () => {
    const [q, k] = [1, 2].map((seed) => tf.tile(random(seed, [1, 1, 1, 6]), [1, 1, 5, 1]));
    const turns = rotaryPositions(5, 6);
    const logits = tf.matMul(
      rotate(q as tf.Tensor4D, turns),
      rotate(k as tf.Tensor4D, turns),
      false,
      true,
    );
    const [rows] = (logits.arraySync() as number[][][][])[0]!;
    expectClose(rows![4]!.slice(1), rows![3]!.slice(0, 4), { atol: 1e-5 });
    expect(Math.abs(rows![4]![0]! - rows![4]![1]!)).toBeGreaterThan(1e-3);
  });

  it('have the gradient of finite differences', () => {
    checkGradients(({ x }) => rotate(x, rotaryPositions(3, 4)), { x: random(3, [2, 2, 3, 4]) });
  });

  it('need pairs', () => {
    expect(() => rotaryPositions(4, 3)).toThrow(
      'tensor.rotaryPositions: depth must be even, got 3',
    );
    expect(() => rotaryPositions(0, 4)).toThrow('length must be a positive integer');
  });
});

describe('causalMask', () => {
  it('hides what comes later, and padding', () => {
    const mask = tf.tensor2d([
      [1, 1, 1],
      [0, 1, 0],
    ]);
    expectClose(causalMask(mask), [
      [
        [1, 0, 0],
        [1, 1, 0],
        [1, 1, 1],
      ],
      [
        [0, 0, 0],
        [0, 1, 0],
        [0, 1, 0],
      ],
    ]);
  });

  it('leaves 0 to a query that may see nothing', () => {
    const x = random(4, [1, 2, 3, 2]);
    const y = scaledDotProductAttention(x, x, x, causalMask(tf.tensor2d([[0, 1, 0]])));
    const [first, second] = tf.unstack(y, 2);
    expectClose(first!, [0, 0, 0, 0]);
    expectClose(second!, tf.gather(x, 1, 2));
  });
});
