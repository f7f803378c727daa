import { describe, expect, it } from 'vitest';
import { dataset, type Example, pixelImage, subset } from '../src/index.js';
import { greys, messageOf, questions } from './support.js';

const [a, b] = greys(2);
const define = (...examples: Example[]) => dataset({ name: 'toy', examples });

describe('dataset', () => {
  it('sorts the labels into classes, or takes the order given', () => {
    const examples = ['b', 'a', 'b'].map((label) => ({ inputs: { text: 'x' }, label }));
    expect(dataset({ name: 'toy', examples }).classes).toEqual(['a', 'b']);
    expect(dataset({ name: 'toy', examples, classes: ['b', 'c', 'a'] }).classes).toEqual([
      'b',
      'c',
      'a',
    ]);
  });

  it('knows the modalities and the shape of the targets', () => {
    expect(define({ inputs: { image: a! }, target: 1 })).toMatchObject({
      modalities: ['image'],
      targetShape: [],
    });
    const both = define({ inputs: { image: a!, text: 'x' }, target: [1, 2] });
    expect(both).toMatchObject({ modalities: ['image', 'text'], targetShape: [2] });
    expect(both.classes).toBeUndefined();
  });

  it.each<[string, Example[], string]>([
    ['no examples', [], '"toy" has no examples; add at least one'],
    [
      'no inputs',
      [{ inputs: {}, label: 'x' }],
      'example 0 has neither an image nor a text; give it at least one',
    ],
    [
      'different inputs',
      [
        { inputs: { image: a!, text: 'x' }, label: 'x' },
        { inputs: { text: 'x' }, label: 'x' },
      ],
      'example 1 has text, but example 0 has image and text; all examples must have the same inputs',
    ],
    [
      'no target',
      [{ inputs: { image: a! } }],
      'example 0 has neither a label nor a target; give it one of them',
    ],
    [
      'label and target',
      [{ inputs: { image: a! }, label: 'x', target: 1 }],
      'example 0 has both a label and a target; give it one of them',
    ],
    [
      'labels and targets mixed',
      [
        { inputs: { image: a! }, label: 'x' },
        { inputs: { image: b! }, target: 1 },
      ],
      'example 1 has a target, but example 0 has a label; use one sort throughout',
    ],
    [
      'a target that is not a number',
      [{ inputs: { image: a! }, target: [1, Number.NaN] }],
      'example 0 has the target NaN; targets must be finite numbers',
    ],
    [
      'targets of different lengths',
      [
        { inputs: { image: a! }, target: [1, 2] },
        { inputs: { image: b! }, target: 1 },
      ],
      'example 1 has a target of one number, but example 0 has a list of 2; all targets must have the same length',
    ],
  ])('refuses %s', async (_, examples, message) => {
    expect(await messageOf(() => define(...examples))).toContain(message);
  });

  it('suggests the nearest class', async () => {
    const examples = [{ inputs: { text: 'x' }, label: 'circel' }];
    expect(
      await messageOf(() => dataset({ name: 'toy', examples, classes: ['circle', 'square'] })),
    ).toBe(
      'data.dataset: toy: example 0 has the label "circel", which is not one of the classes. Did you mean "circle"?',
    );
  });

  it('takes subsets that keep the classes', async () => {
    const whole = questions(10, 5);
    const even = subset(whole, [0, 2, 4], 'even');
    expect(even.examples).toEqual([whole.examples[0], whole.examples[2], whole.examples[4]]);
    expect(even).toMatchObject({ name: 'even', classes: ['even', 'odd'] });
    expect(await messageOf(() => subset(whole, [10]))).toContain('has 10 examples, got index 10');
    expect(await messageOf(() => subset(whole, []))).toContain('would have no examples');
  });
});

describe('pixelImage', () => {
  it('refuses bytes that do not fit its shape, and other sizes', async () => {
    expect(await messageOf(() => pixelImage('p', new Uint8Array(11), [2, 2, 3]))).toBe(
      'data.pixelImage: "p" must have 2x2x3 = 12 bytes, got 11',
    );
    const read = () => a!.read({ height: 3, width: 2, channels: 1, fit: 'cover' });
    expect(await messageOf(read)).toContain('is 2x2x1 and can not be resized');
  });
});
