import { expect, test } from 'vitest';
import { progressPrinter } from '../src/print.js';
import { byteProgress, type Progress } from '../src/progress.js';

function printed(isTTY: boolean, events: Progress[]): string {
  let text = '';
  const printer = progressPrinter({ isTTY, write: (part: string) => (text += part) });
  for (const event of events) printer.show(event);
  printer.end();
  return text;
}

const events: Progress[] = [0, 0.1, 0.3, 1].map((fraction) => ({
  stage: 'download',
  message: 'downloading',
  fraction,
  secondsLeft: 9.2 * (1 - fraction),
}));

test('a pipe gets a line a quarter', () => {
  expect(printed(false, events).split('\n')).toEqual([
    'downloading   0 %, 10 s left',
    'downloading  30 %, 7 s left',
    'downloading 100 %',
    '',
  ]);
});

test('a terminal gets one line, redrawn', () => {
  const text = printed(true, [...events, { stage: 'compile', message: 'compiling' }]);
  expect(text.split('\n')).toHaveLength(3);
  expect(text.split('\r')).toHaveLength(6);
  expect(text.endsWith('compiling …\n')).toBe(true);
});

test('counted bytes never go back, and end at the whole', () => {
  const fractions: (number | undefined)[] = [];
  const report = byteProgress('download', 'x', 100, (p) => fractions.push(p.fraction));
  for (const bytes of [0, 100, 50, 100]) report(bytes);
  expect(fractions).toEqual([0, 1]);
});
