import { ChainruleError, key, split } from '@chainrule/tensor';
import { type Dataset, dataset, type Example } from '../dataset.js';
import { type ImageSource, pixelImage } from '../image.js';
import { draws } from './draws.js';

export interface XorExample extends Example {
  readonly inputs: { readonly image: ImageSource; readonly text: string };
  readonly label: 'same' | 'different';
  /** What the picture says and what the text says, 0 or 1. */
  readonly bits: readonly [image: number, text: number];
}

export interface XorOptions {
  /** Default 0. */
  readonly seed?: number;
  /** Default `{ train: 4096, test: 1024 }`. */
  readonly examples?: { readonly train: number; readonly test: number };
}

/** Height and width of a picture. */
const SIDE = 4;
const WORDS = [
  ['dark', 'night', 'coal', 'shadow'],
  ['bright', 'noon', 'snow', 'lamp'],
] as const;

/**
 * The exclusive or of two modalities: a noisy picture that is dark or bright, three words for dark
 * or for bright, and the question whether they agree. Either modality alone tells nothing about the
 * answer, both together tell all: of the log 2 nats all are synergy. A model that adds what it reads
 * from each can not do better than chance.
 *
 * The four combinations occur equally often (give or take one). Give the loader `imageSize: [4, 4]`.
 *
 * @throws ChainruleError `DATA_OPTIONS` where a number of examples is not a positive integer.
 * @example
 * const { train, test } = xorOfModalities({ seed: 1 });
 * train.examples[0]; // { inputs: { image, text: 'snow lamp snow' }, label: 'different', bits: [0, 1] }
 */
export function xorOfModalities(options: XorOptions = {}): {
  readonly train: Dataset<XorExample>;
  readonly test: Dataset<XorExample>;
} {
  const { seed = 0, examples = { train: 4096, test: 1024 } } = options;
  return { train: part('train', examples.train, seed), test: part('test', examples.test, seed) };
}

function part(name: 'train' | 'test', count: number, seed: number): Dataset<XorExample> {
  if (!Number.isInteger(count) || count < 1) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.xorOfModalities: examples.${name} must be a positive integer, got ${count}`,
    );
  }
  const source = split(split(key(seed), 'xorOfModalities'), name);
  const examples = Array.from({ length: count }, (_, i): XorExample => {
    const random = draws(split(source, i));
    const [image, text] = [i & 1, (i >> 1) & 1] as [0 | 1, 0 | 1];
    const level = image === 1 ? 176 : 80;
    const pixels = Uint8Array.from(
      { length: SIDE * SIDE * 3 },
      () => level + random.integer(96) - 48,
    );
    const words = Array.from({ length: 3 }, () => WORDS[text][random.integer(4)]!);
    return {
      inputs: { image: pixelImage(`${name}/${i}`, pixels, [SIDE, SIDE, 3]), text: words.join(' ') },
      label: image === text ? 'same' : 'different',
      bits: [image, text],
    };
  });
  return dataset({ name: `XOR of modalities ${name}`, examples, classes: ['same', 'different'] });
}
