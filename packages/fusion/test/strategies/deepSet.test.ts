import { deepSet } from '@chainrule/fusion';
import { key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, it } from 'vitest';
import { layer, vectors } from '../inputs.js';

describe('deepSet', () => {
  it('agrees with a case worked by hand', () => {
    const fusion = deepSet({ widths: { image: 1, text: 1 } });
    tf.tidy(() => {
      // φ(x) = 2 relu(x + 1) + 3 gives 7 and 3, ρ(10) = −relu(10 − 4) + 0.5.
      const params = {
        phi: { layers: [layer([[1]], [1]), layer([[2]], [3])] },
        rho: { layers: [layer([[1]], [-4]), layer([[-1]], [0.5])] },
      };
      const z = fusion.apply(params, vectors({ image: [[1]], text: [[-2]] }));
      expectClose(z, [[-5.5]]);
    });
  });

  it('does not tell modalities of equal widths apart', () => {
    const fusion = deepSet({ widths: { image: 2, text: 2 } });
    tf.tidy(() => {
      const params = fusion.init(key(0));
      const { image, text } = vectors({ image: [[1, 2]], text: [[3, 4]] });
      expectClose(
        fusion.apply(params, { image: text!, text: image! }),
        fusion.apply(params, { image: image!, text: text! }),
      );
    });
  });

  it('leaves out what is absent', () => {
    const fusion = deepSet({ widths: { image: 2, text: 2 } });
    const alone = deepSet({ widths: { text: 2 } });
    tf.tidy(() => {
      const params = fusion.init(key(0));
      const { image, text } = vectors({ image: [[1, 2]], text: [[3, 4]] });
      const absent = { ...image!, present: tf.tensor1d([0]) };
      expectClose(
        fusion.apply(params, { image: absent, text: text! }),
        alone.apply(params, { text: text! }),
      );
    });
  });

  it('projects modalities of different widths to the widest', () => {
    const fusion = deepSet({ widths: { image: 2, text: 3 }, hidden: 5, width: 4 });
    tf.tidy(() => {
      const { projections, phi, rho } = fusion.init(key(0));
      expect(projections!.image!.kernel.shape).toEqual([2, 3]);
      expect(phi.layers.map(({ kernel }) => kernel.shape)).toEqual([
        [3, 5],
        [5, 5],
      ]);
      expect(rho.layers[1]!.kernel.shape).toEqual([5, 4]);
    });
  });
});
