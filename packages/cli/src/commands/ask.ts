import { readFile } from 'node:fs/promises';
import { useNative } from '@chainrule/backend-node/backend';
import { decodeImage } from '@chainrule/data/node';
import { ChainruleError, disposeTree } from '@chainrule/tensor';
import { type Answer, predictor, type Queries } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import { loadModel } from '@chainrule/trainer/node';
import * as tf from '@tensorflow/tfjs-core';
import { percent, table } from '../terminal.js';

export interface AskOptions {
  readonly model: string;
  readonly image?: string;
  readonly top: number;
  readonly json?: boolean;
}

/** What the model says to one query: labels, or the numbers of a regression. */
interface Reply {
  readonly text?: string;
  readonly labels?: readonly Answer[];
  readonly values?: readonly number[];
}

/** Asks a saved model about a picture, a text, or several texts about one picture. */
export async function ask(
  texts: readonly string[],
  options: AskOptions,
  say: (text: string) => void,
): Promise<void> {
  await useNative();
  const trained = await loadModel(options.model);
  checkAsked(trained, texts, options);
  const queries: Queries = {
    ...(options.image !== undefined && { image: await pixelsOf(trained, options.image) }),
    ...(texts.length > 0 && { text: texts }),
  };
  const { classify, outputs } = predictor(trained);
  const withText = (i: number) => (texts.length > 0 ? { text: texts[i]! } : {});
  const replies: Reply[] =
    trained.labels === undefined
      ? (await outputs(queries)).map((values, i) => ({ ...withText(i), values }))
      : (await classify(queries)).map((answers, i) => ({
          ...withText(i),
          labels: answers.slice(0, options.top),
        }));
  tf.dispose(queries.image as tf.Tensor);
  disposeTree(trained.params);

  const { model, image } = options;
  if (options.json) say(JSON.stringify({ model, ...(image && { image }), answers: replies }));
  else say(replies.map(readable).join('\n\n'));
}

function checkAsked({ model }: TrainedModel, texts: readonly string[], options: AskOptions): void {
  const takes = Object.keys(model.encoders);
  const given = { image: options.image !== undefined, text: texts.length > 0 };
  const how = { image: 'a picture: --image FILE', text: 'a text, as the last argument' };
  for (const modality of ['image', 'text'] as const) {
    if (takes.includes(modality) === given[modality]) continue;
    throw new ChainruleError(
      'USAGE',
      `ask: the model in ${options.model} takes ${takes.join(' and ')}; ${given[modality] ? 'leave out' : 'give it'} ${how[modality]}`,
    );
  }
}

/** `[1, height, width, 3]` as in training. */
async function pixelsOf({ imageSize }: TrainedModel, file: string): Promise<tf.Tensor4D> {
  if (imageSize === undefined) {
    throw new ChainruleError('MODEL_FILE', 'ask: the model does not say to which size pictures go');
  }
  const [height, width] = imageSize;
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new ChainruleError('IMAGE', `ask: can not read ${file}: ${cause.message}`, { cause });
  });
  const pixels = await decodeImage(bytes, file, { height, width, channels: 3, fit: 'cover' });
  const values = Float32Array.from(pixels, (byte) => byte * (1 / 255));
  return tf.tensor4d(values, [1, height, width, 3]);
}

function readable({ text, labels, values }: Reply): string {
  const title = text === undefined ? [] : [text];
  const lines = labels
    ? table(
        [],
        labels.map(({ label, probability }) => [`  ${label}`, percent(probability)]),
        ['left', 'right'],
      )
    : `  ${values!.map((value) => value.toPrecision(4)).join(', ')}`;
  return [...title, lines].join('\n');
}
