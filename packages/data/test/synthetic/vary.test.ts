import { describe, expect, it } from 'vitest';
import { type SortOfClevrExample, sortOfClevr, varySortOfClevr } from '../../src/index.js';
import { grouped } from '../support.js';
import { answers, look } from './looking.js';

const size = { height: 75, width: 75, channels: 3, fit: 'fill' } as const;
const { train } = sortOfClevr({ seed: 3, images: { train: 200, test: 1 } });
const told = ({ inputs, label, scene, question }: SortOfClevrExample) => [
  inputs.image.id,
  inputs.text,
  label,
  scene,
  question,
];

describe('varySortOfClevr', () => {
  const varied = varySortOfClevr(train, 1);

  it('answers as one does who looks at the pictures', () => {
    let looked = 0;
    for (const [image, examples] of grouped(varied.examples, ({ inputs }) => inputs.image)) {
      const seen = look(image.read(size) as Uint8Array);
      if (seen === undefined) continue;
      looked++;
      expect(seen).toHaveLength(6);
      for (const { inputs, label } of examples) {
        expect(answers(inputs.text, seen), inputs.text).toContain(label);
      }
    }
    expect(looked).toBeGreaterThan(100);
  });

  it('keeps distances, shapes and what is asked, and the answers about relations', () => {
    let same = 0;
    train.examples.forEach((before, i) => {
      const after = varied.examples[i]!;
      expect(after.question.kind).toBe(before.question.kind);
      expect(after.question.subtype).toBe(before.question.subtype);
      expect(after.inputs.image.id).toBe(before.inputs.image.id);
      const shapes = ({ scene }: SortOfClevrExample) => scene.map(({ shape }) => shape).sort();
      expect(shapes(after)).toEqual(shapes(before));
      if (after.label === before.label) same++;
      // Two objects may be equally near; which is named first then depends on their colours.
      if (before.question.kind === 'relational' && before.question.subtype === 2) {
        expect(after.label).toBe(before.label);
      }
    });
    // Of the questions about one object two thirds change their answer half of the time or less.
    expect(same / train.examples.length).toBeGreaterThan(0.75);
    expect(same / train.examples.length).toBeLessThan(0.95);
  });

  it('moves the objects, and keeps a scene in the order of its colours', () => {
    const orders = varied.examples.map(({ scene }) => scene.map(({ colour }) => colour).join());
    expect(new Set(orders)).toEqual(new Set(['red,green,blue,orange,grey,yellow']));
    const still = varied.examples.filter(({ scene }, i) => {
      const [now, before] = [scene[0]!, train.examples[i]!.scene[0]!];
      return now.x === before.x && now.y === before.y;
    });
    // Nothing is mirrored or turned in an eighth of the pictures, and red stays red in a sixth of them.
    expect(still.length / train.examples.length).toBeLessThan(0.1);
  });

  it('depends on the seed alone', () => {
    const again = varySortOfClevr(train, 1).examples.map(told);
    expect(again).toEqual(varied.examples.map(told));
    expect(varySortOfClevr(train, 2).examples.map(told)).not.toEqual(again);
  });
});
