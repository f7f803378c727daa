import '@tensorflow/tfjs';
import { key, split, uniformArray } from '@chainrule/tensor';
import { expectClose, expectNoLeaks, loadFixture } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import {
  type Augmentation,
  augment,
  augmentations,
  colorJitter,
  cutout,
  mixTargets,
  mixup,
  randomCrop,
  randomResizedCrop,
} from '../src/index.js';
import { betaQuantiles } from '../src/mixup.js';

interface Fixture {
  readonly shape: [number, number, number, number];
  readonly images: number[];
  readonly cases: readonly { readonly augmentation: Augmentation; readonly expected: number[] }[];
  readonly mixup: {
    readonly partner: number[];
    readonly weight: number[];
    readonly inputs: number[];
  };
}
const given = loadFixture<Fixture>(import.meta.url, 'augment.json');
const images = () => tf.tensor4d(given.images, given.shape);
const random = (batch = 64) =>
  tf.randomUniform([batch, 8, 8, 3], 0, 1, 'float32', 1) as tf.Tensor4D;

it('the draws of the fixtures are those of key(0)', () => {
  const all = loadFixture<{ [name: string]: { [draw: string]: number[] } }>(
    import.meta.url,
    'augment_draws.json',
  );
  for (const [name, draws] of Object.entries(all)) {
    for (const [draw, values] of Object.entries(draws)) {
      expect([...uniformArray(split(split(key(0), name), draw), values.length)]).toEqual(values);
    }
  }
});

describe.each(given.cases)('$augmentation.type', ({ augmentation, expected }) => {
  it('is what NumPy makes of the same draws', () => {
    tf.tidy(() => expectClose(augment(images(), [augmentation], key(0)), expected, { atol: 1e-5 }));
  });
});

describe.each(Object.keys(augmentations) as (keyof typeof augmentations)[])('%s', (name) => {
  it('is a function of the key, in 0…1, and leaks nothing', () => {
    expectNoLeaks(() => {
      const x = random();
      const [a, again, other] = [0, 0, 1].map((seed) => augment(x, [name], key(seed)));
      expect([...again!.dataSync()]).toEqual([...a!.dataSync()]);
      expect([...other!.dataSync()]).not.toEqual([...a!.dataSync()]);
      expect(a!.shape).toEqual(x.shape);
      const values = a!.dataSync();
      expect(values.every((v) => v >= -1e-6 && v <= 1 + 1e-6)).toBe(true);
      tf.dispose([x, a!, again!, other!]);
    });
  });

  it('treats each image on its own', () => {
    tf.tidy(() => {
      const same = tf.tile(random(1), [64, 1, 1, 1]) as tf.Tensor4D;
      const rows = (tf.reshape(augment(same, [name], key(0)), [64, -1]) as tf.Tensor2D).arraySync();
      expect(new Set(rows.map((row) => row.join())).size).toBeGreaterThan(1);
    });
  });
});

describe('expectations', () => {
  it('colours keep their mean, a crop without padding and a whole crop change nothing', () => {
    tf.tidy(() => {
      const grey = tf.fill<tf.Rank.R4>([2000, 1, 2, 3], 0.5);
      expectClose(tf.mean(colorJitter(grey, key(0))), 0.5, { atol: 0.01 });
      const x = random();
      expectClose(randomCrop(x, key(0), { pad: 0 }), x);
      expectClose(randomResizedCrop(x, key(0), { area: [1, 1], ratio: [1, 1] }), x, { atol: 1e-5 });
    });
  });

  it('cutout covers its share of the middle', () => {
    tf.tidy(() => {
      const covered = cutout(tf.zeros([4000, 8, 8, 1]), key(0), { size: 0.5, fill: 1 });
      // 4×4 of 64 centres reach a pixel in the middle.
      const middle = tf.mean(tf.slice(covered, [0, 4, 4, 0], [-1, 1, 1, 1]));
      expectClose(middle, 0.25, { atol: 0.03 });
    });
  });

  it('shifts are uniform', () => {
    tf.tidy(() => {
      const line = tf.tile(tf.tensor4d([0, 0, 1, 0, 0], [1, 1, 5, 1]), [3000, 1, 1, 1]);
      const places = tf.mean(randomCrop(line as tf.Tensor4D, key(0), { pad: 2 }), [0, 1, 3]);
      // A fifth of the images have lost their row to the vertical shift each way.
      expectClose(places, Array(5).fill(0.04), { atol: 0.015 });
    });
  });
});

describe('mixup', () => {
  it('is what NumPy makes of the same draws', () => {
    tf.tidy(() => {
      const { inputs, partner, weight } = mixup(images(), split(key(0), 'mixup'), { alpha: 1 });
      expect([...partner.dataSync()]).toEqual(given.mixup.partner);
      expectClose(weight, given.mixup.weight, { atol: 1e-5 });
      expectClose(inputs, given.mixup.inputs, { atol: 1e-5 });
      const one = tf.oneHot(tf.range(0, 4, 1, 'int32'), 4) as tf.Tensor2D;
      const mixed = mixTargets(tf.cast(one, 'float32'), { partner, weight });
      expectClose(tf.sum(mixed, 1), [1, 1, 1, 1]);
      expectClose(tf.sum(tf.mul(mixed, one), 1), weight);
    });
  });

  it('draws weights from Beta(alpha, alpha): mean ½ and variance 1/(4(2·alpha + 1))', () => {
    for (const alpha of [0.2, 0.5, 1, 3]) {
      const table = [...betaQuantiles(alpha)];
      const mean = table.reduce((a, b) => a + b) / table.length;
      const variance = table.reduce((sum, x) => sum + (x - mean) ** 2, 0) / table.length;
      expect(mean).toBeCloseTo(0.5, 5);
      expect(variance).toBeCloseTo(1 / (4 * (2 * alpha + 1)), 3);
      expect(table.every((x, i) => i === 0 || x >= table[i - 1]!)).toBe(true);
    }
    expect(() => mixup(images(), key(0), { alpha: 0 })).toThrow('alpha must be positive, got 0');
  });
});

describe('wrong options', () => {
  it.each<[() => unknown, string]>([
    [
      () => randomCrop(images(), key(0), { pad: 1.5 }),
      'pad must be a whole number from 0 on, got 1.5',
    ],
    [
      () => randomResizedCrop(images(), key(0), { area: [0.5, 2] }),
      'area must be [least, greatest] in (0, 1]',
    ],
    [() => cutout(images(), key(0), { size: 0 }), 'size must be in (0, 1], got 0'],
    [() => colorJitter(images(), key(0), { hue: 0.7 }), 'hue must be in [0, 0.5], got 0.7'],
    [
      () => colorJitter(tf.zeros([1, 2, 2, 1]), key(0)),
      'saturation and hue need 3 channels, got 1',
    ],
  ])('%#', (run, message) => {
    tf.tidy(() => {
      expect(run).toThrow(message);
    });
  });
});
