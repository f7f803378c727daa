import { dataset } from '@chainrule/data';
import { expect, it } from 'vitest';
import { baselines } from '../src/baselines.js';

const texts = (rows: readonly (readonly [text: string, label: string])[]) =>
  dataset({
    name: 'texts',
    examples: rows.map(([text, label], i) => ({
      inputs: { text, image: { id: `${i}`, read: () => new Uint8Array() } },
      label,
    })),
  });

it('count what can be had without looking', () => {
  const train = texts([
    ['is it red?', 'yes'],
    ['is it red?', 'yes'],
    ['is it red?', 'no'],
    ['which shape?', 'circle'],
    ['which shape?', 'circle'],
    ['which shape?', 'square'],
    ['why?', 'yes'],
  ]);
  const test = texts([
    ['is it red?', 'yes'],
    ['is it red?', 'no'],
    ['which shape?', 'circle'],
    ['a question that training did not have', 'yes'],
  ]);
  // "yes" is the commonest answer; per question it is yes, yes, circle and, unknown, yes.
  expect(baselines(train, test)).toEqual({ majority: 2 / 4, textOnly: 3 / 4 });
});

it('leave the text out where it is all there is', () => {
  const only = dataset({ name: 'one', examples: [{ inputs: { text: 'a' }, label: 'b' }] });
  expect(baselines(only, only)).toEqual({ majority: 1 });
});
