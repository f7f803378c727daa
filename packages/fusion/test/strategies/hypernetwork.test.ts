import { hypernetwork } from '@chainrule/fusion';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { kernel, layer, vectors } from '../inputs.js';

describe('hypernetwork', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = hypernetwork({ widths: { image: 2, text: 1 }, width: 1 });
    tf.tidy(() => {
      const params = {
        kernel: tf.tensor3d([[[2], [-1]]]),
        features: kernel([[1], [1]]),
        condition: layer([[4]], [0.5]),
      };
      // W(3) = [3·2 + 1, 3·(−1) + 1] = [7, −2], b(3) = 12.5.
      const z = fusion.apply(params, vectors({ image: [[10, 20]], text: [[3]] }));
      expectClose(z, [[70 - 40 + 12.5]]);
    });
  });

  it('takes any modality as the condition, and the others together', () => {
    const widths = { audio: 1, image: 2, text: 3 };
    expect(hypernetwork({ widths }).config).toMatchObject({ condition: 'text', width: 3 });
    expect(hypernetwork({ widths, condition: 'audio' }).config.condition).toBe('audio');
    expect(hypernetwork({ widths: { image: 80, text: 70 } }).width).toBe(64);
    expect(() => hypernetwork({ widths, condition: 'video' })).toThrow(
      'fusion.hypernetwork: condition must be one of audio, image, text, got "video"',
    );
    expect(() => hypernetwork({ widths: { text: 1 } })).toThrow('at least 2 modalities');
  });
});
