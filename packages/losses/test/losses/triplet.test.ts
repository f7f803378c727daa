import { triplet } from '@chainrule/losses';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';

describe('triplet', () => {
  const image = () =>
    tf.tensor2d([
      [1, 0],
      [0, 1],
      [0.6, 0.8],
    ]);

  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      // s₁₂ = 0, s₁₃ = 0.6, s₂₃ = 0.8, sᵢᵢ = 1; symmetric, so both directions cost the same.
      const hardest = triplet(image(), image(), { margin: 0.5, reduction: 'none' });
      expectClose(hardest, [0.2, 0.6, 0.6]);
      const all = triplet(image(), image(), { margin: 0.5, negatives: 'all', reduction: 'none' });
      expectClose(all, [0.2, 0.6, 0.8]);
    });
  });

  it('takes none of the same label for a negative, and costs nothing where there is none', () => {
    tf.tidy(() => {
      const labels = tf.tensor1d([1, 2, 2], 'int32');
      const found = triplet(image(), image(), { margin: 0.5, labels, reduction: 'none' });
      expectClose(found, [0.2, 0, 0.2]);
      const same = triplet(image(), image(), { labels: tf.tensor1d([1, 1, 1], 'int32') });
      expectClose(same, 0);
      expectClose(triplet(tf.ones([1, 2]), tf.ones([1, 2])), 0);
    });
  });

  it('suggests the nearest name', () => {
    tf.tidy(() => {
      const negatives = 'hardst' as 'hardest';
      expect(() => triplet(image(), image(), { negatives })).toThrow('Did you mean "hardest"?');
    });
  });
});
