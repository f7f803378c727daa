import { tokenizerFromConfig } from '@chainrule/encoders-text';
import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { TrainedModel } from './files.js';

/**
 * What to ask: a tensor or texts for each modality of the model, the same number of rows in each;
 * a modality with one row, such as one picture, goes with all the rows of the others. Pixels are float32 `[n, height, width, channels]` in 0 … 1, of the size in `trained.imageSize`.
 */
export type Queries = { readonly [modality: string]: tf.Tensor | readonly string[] };

/** One class and how probable the model holds it, by the softmax of its logits. */
export interface Answer {
  readonly label: string;
  readonly probability: number;
}

/** A trained model in use. Each list has one entry a query, in their order. */
export interface Predictor {
  /** The model's output as it is: logits, or the numbers of a regression. */
  outputs(queries: Queries): Promise<number[][]>;
  /** Every label with its probability, the most probable first. */
  classify(queries: Queries): Promise<Answer[][]>;
}

/**
 * Asks a trained model: texts go through its own tokenizer, and labels with their probabilities
 * come out.
 *
 * @throws ChainruleError `MODEL_FILE` where tokenizer, labels and model do not fit each other;
 * `MODALITY` for missing or unknown queries, or texts to a model without a tokenizer; `SHAPE` for
 * tensors of the wrong shape; `NO_LABELS` from `classify` for a model that predicts numbers.
 *
 * @example
 * const trained = await loadModel('models/easy-vqa-product');
 * const [answers] = await predictor(trained).classify({ image: pixels, text: ['is there a circle?'] });
 * answers[0]; // { label: 'yes', probability: 0.998 }
 */
export function predictor(trained: TrainedModel): Predictor {
  const { model, params, labels } = trained;
  const tokenizer = trained.tokenizer && tokenizerFromConfig(trained.tokenizer, trained.tokenizers);
  const modalities = Object.keys(model.encoders);

  function tensorOf(name: string, query: Queries[string] | undefined): tf.Tensor {
    if (query === undefined) {
      throw fail(
        'MODALITY',
        `the model needs "${name}" as well; it takes ${modalities.join(', ')}`,
      );
    }
    if (!isTexts(query)) return tf.clone(query);
    if (query.length === 0) throw fail('EMPTY_BATCH', `"${name}" has no texts; give at least one`);
    if (tokenizer === undefined) {
      throw fail('MODALITY', `the model has no tokenizer, so "${name}" must be a tensor of ids`);
    }
    const { vocabulary } = model.encoders[name]!.config;
    if (typeof vocabulary === 'number' && tokenizer.vocabulary.length > vocabulary) {
      throw fail(
        'MODEL_FILE',
        `the tokenizer has ${tokenizer.vocabulary.length} words, the encoder of "${name}" only ${vocabulary}`,
      );
    }
    const ids = tokenizer.encodeBatch(query);
    return tf.tensor2d(ids, [query.length, tokenizer.maxLength], 'int32');
  }

  async function outputs(queries: Queries): Promise<number[][]> {
    const unknown = Object.keys(queries).find((name) => !modalities.includes(name));
    if (unknown !== undefined) {
      throw fail('MODALITY', `the model knows no "${unknown}"; it takes ${modalities.join(', ')}`);
    }
    const output = tf.tidy(() => {
      const inputs = Object.fromEntries(
        modalities.map((name) => [name, tensorOf(name, queries[name])]),
      );
      return model.apply(params, { inputs, rows: sharedRows(inputs) });
    });
    const rows = await output.array();
    output.dispose();
    return rows;
  }

  return {
    outputs,
    async classify(queries) {
      if (labels === undefined) {
        throw fail('NO_LABELS', 'the model predicts numbers, not classes; use outputs()');
      }
      return (await outputs(queries)).map((logits) => ranked(logits, labels));
    },
  };
}

/** Where others have more, the one row of a modality is every query's. */
function sharedRows(inputs: { readonly [modality: string]: tf.Tensor }) {
  const counts = Object.entries(inputs).map(([name, { shape }]) => [name, shape[0] ?? 1] as const);
  const most = Math.max(...counts.map(([, count]) => count));
  const single = counts.filter(([, count]) => count === 1 && most > 1);
  return Object.fromEntries(single.map(([name]) => [name, tf.zeros<tf.Rank.R1>([most], 'int32')]));
}

function isTexts(query: Queries[string]): query is readonly string[] {
  return Array.isArray(query);
}

/** Softmax, with the largest logit taken off so that nothing overflows. */
function ranked(logits: readonly number[], labels: readonly string[]): Answer[] {
  if (logits.length !== labels.length) {
    throw fail('MODEL_FILE', `the model has ${logits.length} outputs and ${labels.length} labels`);
  }
  const largest = Math.max(...logits);
  const weights = logits.map((logit) => Math.exp(logit - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  return labels
    .map((label, i) => ({ label, probability: weights[i]! / total }))
    .sort((a, b) => b.probability - a.probability);
}

function fail(code: string, problem: string): ChainruleError {
  return new ChainruleError(code, `trainer.predictor: ${problem}`);
}
