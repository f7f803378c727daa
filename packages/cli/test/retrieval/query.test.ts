import { describe, expect, it } from 'vitest';
import { askedOf, composed } from '../../src/retrieval/query.js';

describe('askedOf', () => {
  it.each([
    ['red heart', { texts: ['red heart'], files: [], wanted: 'pictures' }],
    ['my/cat.PNG', { texts: [], files: ['my/cat.PNG'], wanted: 'names' }],
    ['"my pictures/cat.png"', { texts: [], files: ['my pictures/cat.png'], wanted: 'names' }],
    ['cat.png + with a crown', { texts: ['with a crown'], files: ['cat.png'], wanted: 'pictures' }],
    ['king + woman', { texts: ['king', 'woman'], files: [], wanted: 'pictures' }],
    ['c++', { texts: ['c++'], files: [], wanted: 'pictures' }],
    ['a.png + b.webp', { texts: [], files: ['a.png', 'b.webp'], wanted: 'pictures' }],
  ])('reads %s', (line, asked) => {
    expect(askedOf(line)).toEqual(asked);
  });

  it('has nothing to ask for on an empty line', () => {
    expect(askedOf('')).toBeUndefined();
    expect(askedOf('  +  ')).toBeUndefined();
  });
});

describe('composed', () => {
  it('adds vectors of length 1, whatever their lengths were', () => {
    const vector = composed([new Float32Array([10, 0]), new Float32Array([0, 0.1])]);
    expect([...vector]).toEqual([Math.fround(Math.SQRT1_2), Math.fround(Math.SQRT1_2)]);
  });

  it('gives one vector back at length 1', () => {
    const [x, y] = composed([new Float32Array([3, 4])]);
    expect(x).toBeCloseTo(0.6, 6);
    expect(y).toBeCloseTo(0.8, 6);
  });

  it('says where parts cancel each other out', () => {
    const parts = [new Float32Array([1, 0]), new Float32Array([-2, 0])];
    expect(() => composed(parts)).toThrow(/cancel each other out/);
  });
});
