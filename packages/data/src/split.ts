import { ChainruleError, key, permutation, split as splitKey } from '@chainrule/tensor';
import { type Dataset, type Example, type SplitName, subset } from './dataset.js';

/** The share of each part; the shares add up to 1. */
export type Fractions = { readonly train: number } & {
  readonly [part in Exclude<SplitName, 'train'>]?: number;
};

/** The parts of a data set. `train` is always there, the others where they were asked for. */
export type Splits<E extends Example = Example> = { readonly train: Dataset<E> } & {
  readonly [part in Exclude<SplitName, 'train'>]?: Dataset<E>;
};

const PARTS: readonly SplitName[] = ['train', 'validation', 'test'];

/**
 * Splits a data set into train, validation and test.
 *
 * Where the examples say which part they are in (a manifest's `split` column), that is what they
 * get. Otherwise the images are shuffled by `seed` and dealt out, with all the examples of one image
 * on one side: a model that has seen a test image in training would look better than it is. Data
 * without images is dealt out by text.
 *
 * @param options.fractions Share of each part. Default `{ train: 0.8, validation: 0.1, test: 0.1 }`.
 * @param options.seed Default 0.
 * @throws ChainruleError `DATA_SPLIT` where the fractions do not add up to 1, only some examples name
 * a part, none is for training, or there are fewer images than parts.
 * @example
 * const { train, test } = split(faces, { fractions: { train: 0.9, test: 0.1 }, seed: 7 });
 */
export function split<E extends Example>(
  whole: Dataset<E>,
  options: { readonly fractions?: Fractions; readonly seed?: number } = {},
): Splits<E> {
  const named = whole.examples.filter((example) => example.split !== undefined).length;
  if (named > 0 && named < whole.examples.length) {
    const index = whole.examples.findIndex((example) => example.split === undefined);
    throw fail(
      `${whole.name}: ${named} of ${whole.examples.length} examples name their split and example ${index} does not; name it for all or for none`,
    );
  }
  const parts = named > 0 ? bySplit(whole) : byGroup(whole, options);
  if (!parts.has('train')) {
    throw fail(`${whole.name}: no example is for training; give some rows the split "train"`);
  }
  return Object.fromEntries(
    Array.from(parts, ([part, indices]) => [
      part,
      subset(whole, indices, `${whole.name} (${part})`),
    ]),
  ) as unknown as Splits<E>;
}

function bySplit(whole: Dataset): Map<SplitName, number[]> {
  const parts = new Map<SplitName, number[]>();
  whole.examples.forEach((example, index) => {
    const part = example.split!;
    if (!parts.has(part)) parts.set(part, []);
    parts.get(part)!.push(index);
  });
  return parts;
}

function byGroup(
  whole: Dataset,
  options: { readonly fractions?: Fractions; readonly seed?: number },
): Map<SplitName, number[]> {
  const fractions: Fractions = options.fractions ?? { train: 0.8, validation: 0.1, test: 0.1 };
  const wanted = PARTS.filter((part) => (fractions[part] ?? 0) !== 0);
  const total = wanted.reduce((sum, part) => sum + fractions[part]!, 0);
  if (wanted.some((part) => !(fractions[part]! > 0)) || Math.abs(total - 1) > 1e-9) {
    throw fail(
      `fractions must be positive and add up to 1, got ${JSON.stringify(fractions)}, which add up to ${total}`,
    );
  }

  const groups = new Map<string, number[]>();
  whole.examples.forEach(({ inputs }, index) => {
    const id = inputs.image?.id ?? inputs.text!;
    const group = groups.get(id);
    if (group === undefined) groups.set(id, [index]);
    else group.push(index);
  });
  const members = [...groups.values()];
  if (members.length < wanted.length) {
    throw fail(
      `${whole.name}: ${wanted.length} parts (${wanted.join(', ')}) need at least ${wanted.length} distinct images, got ${members.length}; add data or ask for fewer parts`,
    );
  }

  const order = permutation(splitKey(key(options.seed ?? 0), 'split'), members.length);
  const counts = wanted.map((part) => Math.max(1, Math.round(fractions[part]! * members.length)));
  // Rounding may be off by a few; the largest part makes it up.
  const largest = counts.indexOf(Math.max(...counts));
  counts[largest]! += members.length - counts.reduce((sum, count) => sum + count, 0);

  const parts = new Map<SplitName, number[]>();
  let start = 0;
  wanted.forEach((part, i) => {
    const dealt = Array.from(order.slice(start, start + counts[i]!), (group) => members[group]!);
    // In the data's own order, so that only membership depends on the seed.
    parts.set(
      part,
      dealt.flat().sort((a, b) => a - b),
    );
    start += counts[i]!;
  });
  return parts;
}

function fail(message: string): ChainruleError {
  return new ChainruleError('DATA_SPLIT', `data.split: ${message}`);
}
