import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { drawing, drawings } from '../src/drawings.js';
import { messageOf, put, temporaryFolder } from './support.js';

const root = temporaryFolder();
beforeEach(() => {
  vi.stubEnv('CHAINRULE_CACHE', root);
});
afterEach(() => {
  vi.unstubAllEnvs();
});

const svg = (content: string) =>
  Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 8">${content}</svg>`);
/** The left half blue, at half opacity. */
const good = svg('<rect width="4" height="8" fill="#00f" opacity="0.5"/>');
const files = new Map([
  ['good', good],
  ['broken', svg('<rect')],
  ['empty', svg('')],
]);
const options = {
  file: ['test', 'some'],
  key: 'a',
  what: 'drawings',
  sources: async () => files,
  size: 8,
} as const;
const at = { height: 8, width: 8, channels: 3, fit: 'fill' } as const;

describe('drawings', () => {
  it('skips what can not be drawn, and says so', async () => {
    const log: string[] = [];
    const drawn = await drawings({ ...options, log: (line) => log.push(line) });
    expect([...drawn.places.keys()]).toEqual(['good']);
    const reasons = Object.fromEntries(drawn.skipped.map(({ id, reason }) => [id, reason]));
    expect(Object.keys(reasons).sort()).toEqual(['broken', 'empty']);
    expect(reasons.empty).toBe('nothing is to be seen');
    expect(log).toEqual(['drawing 3 drawings at 8x8', '2 drawings can not be drawn']);
  });

  it('lays a drawing on its background', async () => {
    const drawn = await drawings(options);
    const pixels = await drawing('x', drawn, 'good', [255, 255, 255]).read(at);
    expect(pixels).toHaveLength(192);
    expect(Math.abs(pixels[0]! - 127)).toBeLessThanOrEqual(1);
    expect([...pixels.subarray(2, 3), ...pixels.subarray(21, 24)]).toEqual([255, 255, 255, 255]);
    const black = await drawing('x', drawn, 'good', [0, 0, 0]).read(at);
    expect([...black.subarray(0, 2), ...black.subarray(21, 24)]).toEqual([0, 0, 0, 0, 0]);
    expect(Math.abs(black[2]! - 128)).toBeLessThanOrEqual(1);
  });

  it('draws once for each size and key', async () => {
    const sources = vi.fn(options.sources);
    await drawings({ ...options, sources });
    expect(sources).toHaveBeenCalledTimes(0);
    await drawings({ ...options, sources, size: 16 });
    await drawings({ ...options, sources, key: 'b' });
    expect(sources).toHaveBeenCalledTimes(2);
  });

  it('works without a cache that it may write', async () => {
    vi.stubEnv('CHAINRULE_CACHE', await put(root, 'a file', 'not a folder'));
    const log: string[] = [];
    const drawn = await drawings({ ...options, log: (line) => log.push(line) });
    expect(drawn.places.size).toBe(1);
    expect(log.at(-1)).toMatch(/^data.cache: can not write to .*set CHAINRULE_CACHE/);
  });

  it('stops when aborted', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    expect(await messageOf(() => drawings({ ...options, key: 'c', signal }))).toBe('enough');
  });
});
