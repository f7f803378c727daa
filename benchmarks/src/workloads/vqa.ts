import { easyVqa } from '@chainrule/data/node';
import { countParams, key, type Params, split } from '@chainrule/tensor';
import { evaluate, type TrainEvent, train } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import { prepare as batchesOf } from '../../../packages/cli/dist/prepare.js';
import { recipe } from '../../../packages/cli/dist/recipe.js';
import type { Workload } from '../workload.js';

/** What the peers are told of the recipe beside the model. */
const PEERS = { batch: 64, peak: 3e-3, weightDecay: 1e-4 };
/** Over which the learning rate runs through its cycle; the steps after it keep the last rate. */
const EPOCHS = 10;
const SIZE = { height: 64, width: 64, channels: 3, fit: 'fill' } as const;

/**
 * One epoch over easy-VQA with the model, batches and optimiser of `npm start`: pictures with all
 * their questions, assembled from decoded pictures while the steps run.
 */
export function vqa(): Workload {
  async function open() {
    const { train: data } = await easyVqa();
    // Its test data are the training data once more, in order.
    const task = { name: 'easy-vqa', train: data, test: data, source: 'easy-VQA' };
    const batches = batchesOf(task, { seed: 0, imageSize: SIZE.width });
    const vocabulary = batches.tokenizer?.vocabulary.length;
    const parts = recipe(data, { fusion: 'product', vocabulary, imageSize: SIZE.width });
    const params = parts.model.init(split(key(0), 'params'));
    return { data, batches, parts, params };
  }

  return {
    async data() {
      const { data, batches, params, parts } = await open();
      const texts = numbered(data.examples.map(({ inputs }) => inputs.text));
      const images = numbered(data.examples.map(({ inputs }) => inputs.image));
      const ids = batches.tokenizer!.encodeBatch(texts.distinct);
      const pixels = await Promise.all(images.distinct.map((image) => image.read(SIZE)));
      const config = parts.model.encoders.image!.config as {
        blocks?: { norm: string; stride: number; pool: number }[];
      };
      return {
        tensors: {
          params: params as Params,
          // Safetensors has bytes, tfjs has not: four of them in one int32.
          pixels: tf.tensor2d(new Int32Array(Buffer.concat(pixels).buffer), [pixels.length, 3072]),
          texts: tf.tensor2d(ids, [texts.distinct.length, batches.tokenizer!.maxLength], 'int32'),
          imageRows: tf.tensor1d(images.rows, 'int32'),
          textRows: tf.tensor1d(texts.rows, 'int32'),
          target: tf.tensor1d(
            data.examples.map(({ label }) => data.classes!.indexOf(label)),
            'int32',
          ),
        },
        settings: {
          norm: config.blocks?.[0]?.norm ?? 'none',
          strides: `${config.blocks?.map(({ stride }) => stride) ?? []}`,
          pool: `${config.blocks?.[0]?.pool ?? 1}`,
          epochs: `${EPOCHS}`,
          ...Object.fromEntries(Object.entries(PEERS).map(([name, value]) => [name, `${value}`])),
        },
      };
    },

    async prepare(executor) {
      const { params, parts, batches } = await open();
      const { model, objective } = parts;
      const before = await evaluate({ model, objective, data: batches.test, params });
      const run = train({
        model,
        objective,
        optimizer: parts.optimizer(EPOCHS * batches.train.stepsPerEpoch),
        params,
        data: batches.train,
        epochs: 1000,
        keep: 'last',
        executor,
      });
      return {
        parameters: countParams(params as Params),
        step: () => epoch(run),
        checks: async () => ({ 'loss before training': before.loss! }),
      };
    },
  };
}

/** Each different value once, and for each value the number of its equal. */
function numbered<T>(values: readonly T[]): { distinct: T[]; rows: number[] } {
  const distinct = [...new Set(values)];
  const places = new Map(distinct.map((value, row) => [value, row]));
  return { distinct, rows: values.map((value) => places.get(value)!) };
}

/** Pulls the events of one epoch and gives its mean loss. */
async function epoch(run: AsyncGenerator<TrainEvent>): Promise<number> {
  for (;;) {
    const { value, done } = await run.next();
    if (done) throw new Error('training has ended');
    if (value.type === 'epoch') return value.train.loss!;
  }
}
