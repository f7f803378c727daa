import { fusion as strategies } from '@chainrule/fusion/registry';
import * as tf from '@tensorflow/tfjs';
import { inspectModel } from '../../lab/inspection.js';
import type { Inspection } from '../../lab/lab.js';
import { compose } from '../../lab/recipe.js';
import { SIDE } from '../../lab/sizes.js';

// Of the easy-VQA questions: words with padding and unknown, answers, words of the longest.
const sizes = { vocabulary: 27, classes: 13, words: 10 };

/** Composes the model in the page itself: where no lab can, because it has no data. */
export async function inspectHere(fusion: string): Promise<Inspection> {
  await tf.setBackend('cpu');
  return inspectModel(compose(fusion, sizes), {
    image: { shape: [SIDE, SIDE, 3], dtype: 'float32' },
    text: { shape: [sizes.words], dtype: 'int32' },
  });
}

/** The strategies that there are. */
export const strategiesHere = () =>
  strategies.describe().map(({ name, summary }) => ({ name, summary }));
