import { ChainruleError } from '@chainrule/tensor';
import { type DataBatch, type HostArray, type HostBatch, toTensors } from './batch.js';
import type { Dataset, Modality } from './dataset.js';
import { distinct, gather, roundUp } from './distinct.js';
import type { ImageSize } from './image.js';
import { imageReader } from './pixels.js';
import { plan } from './plan.js';
import { prefetch } from './prefetch.js';
import { encodeTexts, type TextTokenizer, textColumns } from './texts.js';

export interface LoaderOptions {
  /** Examples per batch; with `groupBy`, distinct images (or texts) per batch. */
  readonly batchSize: number;
  /**
   * Puts all the examples of an image (or a text) in one batch, so that it is encoded once an epoch.
   * Default: no grouping.
   */
  readonly groupBy?: Modality;
  /** A new order in every epoch, decided by (seed, epoch). Default true; false for evaluation. */
  readonly shuffle?: boolean;
  /** Default 0. */
  readonly seed?: number;
  /** Needed where the data has texts. */
  readonly tokenizer?: TextTokenizer;
  /**
   * Tokens per text; longer texts are cut. Default: the longest text of this data set. Give a test
   * set the `maxLength` of the training loader.
   */
  readonly maxLength?: number;
  /**
   * `text` takes each example's own text; `sample` draws one of its `captions` in every epoch, decided
   * by (seed, epoch). Default `text`.
   */
  readonly captions?: 'text' | 'sample';
  /** Height and width that images get. Default `[64, 64]`. */
  readonly imageSize?: readonly [height: number, width: number];
  /** Default 3. */
  readonly channels?: 1 | 3;
  /** Default `cover`. */
  readonly fit?: ImageSize['fit'];
  /**
   * Fills batches up to multiples of these, so that few distinct shapes occur and a compiled step is
   * rarely compiled anew. `examples` are filled with weight 0, images and texts with repeats that no
   * example uses. 1 fills nothing. Defaults: `examples` batchSize, or with `groupBy` 64, and at least
   * as many as nearly every batch of so many groups has; `text` 32 and `image` 8, or batchSize where
   * that is smaller (with `groupBy`, only the grouped one; the other 64 and 8). By default no more texts
   * than there are, but for a multiple of 8.
   */
  readonly padTo?: { readonly [what in 'examples' | Modality]?: number };
  /** What happens to the last batch where it is smaller. Default `keep`. */
  readonly last?: 'keep' | 'drop';
  /** Batches prepared while the current one is in use. Default 2. */
  readonly prefetch?: number;
  /** Memory for decoded images, in bytes. Default 1 GiB. */
  readonly cacheBytes?: number;
}

export interface Loader {
  /** Examples in an epoch. */
  readonly size: number;
  readonly stepsPerEpoch: number;
  /** Tokens per text; 0 without texts. */
  readonly maxLength: number;
  /**
   * The batches of epoch `n` (0, 1, …). The same seed and epoch give the same batches in the same
   * order. The consumer disposes each with `disposeBatch`. Leaving the loop early or aborting leaks
   * nothing; aborting throws the signal's reason.
   */
  epoch(n: number, signal?: AbortSignal): AsyncGenerator<DataBatch, void, undefined>;
}

/**
 * Turns a data set into shuffled, batched, padded tensors.
 *
 * Each distinct image and text stands in a batch once; `rows` says which ones an example uses. See
 * {@link DataBatch} for the shapes.
 *
 * @throws ChainruleError `DATA_OPTIONS` for options that can not be met (among them a batch of zero
 * and texts without a tokenizer). Reading throws `DATA_IMAGE` for an image that can not be decoded.
 * @example
 * const batches = loader(train, { batchSize: 64, groupBy: 'image', tokenizer, seed: 1 });
 * for await (const batch of batches.epoch(0)) {
 *   step(batch);
 *   disposeBatch(batch);
 * }
 */
export function loader(data: Dataset, options: LoaderOptions): Loader {
  const { batchSize, groupBy } = options;
  const seed = options.seed ?? 0;
  checkCount('batchSize', batchSize);
  checkCount('prefetch', options.prefetch ?? 0, 0);
  const [height, width] = options.imageSize ?? [64, 64];
  checkCount('imageSize', height);
  checkCount('imageSize', width);
  if (groupBy !== undefined && !data.modalities.includes(groupBy)) {
    throw fail(`groupBy "${groupBy}", but ${data.name} has only ${data.modalities.join()}`);
  }
  const size: ImageSize = {
    height,
    width,
    channels: options.channels ?? 3,
    fit: options.fit ?? 'cover',
  };
  const padTo = paddings(options);

  const { examples } = data;
  const images = data.modalities.includes('image')
    ? distinct(
        examples.map(({ inputs }) => inputs.image!),
        (image) => image.id,
      )
    : undefined;
  const texts = data.modalities.includes('text')
    ? textColumns(examples, options.captions === 'sample', seed)
    : undefined;
  if (options.captions === 'sample' && (texts === undefined || groupBy === 'text')) {
    throw fail(
      'captions "sample" needs data with texts that is not grouped by text; leave it out, or group by image',
    );
  }
  const tokens = texts && encodeTexts(texts.values, options.tokenizer, options.maxLength);
  const readImage = images && imageReader(images.values, size, options.cacheBytes ?? 2 ** 30);
  const mostTexts =
    options.padTo?.text === undefined ? roundUp(texts?.values.length ?? 0, 8) : undefined;
  const targets = targetsOf(data);
  const groups = groupBy && (groupBy === 'image' ? images!.ids : texts!.column(0));
  const likely = groups && options.padTo?.examples === undefined ? likelySize(groups) : () => 0;
  const order = plan({
    groups,
    count: examples.length,
    batchSize,
    shuffle: options.shuffle ?? true,
    last: options.last ?? 'keep',
  });
  if (order.steps === 0) {
    throw fail(
      `last "drop" leaves no batch of ${data.name}: it is smaller than one batch of ${batchSize}; use a smaller batchSize or last: "keep"`,
    );
  }

  async function assemble(indices: readonly number[], epoch: number): Promise<HostBatch> {
    const inGroups = groups ? new Set(indices.map((index) => groups[index]!)).size : 0;
    const count = roundUp(Math.max(indices.length, likely(inGroups)), padTo.examples);
    const inputs: { [modality: string]: HostArray } = {};
    const rows: { [modality: string]: Int32Array } = {};
    if (images && readImage) {
      const used = gather(indices, images.ids, padTo.image);
      const pixels = await Promise.all(used.ids.map(readImage));
      const values = new Uint8Array(used.ids.length * height * width * size.channels);
      pixels.forEach((image, row) => {
        values.set(image, row * image.length);
      });
      inputs.image = { values, shape: [used.ids.length, height, width, size.channels] };
      rows.image = padded(used.rows, count);
    }
    if (texts && tokens) {
      const used = gather(indices, texts.column(epoch), padTo.text, mostTexts);
      const { maxLength } = tokens;
      const values = new Int32Array(used.ids.length * maxLength);
      used.ids.forEach((id, row) => {
        values.set(tokens.ids.subarray(id * maxLength, (id + 1) * maxLength), row * maxLength);
      });
      inputs.text = { values, shape: [used.ids.length, maxLength] };
      rows.text = padded(used.rows, count);
    }
    return { inputs, rows, target: targets(indices, count), indices };
  }

  return {
    size: examples.length,
    stepsPerEpoch: order.steps,
    maxLength: tokens?.maxLength ?? 0,
    async *epoch(n, signal) {
      checkCount('epoch', n, 0);
      const batches = order.batches(seed, n);
      const make = (i: number) => assemble(batches[i]!, n);
      for await (const host of prefetch(batches.length, make, options.prefetch ?? 2, signal)) {
        yield toTensors(host);
      }
    },
  };
}

function paddings({ batchSize, groupBy, padTo = {} }: LoaderOptions) {
  const limited = (modality: Modality, multiple: number) =>
    groupBy !== undefined && groupBy !== modality ? multiple : Math.min(multiple, batchSize);
  const all = {
    examples: padTo.examples ?? (groupBy === undefined ? batchSize : 64),
    image: padTo.image ?? limited('image', 8),
    text: padTo.text ?? limited('text', groupBy === 'image' ? 64 : 32),
  };
  for (const [what, multiple] of Object.entries(all)) checkCount(`padTo.${what}`, multiple);
  return all;
}

/**
 * How many examples so many groups have, all but one time in a thousand: three deviations above the
 * mean. Known before any batch, so that all of them can have one size.
 */
function likelySize(groups: Int32Array): (count: number) => number {
  const sizes: number[] = [];
  for (const group of groups) sizes[group] = (sizes[group] ?? 0) + 1;
  const mean = groups.length / sizes.length;
  const variance = sizes.reduce((sum, size) => sum + (size - mean) ** 2, 0) / sizes.length;
  return (count) => Math.round(count * mean + 3 * Math.sqrt(count * variance));
}

/** For given examples, their targets filled up with 0 to `count`. */
function targetsOf(data: Dataset): (indices: readonly number[], count: number) => HostArray {
  if (data.classes !== undefined) {
    const idOf = new Map(data.classes.map((name, id) => [name, id]));
    const ids = Int32Array.from(data.examples, ({ label }) => idOf.get(label!)!);
    return (indices, count) => ({
      values: padded(
        indices.map((index) => ids[index]!),
        count,
      ),
      shape: [count],
    });
  }
  const shape = data.targetShape ?? [];
  const width = shape[0] ?? 1;
  return (indices, count) => {
    const values = new Float32Array(count * width);
    indices.forEach((index, row) => {
      const { target } = data.examples[index]!;
      values.set(typeof target === 'number' ? [target] : target!, row * width);
    });
    return { values, shape: [count, ...shape] };
  };
}

function padded(values: readonly number[], count: number): Int32Array {
  const out = new Int32Array(count);
  out.set(values);
  return out;
}

function checkCount(name: string, value: number, least = 1): void {
  if (!Number.isInteger(value) || value < least) {
    throw fail(`${name} must be an integer of at least ${least}, got ${value}`);
  }
}

function fail(message: string): ChainruleError {
  return new ChainruleError('DATA_OPTIONS', `data.loader: ${message}`);
}
