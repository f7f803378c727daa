import { perceiverResampler } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { embeddings, silentLayer } from '../inputs.js';

const widths = { image: 2, text: 2 };

describe('perceiverResampler', () => {
  it('agrees with a case worked by hand: silent layers leave the queries', () => {
    const fusion = perceiverResampler({ widths, queries: 2, layers: 1, heads: 1 });
    tf.tidy(() => {
      const silent = silentLayer(2);
      const params = {
        ...fusion.init(key(0)),
        queries: tf.tensor2d([
          [1, 5],
          [9, 2],
        ]),
        layers: [{ self: silent, cross: { ...silent, memoryNorm: silent.norm } }],
        norm: { scale: tf.tensor1d([3, 4]), offset: tf.tensor1d([1, 0.5]) },
      };
      // Normalised they are (−1, 1) and (1, −1): the mean is the offset.
      expectClose(fusion.apply(params, embeddings(widths, 1)), [[1, 0.5]], { atol: 1e-4 });
      // A cross-attention that hands on its bias alone: (0, 100) makes both (−1, 1).
      const bias = tf.tensor1d([0, 100]);
      const out = { ...silent.attention.out, bias };
      const cross = { ...params.layers[0]!.cross, attention: { ...silent.attention, out } };
      const told = { ...params, layers: [{ self: silent, cross }] };
      expectClose(fusion.apply(told, embeddings(widths, 1)), [[-2, 4.5]], { atol: 1e-4 });
    });
  });

  it('has as many queries as asked for', () => {
    tf.tidy(() => {
      expect(perceiverResampler({ widths }).init(key(0)).queries.shape).toEqual([8, 2]);
      expect(perceiverResampler({ widths, queries: 3 }).init(key(0)).queries.shape).toEqual([3, 2]);
    });
  });
});
