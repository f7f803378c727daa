import '@chainrule/backend-node';
import { loader, subset } from '@chainrule/data';
import { easyVqa } from '@chainrule/data/node';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import { finish, predictor, train } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import { saveModel } from '@chainrule/trainer/node';
import * as tf from '@tensorflow/tfjs-core';
import { compose, objectiveOf, optimizerOf } from '../../src/lab/recipe.js';

const SIZE = { height: 64, width: 64, channels: 3, fit: 'fill' } as const;

/** Trains for a few steps natively, saves the model in `folder`, and says how it answers. */
export async function nativeModel(folder: string, steps: number) {
  const { train: whole, test } = await easyVqa();
  const few = subset(
    whole,
    Array.from({ length: 64 * steps }, (_, i) => i),
  );
  const tokenizer = fitWordTokenizer(whole.examples.map(({ inputs }) => inputs.text));
  const labels = whole.classes!;
  const model = compose('product', {
    vocabulary: tokenizer.vocabulary.length,
    classes: labels.length,
  });
  const { maxLength } = tokenizer;
  const { params } = await finish(
    train({
      model,
      objective: objectiveOf({ loss: 'crossEntropy' }),
      optimizer: optimizerOf({ optimizer: 'adamw', learningRate: 0.003 }, steps),
      data: loader(few, { batchSize: 64, tokenizer, maxLength }),
      epochs: 1,
    }),
  );
  const trained: TrainedModel = {
    model,
    params,
    tokenizer: tokenizer.config,
    labels,
    imageSize: [64, 64],
    about: { fusion: 'product', accuracy: 0.5 },
  };
  await saveModel(folder, trained);

  const questions = await Promise.all(
    [0, 100, 1000, 5000, 9000].map(async (index) => {
      const { image, text } = test.examples[index]!.inputs;
      const pixels = await image.read(SIZE);
      const values = Float32Array.from(pixels, (byte) => byte * (1 / 255));
      const x = tf.tensor4d(values, [1, 64, 64, 3]);
      const [logits] = await predictor(trained).outputs({ image: x, text: [text] });
      x.dispose();
      return { pixels: [...pixels], text, logits: logits! };
    }),
  );
  return { labels, questions };
}
