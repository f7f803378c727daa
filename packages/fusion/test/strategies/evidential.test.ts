import { evidential } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { embeddings, layer, vectors } from '../inputs.js';

describe('evidential', () => {
  const widths = { image: 1, text: 1 };
  /** What softplus makes e of. */
  const before = (e: number) => Math.log(Math.exp(e) - 1);
  // Evidence [4, 2] and [2, 6], whatever the input.
  const params = () => ({
    image: layer([[0, 0]], [before(4), before(2)]),
    text: layer([[0, 0]], [before(2), before(6)]),
  });
  const input = () => vectors({ image: [[1]], text: [[1]] });

  it('agrees with a case worked by hand', () => {
    tf.tidy(() => {
      // Beliefs [1/2, 1/4] and [1/5, 3/5], uncertainties 1/4 and 1/5, conflict 3/10 + 1/20.
      // Combined, times 20: [2 + 2 + 1, 3 + 1 + 3, 1] / 13; S = 2·13 and e = [10, 14].
      const evidence = evidential({ widths, width: 2, output: 'evidence' });
      expectClose(evidence.apply(params(), input()), [[10, 14]]);
      const fusion = evidential({ widths, width: 2 });
      const z = fusion.apply(params(), input());
      expectClose(z, [[Math.log(11 / 26), Math.log(15 / 26)]]);
    });
  });

  it('takes what is absent for no evidence', () => {
    const fusion = evidential({ widths, width: 2, output: 'evidence' });
    tf.tidy(() => {
      const { image, text } = input();
      const absent = { ...text!, present: tf.tensor1d([0]) };
      expectClose(fusion.apply(params(), { image: image!, text: absent }), [[4, 2]]);
    });
  });

  it('gives probabilities that sum to one', () => {
    const three = { audio: 4, image: 3, text: 5 };
    const fusion = evidential({ widths: three, width: 7 });
    tf.tidy(() => {
      const z = fusion.apply(fusion.init(key(0)), embeddings(three));
      expectClose(tf.sum(tf.exp(z), 1), [1, 1, 1]);
    });
  });

  it('knows no other output', () => {
    expect(() => evidential({ widths, output: 'belief' as 'evidence' })).toThrow(
      'fusion.evidential: output must be logProbability or evidence, got "belief"',
    );
  });
});
