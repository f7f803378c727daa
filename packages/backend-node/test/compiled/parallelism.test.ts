import { describe, expect, it } from 'vitest';
import { type Node, type Ref, single } from '../../src/compiled/graph.js';
import { DataType } from '../../src/compiled/native.js';
import { parallelism, threadsOf } from '../../src/compiled/parallelism.js';

const SIDE = 1024;
const node = (op: string, ...inputs: Ref[]): Ref =>
  single({
    op,
    attrs: [],
    inputs,
    outputs: [{ shape: [SIDE, SIDE], dtype: DataType.float32 }],
  } satisfies Node);
const source = () => node('Argument');

/** A chain of products, each with new weights. */
function chain(from: Ref, length: number): Ref {
  let x = from;
  for (let i = 0; i < length; i++) x = node('MatMul', x, source());
  return x;
}

describe('parallelism', () => {
  it('is one for a chain', () => {
    expect(parallelism([chain(source(), 5).node])).toBeCloseTo(1);
    expect(threadsOf([chain(source(), 5).node], 2)).toEqual({ beside: false, within: true });
  });

  it('is nearly two for two chains that meet', () => {
    const roots = [node('MatMul', chain(source(), 9), chain(source(), 9)).node];
    const found = parallelism([node('MatMul', { node: roots[0]!, index: 0 }, source()).node]);
    expect(found).toBeGreaterThan(1.7);
    expect(found).toBeLessThan(2);
    expect(threadsOf(roots, 2)).toEqual({ beside: true, within: false });
    expect(threadsOf(roots, 4)).toEqual({ beside: true, within: true });
  });

  it('of half the work leaves cores to large operations', () => {
    const [x, y] = [chain(source(), 3), chain(source(), 3)];
    const roots = [chain(node('MatMul', x, y), 3).node];
    expect(parallelism(roots)).toBeGreaterThan(1.2);
    expect(threadsOf(roots, 2)).toEqual({ beside: true, within: true });
    // Ours have threads of their own.
    const both = ['MatMul', 'ChainruleMatMul'].map((op) => {
      const side = (length: number) => {
        let x = source();
        for (let i = 0; i < length; i++) x = node(op, x, source());
        return x;
      };
      return threadsOf([node(op, side(5), side(2)).node], 2).beside;
    });
    expect(both).toEqual([true, false]);
    const own = node('ChainruleMatMul', source(), source()).node;
    expect(threadsOf([own], 2).within).toBe(false);
  });

  it('does not count what nothing waits for', () => {
    const x = chain(source(), 5);
    const gradients = Array.from({ length: 5 }, () => node('MatMul', x, source()));
    expect(parallelism(gradients.map((ref) => ref.node))).toBeCloseTo(1);
  });

  it('is one for nothing at all', () => {
    expect(parallelism([])).toBe(1);
    expect(threadsOf([source().node], 2)).toEqual({ beside: false, within: false });
  });
});
