import { alignment, geometry, modalityGap, uniformity } from '@chainrule/diagnose';
import { checkGradients, expectNoLeaks, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

interface Reference {
  readonly x: number[][];
  readonly y: number[][];
  readonly alignment: number;
  readonly uniformity: { readonly x: number; readonly y: number };
  readonly gap: number;
}
const reference = loadFixture<Reference>(import.meta.url, 'representations.json');
const pair = () => ({ x: tf.tensor2d(reference.x), y: tf.tensor2d(reference.y) });
const value = (scalar: tf.Scalar) => scalar.dataSync()[0]!;

describe('representations', () => {
  it('agree with PyTorch', () => {
    tf.tidy(() => {
      const { x, y } = pair();
      expect(value(alignment(x, y))).toBeCloseTo(reference.alignment, 5);
      expect(value(uniformity(x))).toBeCloseTo(reference.uniformity.x, 5);
      expect(value(uniformity(y))).toBeCloseTo(reference.uniformity.y, 5);
      expect(value(modalityGap(x, y))).toBeCloseTo(reference.gap, 5);
    });
  });

  it('have the values that can be worked out by hand', () => {
    tf.tidy(() => {
      const x = tf.tensor2d([
        [3, 0],
        [0, 5],
      ]);
      expect(value(alignment(x, tf.mul(x, 7)))).toBeCloseTo(0);
      expect(value(alignment(x, tf.neg(x)))).toBeCloseTo(4);
      // Two points, √2 apart.
      expect(value(uniformity(x))).toBeCloseTo(-4);
      expect(value(uniformity(tf.ones([4, 3])))).toBeCloseTo(0);
      expect(value(modalityGap(x, tf.reverse(x, 0)))).toBeCloseTo(0);
      expect(value(modalityGap(x, tf.neg(x)))).toBeCloseTo(Math.SQRT2);
    });
  });

  it('have the gradients that finite differences give', () => {
    tf.tidy(() => {
      const scalars = ({ x, y }: { x: tf.Tensor2D; y: tf.Tensor2D }) =>
        tf.addN([alignment(x, y), uniformity(x), modalityGap(x, y)]);
      checkGradients(scalars as never, pair() as never, { elements: 8 });
    });
  });

  it('come together as numbers, for each two modalities', async () => {
    const { x, y } = pair();
    const found = await geometry({ text: y, image: x });
    expect(found.uniformity.image).toBeCloseTo(reference.uniformity.x, 5);
    expect(found.pairs).toHaveLength(1);
    expect(found.pairs[0]!.between).toEqual(['image', 'text']);
    expect(found.pairs[0]!.alignment).toBeCloseTo(reference.alignment, 5);
    expect(found.pairs[0]!.gap).toBeCloseTo(reference.gap, 5);
    tf.dispose([x, y]);
  });

  it('leak nothing and refuse what does not fit', () => {
    expectNoLeaks(() => {
      const { x, y } = pair();
      tf.dispose([alignment(x, y), uniformity(x), modalityGap(x, y), x, y]);
    });
    tf.tidy(() => {
      const { x } = pair();
      expect(() => alignment(x, tf.ones([6, 4]))).toThrow('must have the same shape');
      expect(() => modalityGap(x, tf.ones([6, 4]))).toThrow('must have the same width');
      expect(() => uniformity(tf.ones([1, 4]))).toThrow('needs two examples');
    });
  });
});
