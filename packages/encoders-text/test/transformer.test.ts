import '@tensorflow/tfjs';
import { countParams, key } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { type TransformerOptions, transformer } from '../src/index.js';

const size = { vocabulary: 9, width: 8, heads: 2 };
const apply = (options: TransformerOptions, rows: number[][]) => {
  const encoder = transformer(options);
  return encoder.apply(encoder.init(key(5)), tf.tensor2d(rows, undefined, 'int32'));
};

describe('transformer', () => {
  it.each(['learned', 'sinusoidal', 'rotary'] as const)(
    'sees the order of words (%s)',
    (positions) => {
      tf.tidy(() => {
        const vector = apply({ ...size, positions }, [
          [2, 3, 4],
          [4, 3, 2],
        ]).vector.arraySync();
        expect(Math.abs(vector[0]![0]! - vector[1]![0]!)).toBeGreaterThan(1e-3);
      });
    },
  );

  it('turns by rotary positions so that only distances count', () => {
    tf.tidy(() => {
      // With one layer and the last word's view, what stands before a padded front is shifted.
      const options = { ...size, layers: 1, positions: 'rotary', pooling: 'last' } as const;
      const { vector } = apply(options, [
        [2, 3, 4, 0, 0],
        [0, 0, 2, 3, 4],
      ]);
      const [front, back] = vector.arraySync() as [number[], number[]];
      expectClose(front, back, { atol: 1e-5 });
    });
  });

  it('sees nothing later where it is causal', () => {
    tf.tidy(() => {
      const options = { ...size, causal: true };
      const { tokens } = apply(options, [
        [2, 3, 4, 5],
        [2, 3, 6, 0],
      ]);
      const [one, other] = tf.unstack(tf.slice(tokens!, [0, 0, 0], [2, 2, 8]));
      expectClose(one!, other!);
    });
  });

  it('gives zeros for a row of padding alone', () => {
    tf.tidy(() => {
      for (const pooling of ['mean', 'last'] as const) {
        const { vector } = apply({ ...size, pooling }, [[0, 0, 0]]);
        expect([...vector.dataSync()].every((x) => x === 0)).toBe(true);
      }
      for (const pooling of ['class', 'attention'] as const) {
        const { vector } = apply({ ...size, pooling }, [[0, 0, 0]]);
        expect([...vector.dataSync()].every(Number.isFinite)).toBe(true);
      }
    });
  });

  it('reads texts of any length without learned positions', () => {
    tf.tidy(() => {
      const long = [[2, 3, 4, 5, 6]];
      for (const positions of ['sinusoidal', 'rotary'] as const) {
        expect(apply({ ...size, positions, maxLength: 2 }, long).vector.shape).toEqual([1, 8]);
      }
      expect(() => apply({ ...size, maxLength: 4 }, long)).toThrow(
        'encoders-text.transformer: ids are 5 long and the positions reach 4; cut the texts',
      );
    });
  });

  it('has parameters only for what it uses', () => {
    tf.tidy(() => {
      const names = (options: Partial<TransformerOptions>) =>
        Object.keys(transformer({ ...size, ...options }).init(key(0)));
      expect(names({})).toEqual(['embedding', 'positions', 'stack']);
      expect(names({ positions: 'rotary', pooling: 'class' })).toEqual([
        'embedding',
        'class',
        'stack',
      ]);
      expect(names({ positions: 'sinusoidal', pooling: 'attention' })).toEqual([
        'embedding',
        'stack',
        'pool',
      ]);
    });
  });

  it('has the parameters of its size', () => {
    tf.tidy(() => {
      const encoder = transformer({
        vocabulary: 1000,
        width: 256,
        layers: 4,
        heads: 8,
        feedForward: 1024,
        maxLength: 64,
      });
      // Each layer: 4·256² + 3·256 of attention, 2·256·1024 + 1280 of the rest, 4·256 of norms.
      const layer = 4 * 256 ** 2 + 3 * 256 + 2 * 256 * 1024 + 1280 + 4 * 256;
      expect(countParams(encoder.init(key(0)))).toBe(1000 * 256 + 64 * 256 + 4 * layer + 2 * 256);
    });
  });

  it('names what is wrong with its options', () => {
    expect(() => transformer({ ...size, heads: 3 })).toThrow('heads must divide width');
    expect(() => transformer({ ...size, dropout: 1 })).toThrow('dropout must be in [0, 1)');
    expect(() => transformer({ ...size, layers: 0 })).toThrow('layers must be a positive integer');
    expect(() => transformer({ ...size, maxLength: 1.5 })).toThrow(
      'encoders-text.transformer: maxLength must be a positive integer, got 1.5',
    );
    expect(() => transformer({ ...size, causal: true, pooling: 'class' })).toThrow(
      'use pooling "last"',
    );
    expect(() => transformer({ vocabulary: 9, width: 6, heads: 2, positions: 'rotary' })).toThrow(
      'width must be an even multiple of heads, got 6 and 2 heads',
    );
  });
});
