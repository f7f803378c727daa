import { ChainruleError, key, split } from '@chainrule/tensor';
import { type Dataset, dataset, type Example } from '../dataset.js';
import type { ImageSource } from '../image.js';
import { draws } from './draws.js';
import { ANSWERS, answerOf, type SceneQuestion, textOf } from './questions.js';
import { COLOURS, drawScene, type Scene, sceneImage } from './scene.js';

/** One question about one picture. */
export interface SortOfClevrExample extends Example {
  readonly inputs: { readonly image: ImageSource; readonly text: string };
  readonly label: string;
  readonly kind: SceneQuestion['kind'];
  readonly question: SceneQuestion;
  /** What the picture shows. */
  readonly scene: Scene;
}

export interface SortOfClevr {
  readonly train: Dataset<SortOfClevrExample>;
  readonly test: Dataset<SortOfClevrExample>;
  /** `yes, no, rectangle, circle, 1 … 6`, in the order of their ids. */
  readonly classes: readonly string[];
}

export interface SortOfClevrOptions {
  /** Default 0. The n-th picture of a part depends on the seed and n alone. */
  readonly seed?: number;
  /** Pictures of each part; default `{ train: 9800, test: 200 }`. */
  readonly images?: { readonly train: number; readonly test: number };
}

/** Of each kind, about one picture. */
const QUESTIONS = 10;

/**
 * Sort-of-CLEVR: pictures of 75×75 pixels with six objects, one of each colour, squares and circles,
 * and twenty questions about each. Ten ask about one object (its shape, left or right, top or
 * bottom), ten about its relation to the others (the shape of the closest, of the furthest, how many
 * have its shape). `kind` tells them apart.
 *
 * Questions are words. `questionVector(example.question)` gives the reference implementation's
 * eleven numbers. The colours, sizes, distances and questions are its own too; where it takes an
 * object for its own neighbour (all others being over √999 pixels away), this does not.
 *
 * Nothing is fetched, and pictures are painted when they are read. Give the loader
 * `imageSize: [75, 75]`.
 *
 * Source: Santoro et al., A simple neural network module for relational reasoning (2017); its
 * generator as in kimhc6028/relational-networks.
 *
 * @throws ChainruleError `DATA_OPTIONS` where a number of pictures is not a positive integer.
 * @example
 * const { train, test } = sortOfClevr({ seed: 1 });
 * train.examples.length; // 196,000
 * train.examples[0]; // { inputs: { image, text: 'is the red object at the top?' }, label: 'no', … }
 */
export function sortOfClevr(options: SortOfClevrOptions = {}): SortOfClevr {
  const { seed = 0, images = { train: 9800, test: 200 } } = options;
  return {
    train: part('train', images.train, seed),
    test: part('test', images.test, seed),
    classes: ANSWERS,
  };
}

function part(name: 'train' | 'test', images: number, seed: number): Dataset<SortOfClevrExample> {
  if (!Number.isInteger(images) || images < 1) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.sortOfClevr: images.${name} must be a positive integer, got ${images}`,
    );
  }
  const source = split(split(key(seed), 'sortOfClevr'), name);
  const examples: SortOfClevrExample[] = [];
  for (let i = 0; i < images; i++) {
    const random = draws(split(source, i));
    const scene = drawScene(random);
    const image = sceneImage(`${name}/${i}`, scene);
    for (const kind of ['nonRelational', 'relational'] as const) {
      for (let n = 0; n < QUESTIONS; n++) {
        const question: SceneQuestion = {
          kind,
          colour: COLOURS[random.integer(COLOURS.length)]!,
          subtype: random.integer(3) as 0 | 1 | 2,
        };
        const inputs = { image, text: textOf(question) };
        examples.push({ inputs, label: answerOf(question, scene), kind, question, scene });
      }
    }
  }
  return dataset({ name: `Sort-of-CLEVR ${name}`, examples, classes: ANSWERS });
}
