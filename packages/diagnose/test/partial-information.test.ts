import { countJoint, partialInformation } from '@chainrule/diagnose';
import { key, uniformArray } from '@chainrule/tensor';
import { describe, expect, it } from 'vitest';

/** The joint table of uniform bits and a gate. */
function gate(f: (a: number, b: number) => number, outputs = 2): number[][][] {
  return [0, 1].map((a) =>
    [0, 1].map((b) => Array.from({ length: outputs }, (_, y) => (f(a, b) === y ? 1 : 0))),
  );
}

const bit = Math.log(2);
/** I(Y; A) of AND: H(1/4) − H(1/2) / 2. */
const and = -(0.25 * Math.log(0.25) + 0.75 * Math.log(0.75)) - bit / 2;

describe('partialInformation', () => {
  // Published values in nats: XOR .6931 of synergy; AND .2161 of redundancy, .3465 of synergy.
  const gates: [string, number[][][], number, [number, number], number][] = [
    ['XOR', gate((a, b) => a ^ b), 0, [0, 0], bit],
    ['AND', gate((a, b) => a & b), 0.2161, [0, 0], 0.3465],
    ['OR', gate((a, b) => a | b), 0.2161, [0, 0], 0.3465],
    ['UNQ, a copy of the first', gate((a) => a), 0, [bit, 0], 0],
    ['UNQ, a copy of the second', gate((_, b) => b), 0, [0, bit], 0],
    ['COPY of both', gate((a, b) => 2 * a + b, 4), 0, [bit, bit], 0],
  ];

  it.each(gates)('decomposes %s', (_, joint, redundancy, unique, synergy) => {
    const found = partialInformation(joint);
    expect(Math.abs(found.redundancy - redundancy)).toBeLessThan(1e-3);
    expect(Math.abs(found.unique[0] - unique[0])).toBeLessThan(1e-3);
    expect(Math.abs(found.unique[1] - unique[1])).toBeLessThan(1e-3);
    expect(Math.abs(found.synergy - synergy)).toBeLessThan(1e-3);
  });

  it('is exact where the solution is known: AND has no unique information', () => {
    const found = partialInformation(gate((a, b) => a & b));
    expect(Math.abs(found.redundancy - and)).toBeLessThan(1e-6);
    expect(Math.abs(found.synergy - bit / 2)).toBeLessThan(1e-6);
  });

  it('calls what both sources say redundant (RDN)', () => {
    const found = partialInformation([
      [
        [1, 0],
        [0, 0],
      ],
      [
        [0, 0],
        [0, 1],
      ],
    ]);
    expect(found.redundancy).toBeCloseTo(bit, 6);
    expect(found.synergy).toBeCloseTo(0, 6);
  });

  it('tells parts of a target apart: a shared bit, one of the first alone, and an XOR', () => {
    // a = (shared, own, x), b = (shared, z), y = (shared, own, x XOR z), all bits uniform.
    const joint = Array.from({ length: 8 }, (_, a) =>
      Array.from({ length: 4 }, (_, b) =>
        Array.from({ length: 8 }, (_, y) => {
          const [shared, own, x, z] = [a >> 2, (a >> 1) & 1, a & 1, b & 1];
          return shared === b >> 1 && y === 4 * shared + 2 * own + (x ^ z) ? 1 : 0;
        }),
      ),
    );
    const { redundancy, unique, synergy, total } = partialInformation(joint);
    expect(total).toBeCloseTo(3 * bit, 9);
    expect(redundancy).toBeCloseTo(bit, 6);
    expect(unique[0]).toBeCloseTo(bit, 6);
    expect(unique[1]).toBeCloseTo(0, 6);
    expect(synergy).toBeCloseTo(bit, 6);
  });

  it('finds the least information of all distributions with these marginals', () => {
    const draws = uniformArray(key(4), 8);
    const p = [0, 1].map((a) =>
      [0, 1].map((b) => [draws[4 * a + 2 * b]!, draws[4 * a + 2 * b + 1]!]),
    );
    const { synergy, total } = partialInformation(p);
    // With bits, one number for each y is free: it moves mass between equal and different bits.
    const all = p.flat(2).reduce((x, y) => x + y);
    let least = Infinity;
    for (let i = -100; i <= 100; i++) {
      for (let j = -100; j <= 100; j++) {
        const moved = [0, 1].map((a) =>
          [0, 1].map((b) => [i, j].map((k, y) => (p[a]![b]![y]! + (a === b ? k : -k) / 200) / all)),
        );
        if (moved.flat(2).every((weight) => weight >= 0)) {
          least = Math.min(least, jointInformation(moved));
        }
      }
    }
    expect(total - synergy).toBeLessThan(least + 1e-9);
    expect(total - synergy).toBeGreaterThan(least - 1e-3);
  });

  it('adds up, has no negative part, and treats the sources alike', () => {
    for (let seed = 0; seed < 5; seed++) {
      const draws = uniformArray(key(seed), 24);
      const joint = [0, 1, 2].map((a) =>
        [0, 1].map((b) => [0, 1, 2, 3].map((y) => draws[8 * a + 4 * b + y]! ** 3)),
      );
      const { redundancy, unique, synergy, total } = partialInformation(joint);
      expect(redundancy + unique[0] + unique[1] + synergy).toBeCloseTo(total, 6);
      for (const part of [redundancy, ...unique, synergy]) expect(part).toBeGreaterThanOrEqual(0);
      const swapped = [0, 1].map((b) => [0, 1, 2].map((a) => joint[a]![b]!));
      const again = partialInformation(swapped);
      expect(again.redundancy).toBeCloseTo(redundancy, 6);
      expect(again.unique[0]).toBeCloseTo(unique[1], 6);
    }
  });

  it('refuses tables that are none', () => {
    for (const bad of [[], [[]], [[[0]]], [[[1, -1]]], [[[1], [1, 2]]], [[[Number.NaN]]]]) {
      expect(() => partialInformation(bad)).toThrow('joint must be a table [a][b][y]');
    }
  });
});

describe('countJoint', () => {
  it('counts columns of labels', () => {
    const joint = countJoint(['x', 'y', 'x', 'x'], [0, 0, 1, 0], ['no', 'yes', 'yes', 'no']);
    expect(joint).toEqual([
      [
        [2, 0],
        [0, 1],
      ],
      [
        [0, 1],
        [0, 0],
      ],
    ]);
    expect(() => countJoint([1], [], [1])).toThrow('the same length');
  });
});

/** I(Y; A, B) of a table [a][b][y]. */
function jointInformation(p: readonly (readonly (readonly number[])[])[]): number {
  const py = [0, 1].map((y) => p.flat().reduce((sum, cell) => sum + cell[y]!, 0));
  let nats = 0;
  for (const cell of p.flat()) {
    const weight = cell.reduce((x, y) => x + y);
    cell.forEach((value, y) => {
      if (value > 0) nats += value * Math.log(value / weight / py[y]!);
    });
  }
  return nats;
}
