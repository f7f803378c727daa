import { describe, expect, it } from 'vitest';
import { philox4x32 } from '../src/index.js';
import type { Word2, Word4 } from '../src/philox.js';

// The known answers for philox4x32 with 10 rounds that its authors publish with Random123.
const known: [counter: Word4, key: Word2, block: Word4][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

describe('philox4x32', () => {
  it.each(known)('counter %j, key %j', (counter, key, block) => {
    expect(philox4x32(counter, key)).toEqual(block);
  });

  it('takes negative words modulo 2^32', () => {
    expect(philox4x32([-1, -1, -1, -1], [-1, -1])).toEqual(known[1]![2]);
  });
});
