import { describe, expect, it } from 'vitest';
import { descendOnParameters, descendOnZ } from '../../src/rooms/learn/descent.js';
import {
  backward,
  encodeImage,
  encodeText,
  type Parameters,
  parameterCount,
} from '../../src/rooms/learn/encoders.js';
import { colours, draw, shapes } from '../../src/rooms/learn/pictures.js';
import { start } from '../../src/rooms/learn/start.js';
import { add, loss, norm, regime, subtract, type Vector } from '../../src/rooms/learn/vectors.js';

const z: Vector = [1.27, 1.79];
const y: Vector = [-0.6, 1.2];

describe('descent on z', () => {
  it.each([0.05, 0.3, 1, 1.7, 2, 2.5])('is y + (1 − α)ᵏ(z₀ − y) with α = %s', (rate) => {
    descendOnZ(z, y, rate, 12).forEach((point, k) => {
      const factor = (1 - rate) ** k;
      const expected: Vector = [y[0] + factor * (z[0] - y[0]), y[1] + factor * (z[1] - y[1])];
      expect(norm(subtract(point, expected))).toBeLessThan(1e-9 * Math.max(1, Math.abs(factor)));
    });
  });

  it('says what a learning rate does', () => {
    const rates = [0, 0.5, 1, 1.5, 2, 2.1];
    const words = ['still', 'converges', 'jumps', 'oscillates', 'circles', 'diverges'];
    expect(rates.map(regime)).toEqual(words);
  });

  it('ends where it has diverged', () => {
    const path = descendOnZ(z, y, 2.5, 1000);
    expect(path.length).toBeLessThan(40);
    expect(path.flat().every(Number.isFinite)).toBe(true);
  });
});

describe('encoders', () => {
  const pixels = draw({ colour: 'blue', shape: 'triangle' });
  const words = ['a', 'red', 'red', 'circle'];

  it('make vectors that lie within the plane, and apart from each other', () => {
    const xs = colours.flatMap((colour) =>
      shapes.map((shape) => encodeImage(start, draw({ colour, shape })).vector),
    );
    const ys = colours.flatMap((colour) =>
      shapes.map((shape) => encodeText(start, ['a', colour, shape])),
    );
    for (const [a, b] of [...xs, ...ys]) {
      expect(Math.abs(a)).toBeLessThan(3);
      expect(Math.abs(b)).toBeLessThan(2.5);
    }
    expect(new Set(xs.map(String)).size).toBe(9);
    // The gradient at the start is x: were it nothing, there would be nothing to see.
    for (const x of xs) expect(norm(x)).toBeGreaterThan(0.5);
  });

  it('get the gradients that finite differences give, every parameter of them', () => {
    const target: Vector = [0.3, -0.8];
    const lossOf = (params: Parameters) =>
      loss(add(encodeImage(params, pixels).vector, encodeText(params, words)), target);
    // Off the corners of the ReLUs: at the start some filters are exactly 0 on even ground.
    const point: Parameters = {
      ...start,
      filters: start.filters.map((filter, k) =>
        filter.map((weight, i) => weight + 0.05 * Math.sin(7 * i + 3 * k + 1)),
      ),
    };
    const g = subtract(add(encodeImage(point, pixels).vector, encodeText(point, words)), target);
    const flat = (params: Parameters) => [
      ...params.filters.flat(),
      ...params.weights.flat(),
      ...params.bias,
      ...Object.values(params.words).flat(),
    ];
    const analytic = flat(backward(point, pixels, words, g));
    expect(analytic).toHaveLength(parameterCount(start));
    const values = flat(point);
    const rebuild = (numbers: readonly number[]): Parameters => {
      const rest = [...numbers];
      const take = (count: number) => rest.splice(0, count);
      const vector = () => take(2) as unknown as Vector;
      return {
        filters: start.filters.map((filter) => take(filter.length)),
        weights: [take(4), take(4)],
        bias: vector(),
        words: Object.fromEntries(Object.keys(start.words).map((word) => [word, vector()])),
      };
    };
    const h = 1e-6;
    values.forEach((value, i) => {
      const at = (to: number) => lossOf(rebuild(values.with(i, to)));
      const numeric = (at(value + h) - at(value - h)) / (2 * h);
      expect(Math.abs(analytic[i]! - numeric)).toBeLessThan(1e-6);
    });
  });

  it('bring z to the goal by learning', () => {
    for (const colour of colours) {
      for (const shape of shapes) {
        const words = ['a', colour, shape];
        const { target, moments } = descendOnParameters(
          start,
          draw({ colour, shape }),
          words,
          0.05,
          30,
        );
        expect(loss(moments.at(-1)!.z, target)).toBeLessThan(0.01 * loss(moments[0]!.z, target));
      }
    }
  });
});

describe('the same in code', () => {
  it('runs, and finds y', async () => {
    const { found } = await import('../../src/rooms/learn/example.js');
    const [a, b] = Array.from(found.tree.dataSync());
    expect(norm(subtract([a!, b!], [-0.6, 1.2]))).toBeLessThan(1e-3);
    expect(found.steps).toBeLessThan(40);
  });
});
