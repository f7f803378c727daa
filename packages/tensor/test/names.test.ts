import { describe, expect, it } from 'vitest';
import { ChainruleError, isChainruleError, lookUp, nearestName } from '../src/index.js';

describe('nearestName', () => {
  const known = ['sum', 'mean', 'max', 'product', 'concat', 'gated', 'film'];
  it.each([
    ['prodcut', 'product'],
    ['Gated', 'gated'],
    ['gate', 'gated'],
    ['concatenate', 'concat'],
    ['filmm', 'film'],
    ['xyzzyxyzzy', undefined],
  ])('%s is near to %s', (name, nearest) => {
    expect(nearestName(name, known)).toBe(nearest);
  });
  it('of no names is none', () => {
    expect(nearestName('a', [])).toBeUndefined();
  });
});

describe('lookUp', () => {
  it('finds own entries only', () => {
    const registry = { sum: 1, mean: 2 };
    expect(lookUp('fusion', registry, 'sum')).toBe(1);
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect(() => lookUp('fusion', registry, name)).toThrow(
        `fusion: unknown name "${name}". Known: mean, sum.`,
      );
    }
    expect(() => lookUp('fusion', registry, 'sun')).toThrow(
      'Did you mean "sum"? Known: mean, sum.',
    );
  });
});

describe('ChainruleError', () => {
  it('has a code, a name and a cause', () => {
    const cause = new Error('disk');
    const error = new ChainruleError('DATA', 'data: could not read', { cause });
    expect(error).toMatchObject({ name: 'ChainruleError', code: 'DATA', cause });
    expect(isChainruleError(error)).toBe(true);
    // Of another copy of this package.
    const foreign = Object.assign(new Error('x'), { name: 'ChainruleError', code: 'SHAPE' });
    expect(isChainruleError(foreign)).toBe(true);
    expect(isChainruleError(cause)).toBe(false);
    expect(isChainruleError('ChainruleError')).toBe(false);
  });
});
