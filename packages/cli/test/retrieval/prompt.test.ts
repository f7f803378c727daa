import { PassThrough } from 'node:stream';
import { text } from 'node:stream/consumers';
import { ChainruleError } from '@chainrule/tensor';
import { expect, it } from 'vitest';
import { prompt, type Search } from '../../src/retrieval/prompt.js';

async function said(lines: string, search: Search, signal = new AbortController().signal) {
  const [input, output] = [new PassThrough(), new PassThrough()];
  input.write(lines);
  await prompt(search, signal, input, output);
  output.end();
  return text(output);
}

const hit = { emoji: '🦊', name: 'fox', artist: 'noto', similarity: 0.51234 };

it('answers lines until one is empty', async () => {
  const asked: unknown[] = [];
  const shown = await said('a fox\nfox.png\n\nnever\n', async (one) => {
    asked.push(one);
    return [hit];
  });
  expect(asked).toEqual([
    { texts: ['a fox'], files: [], wanted: 'pictures' },
    { texts: [], files: ['fox.png'], wanted: 'names' },
  ]);
  expect(shown).toMatch('1.  0.512  🦊  fox (noto)');
  expect(shown).toMatch('1.  0.512  fox');
});

it('goes on after a mistake', async () => {
  const shown = await said('a.png\nb\nexit\n', async ({ files }) => {
    if (files.length > 0) throw new ChainruleError('IMAGE', 'can not read a.png');
    return [hit];
  });
  expect(shown).toMatch('error: can not read a.png');
  expect(shown).toMatch('fox (noto)');
});

it('ends with the signal', async () => {
  const controller = new AbortController();
  const done = said('', async () => [], controller.signal);
  controller.abort();
  expect(await done).toMatch('find> ');
});
