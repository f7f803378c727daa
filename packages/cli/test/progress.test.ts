import type { TrainEvent } from '@chainrule/trainer';
import { describe, expect, it } from 'vitest';
import { progress } from '../src/progress.js';
import { clock, count, table, terminal } from '../src/terminal.js';

function shown(epochs: number): { lines: string[]; live: string[] } {
  const [lines, live]: string[][] = [[], []];
  const out = {
    line: (text = '') => void lines!.push(text),
    live: (text: string) => void live!.push(text),
    settle: () => {},
  };
  const show = progress(out);
  const measures = { loss: 1234.5678, accuracy: 0.5 };
  const events: TrainEvent[] = [
    {
      type: 'start',
      epochs,
      stepsPerEpoch: 2,
      examples: 1,
      parameters: 1000,
      executor: 'eager',
      backend: 'cpu',
    },
  ];
  for (let epoch = 1; epoch <= epochs; epoch++) {
    for (const stepInEpoch of [1, 2]) {
      const step = 2 * (epoch - 1) + stepInEpoch;
      events.push({ type: 'step', epoch, step, stepInEpoch, examples: 8, measures });
    }
    const validation = { loss: 0.25, meanAbsoluteError: 0.125 };
    events.push({ type: 'epoch', epoch, train: measures, validation, seconds: 1.25, best: true });
  }
  events.push({ type: 'stop', reason: 'completed' });
  events.forEach(show);
  return { lines: lines!, live: live! };
}

describe('progress', () => {
  it('says what runs, where it is and how it went', () => {
    const { lines, live } = shown(1);
    expect(lines).toEqual([
      'Training 1,000 parameters on 1 example, 1 epoch of 2 steps (cpu backend, eager).',
      'epoch 1/1  loss 1235  accuracy 50.00 %  validation loss 0.2500  mean absolute error 0.1250 (best)  1.3 s',
    ]);
    expect(live[1]).toBe('epoch 1/1 ██████████░░░░░░░░░░ loss 1235  accuracy 50.00 %');
    expect(live[2]).toMatch(/^epoch 1\/1 █{20} .* {2}[\d,∞]+ examples\/s {2}0:00 left$/);
  });

  it('gives a line to about twenty epochs, the first and the last among them', () => {
    const { lines } = shown(100);
    expect(lines.length).toBeLessThan(25);
    expect(lines[1]).toMatch(/^epoch {3}1\/100 /);
    expect(lines.at(-1)).toMatch(/^epoch 100\/100 /);
    expect(shown(20).lines).toHaveLength(21);
  });
});

describe('terminal', () => {
  const stream = (isTTY: boolean) => {
    const written: string[] = [];
    const write = (text: string) => written.push(text) > 0;
    return { written, stream: { isTTY, columns: 10, write } };
  };

  it('rewrites one line on a terminal, cut to its width', () => {
    const { written, stream: tty } = stream(true);
    const out = terminal(tty);
    out.live('0123456789');
    out.live('too soon');
    out.line('done');
    expect(written).toEqual(['\r\u001b[K012345678', '\r\u001b[K', 'done\n']);
  });

  it('writes only whole lines elsewhere', () => {
    const { written, stream: file } = stream(false);
    const out = terminal(file);
    out.live('0123456789');
    out.line('done');
    expect(written).toEqual(['done\n']);
  });
});

it('counts, tells the time and draws tables', () => {
  expect([count(1, 'step'), count(38575, 'example')]).toEqual(['1 step', '38,575 examples']);
  expect([0, 7.4, 151, 3723].map(clock)).toEqual(['0:00', '0:07', '2:31', '1:02:03']);
  expect(
    table(
      ['a', 'share'],
      [
        ['left', '1 %'],
        ['b', '100 %'],
      ],
    ),
  ).toBe('a     share\nleft    1 %\nb     100 %');
});
