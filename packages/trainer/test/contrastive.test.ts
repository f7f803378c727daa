import { useNative } from '@chainrule/backend-node/backend';
import { adamw } from '@chainrule/optim';
import { eager } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { contrastive, evaluate, finish, train } from '../src/index.js';
import { dualObjectives } from '../src/registry.js';
import { pairData, pairModel } from './pairs.js';
import { failure } from './support.js';

beforeAll(async () => {
  await useNative({ training: true });
});

const unit = (degrees: number[]) =>
  tf.tensor2d(degrees.map((d) => [Math.cos((d * Math.PI) / 180), Math.sin((d * Math.PI) / 180)]));
const output = (image: number[], text: number[]) => ({
  embeddings: { image: unit(image), text: unit(text) },
  scale: tf.scalar(5),
  bias: tf.scalar(-1),
});
const ints = (...values: number[]) => tf.tensor1d(values, 'int32');

describe('contrastive', () => {
  it('reports recall both ways, by hand', () => {
    tf.tidy(() => {
      // Image 0 is closest to text 0; images 1 and 2 both to text 2; texts to images 0, 0, 2.
      const given = output([0, 90, 100], [5, 40, 97]);
      const { recall, imageToText, textToImage } = contrastive({ positives: 'pair' }).measure(
        given,
        ints(0, 0, 0),
      );
      expectClose(imageToText!, 2 / 3);
      expectClose(textToImage!, 2 / 3);
      expectClose(recall!, 2 / 3);
      // Where 1 and 2 are the same thing, image 1 is right as well.
      const same = contrastive().measure(given, ints(7, 4, 4));
      expectClose(same.imageToText!, 1);
      expectClose(same.textToImage!, 2 / 3);
    });
  });

  it.each(['infoNce', 'siglip'] as const)('does not see padding: %s', (loss) => {
    tf.tidy(() => {
      for (const positives of ['target', 'pair'] as const) {
        const { measure } = contrastive({ loss, positives });
        const short = measure(output([0, 90], [5, 40]), ints(1, 2));
        const padded = measure(
          output([0, 90, 40, 1], [5, 40, 91, 2]),
          ints(1, 2, 2, 9),
          tf.tensor1d([1, 1, 0, 0]),
        );
        for (const name of Object.keys(short)) expectClose(padded[name]!, short[name]!);
      }
    });
  });

  it('is rebuilt from its config and says what is wrong', async () => {
    const { config } = contrastive({ loss: 'siglip', positives: 'pair' });
    expect(dualObjectives.fromConfig(config).config).toEqual(config);
    expect(dualObjectives.names).toEqual(['contrastive']);
    const wrong = await failure(() => contrastive({ loss: 'infonce' as never }));
    expect(wrong.message).toContain('Did you mean "infoNce"?');
    const target = await failure(() => contrastive().measure(output([0], [1]), tf.tensor1d([0.5])));
    expect(target).toMatchObject({ code: 'DTYPE' });
  });
});

describe.each(['infoNce', 'siglip'] as const)('training with %s', (loss) => {
  const options = () => ({
    model: pairModel(loss === 'siglip' ? { scale: 10, bias: -10 } : {}),
    objective: contrastive({ loss }),
    optimizer: adamw({ learningRate: 0.01 }),
    data: pairData({ batchSize: 20 }),
    epochs: 40,
  });

  it('brings together what belongs together, compiled, in batches that are partly padding', async () => {
    const run = train({ ...options(), watch: { metric: 'recall' } });
    const { params, history } = await finish(run);
    expect(history[0]!.train.recall).toBeLessThan(0.5);
    const measures = await evaluate({ ...options(), params, data: pairData({ seed: 9 }) });
    expect(measures.recall).toBeGreaterThan(0.7);
    const { logScale } = params;
    expect(logScale.dataSync()[0]).not.toBeCloseTo(options().model.config.scale, 3);
    tf.dispose(params as never);
  });

  it('is the same operation by operation', async () => {
    const losses = async (executor?: ReturnType<typeof eager>) => {
      const found: number[] = [];
      const run = train({ ...options(), epochs: 3, ...(executor && { executor }) });
      const { params } = await finish(run, (event) => {
        if (event.type === 'step') found.push(event.measures.loss);
      });
      tf.dispose(params as never);
      return found;
    };
    const compiled = await losses();
    const plain = await losses(eager());
    expect(compiled).toHaveLength(9);
    plain.forEach((value, i) => {
      expect(Math.abs(compiled[i]! / value - 1)).toBeLessThan(1e-3);
    });
  });
});
