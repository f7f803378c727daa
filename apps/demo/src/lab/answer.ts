import { tokenizerFromConfig } from '@chainrule/encoders-text';
import {
  ChainruleError,
  disposeTree,
  type Embedding,
  type Embeddings,
  tidy,
} from '@chainrule/tensor';
import type { TrainedModel } from '@chainrule/trainer/files';
import * as tf from '@tensorflow/tfjs-core';
import type { Question, Reply } from './lab.js';
import { SIDE } from './sizes.js';

/** What the mean of the data is estimated from. */
export interface Reference {
  /** `n · 64 · 64 · 3` bytes. */
  readonly pixels: Uint8Array;
  readonly texts: readonly string[];
}

export interface Asker {
  answer(question: Question): Promise<Reply>;
  /** Answers many at once, in their order; `milliseconds` is of all of them. */
  answerAll(questions: readonly Question[]): Promise<Reply[]>;
  /** Frees the model's parameters, too. */
  dispose(): void;
}

/**
 * Asks a trained model and says what each modality contributed: by how much the log-probability of
 * the answer falls when the embedding of the modality is replaced by the mean of the reference's.
 */
export function asker(trained: TrainedModel, reference: Reference): Asker {
  const { model, params, labels } = trained;
  if (labels === undefined || trained.tokenizer === undefined) {
    throw new ChainruleError('MODEL_FILE', 'lab: the model has no labels or no tokenizer');
  }
  const tokenizer = tokenizerFromConfig(trained.tokenizer);
  const idsOf = (texts: readonly string[]) =>
    tf.tensor2d(tokenizer.encodeBatch(texts), [texts.length, tokenizer.maxLength], 'int32');
  const embed = (pixels: Uint8Array | Uint8ClampedArray, texts: readonly string[]) =>
    model.embed(params, { inputs: { image: toPixels(pixels), text: idsOf(texts) } });
  const means = tidy(() => meansOf(embed(reference.pixels, reference.texts)));

  async function answerAll(questions: readonly Question[]): Promise<Reply[]> {
    const began = performance.now();
    const modalities = Object.keys(model.encoders);
    const count = questions.length;
    const output = tf.tidy(() => {
      const intact = embed(
        joined(questions.map(({ pixels }) => pixels)),
        questions.map(({ text }) => text),
      );
      const variants = modalities.map((name) => ({
        ...intact,
        [name]: repeated(means[name]!, count),
      }));
      const logits = [intact, ...variants].map((embeddings) =>
        model.head.apply(params.head, model.fusion.apply(params.fusion, embeddings)),
      );
      return tf.logSoftmax(tf.concat(logits, 0));
    });
    const rows = (await output.array()) as number[][];
    output.dispose();
    const milliseconds = performance.now() - began;
    return rows.slice(0, count).map((intact, i) => {
      const top = intact.indexOf(Math.max(...intact));
      return {
        answers: labels!
          .map((label, k) => ({ label, probability: Math.exp(intact[k]!) }))
          .sort((a, b) => b.probability - a.probability),
        contributions: Object.fromEntries(
          modalities.map((name, m) => [name, intact[top]! - rows[(m + 1) * count + i]![top]!]),
        ),
        milliseconds,
      };
    });
  }

  return {
    answerAll,
    answer: async (question) => (await answerAll([question]))[0]!,
    dispose() {
      disposeTree(params);
      for (const mean of Object.values(means)) tf.dispose({ ...mean });
    },
  };
}

/** Pictures one after the other. */
function joined(pictures: readonly Uint8ClampedArray[]): Uint8ClampedArray {
  if (pictures.length === 1) return pictures[0]!;
  const size = SIDE * SIDE * 3;
  const all = new Uint8ClampedArray(pictures.length * size);
  pictures.forEach((picture, i) => {
    all.set(picture, i * size);
  });
  return all;
}

/** The one row of a mean, for each of `count` questions. */
function repeated({ vector, tokens, mask }: Embedding, count: number): Embedding {
  return {
    vector: tf.tile(vector, [count, 1]),
    ...(tokens && { tokens: tf.tile(tokens, [count, 1, 1]) }),
    ...(mask && { mask: tf.tile(mask, [count, 1]) }),
  };
}

/** Bytes of RGB pictures as the models take them. */
function toPixels(bytes: Uint8Array | Uint8ClampedArray): tf.Tensor4D {
  const size = SIDE * SIDE * 3;
  if (bytes.length === 0 || bytes.length % size !== 0) {
    throw new ChainruleError(
      'SHAPE',
      `lab: a picture must have ${SIDE}×${SIDE}×3 = ${size} bytes, got ${bytes.length}`,
    );
  }
  const values = Float32Array.from(bytes, (byte) => byte * (1 / 255));
  return tf.tensor4d(values, [bytes.length / size, SIDE, SIDE, 3]);
}

function meansOf(embeddings: Embeddings): { [modality: string]: Embedding } {
  return Object.fromEntries(
    Object.entries(embeddings).map(([name, embedding]) => [name, meanOf(embedding)]),
  );
}

/** One row: the mean vector; of the tokens the mean of those that are real, place by place. */
function meanOf({ vector, tokens, mask }: Embedding): Embedding {
  const mean = <T extends tf.Tensor>(x: T) => tf.mean(x, 0, true) as T;
  if (tokens === undefined) return { vector: mean(vector) };
  if (mask === undefined) return { vector: mean(vector), tokens: mean(tokens) };
  const real = tf.expandDims(mask, -1);
  const sums = tf.sum(tf.mul(tokens, real), 0, true);
  return {
    vector: mean(vector),
    tokens: tf.div(sums, tf.maximum(tf.sum(real, 0, true), 1)),
    mask: tf.max(mask, 0, true),
  };
}
