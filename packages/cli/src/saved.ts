import type { Dataset } from '@chainrule/data';
import type { TrainResult } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import sharp from 'sharp';
import type { Prepared } from './prepare.js';
import type { Recipe } from './recipe.js';
import type { Task } from './task.js';

/** Examples spread over the data set, so that they differ in picture and in kind. */
export function samples(test: Dataset, wanted = 5): number[] {
  const { length } = test.examples;
  const count = Math.min(wanted, length);
  return Array.from({ length: count }, (_, k) => Math.floor(((k + 0.5) * length) / count));
}

/** The example of the test data that users are shown how to ask about. */
export function firstSample({ test }: Task): Dataset['examples'][number] {
  return test.examples[samples(test)[0]!]!;
}

/** The trained model with all that asking it needs. */
export async function trainedModel(
  task: Task,
  data: Prepared,
  { model }: Recipe,
  { params, bestEpoch }: Pick<TrainResult<TrainedModel['params']>, 'params' | 'bestEpoch'>,
  about: { readonly fusion: string; readonly seed: number; readonly testAccuracy?: number },
): Promise<TrainedModel> {
  const { image } = firstSample(task).inputs;
  const [height, width] = data.imageSize;
  const size = { height, width, channels: 3, fit: 'cover' } as const;
  return {
    model,
    params,
    ...(data.tokenizer && { tokenizer: data.tokenizer.config }),
    ...(task.train.classes && { labels: task.train.classes }),
    ...(image && {
      imageSize: data.imageSize,
      example: await png(await image.read(size), width, height),
    }),
    about: {
      task: task.name,
      fusion: about.fusion,
      seed: about.seed,
      epochs: bestEpoch,
      ...(about.testAccuracy !== undefined && { accuracy: about.testAccuracy }),
    },
  };
}

/** Whether a saved model is what training by this recipe, from this seed, for so long gives. */
export function isSame(
  { model, about }: TrainedModel,
  recipe: Recipe,
  options: { readonly seed: number; readonly epochs: number },
): boolean {
  return (
    about?.task === 'easy-vqa' &&
    about.seed === options.seed &&
    about.epochs === options.epochs &&
    JSON.stringify(model.config) === JSON.stringify(recipe.model.config)
  );
}

async function png(pixels: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  const raw = { width, height, channels: 3 } as const;
  return new Uint8Array(await sharp(pixels, { raw }).png().toBuffer());
}
