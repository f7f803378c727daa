import {
  ChainruleError,
  flatten,
  type Json,
  key,
  type Params,
  safetensorsToTree,
  treeToSafetensors,
} from '@chainrule/tensor';
import { issues } from '@chainrule/tensor/registry';
import { z } from 'zod';
import type { Multimodal } from './multimodal.js';
import { modelFromConfig } from './registry.js';

/** A trained model with all that it needs to be used: everything but the parameters is plain JSON. */
export interface TrainedModel {
  readonly model: Multimodal;
  readonly params: Params;
  /** The config of the tokenizer that made the text input, vocabulary included. */
  readonly tokenizer?: Json;
  /** Class names in the order of the logits. */
  readonly labels?: readonly string[];
  /** `[height, width]` to which images are resized. */
  readonly imageSize?: readonly [number, number];
  /** What else is worth knowing: data set, accuracy, versions. */
  readonly about?: { readonly [name: string]: Json };
}

/** The files of a saved model, by name. */
export type ModelFiles = { readonly [name: string]: Uint8Array };

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const VOCABULARY = 'vocabulary.json';
const FORMAT = 'chainrule-model';
const VERSION = 1;

const configFile = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  model: z.looseObject({ type: z.literal('multimodal') }),
  labels: z.array(z.string()).optional(),
  imageSize: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  about: z.record(z.string(), z.json()).optional(),
});

/**
 * A trained model as files: `config.json`, `model.safetensors` and, with a tokenizer,
 * `vocabulary.json`. No file holds code.
 */
export function toFiles(trained: TrainedModel): ModelFiles {
  const { model, params, tokenizer, ...rest } = trained;
  const config = { format: FORMAT, version: VERSION, model: model.config, ...rest };
  return {
    [CONFIG]: encode(config),
    [WEIGHTS]: treeToSafetensors(params, { format: FORMAT }),
    ...(tokenizer === undefined ? {} : { [VOCABULARY]: encode(tokenizer) }),
  };
}

/**
 * The trained model in these files, which may come from anywhere: they are validated.
 *
 * @param where names the files in errors: the folder, say.
 * @throws ChainruleError `MODEL_FILE` that names the file and what is wrong with it.
 */
export function fromFiles(files: ModelFiles, where = 'model'): TrainedModel {
  const parsed = configFile.safeParse(decode(files, CONFIG, where));
  if (!parsed.success) {
    throw new ChainruleError('MODEL_FILE', `${where}/${CONFIG}: ${issues(parsed.error)}`, {
      cause: parsed.error,
    });
  }
  const { labels, imageSize, about, model: config } = parsed.data;
  const model = modelFromConfig(config);
  const weights = files[WEIGHTS];
  if (weights === undefined) throw missing(where, WEIGHTS);
  // Only the shapes of fresh parameters are wanted.
  const like = model.init(key(0));
  const params = inContext(`${where}/${WEIGHTS}`, () => safetensorsToTree(weights, like) as Params);
  return {
    model,
    params,
    ...(files[VOCABULARY] && { tokenizer: decode(files, VOCABULARY, where) as Json }),
    ...(labels && { labels }),
    ...(imageSize && { imageSize }),
    ...(about && { about: about as { readonly [name: string]: Json } }),
  };
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

function decode(files: ModelFiles, name: string, where: string): unknown {
  const bytes = files[name];
  if (bytes === undefined) throw missing(where, name);
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ChainruleError('MODEL_FILE', `${where}/${name}: is not JSON`, { cause });
  }
}

function missing(where: string, name: string): ChainruleError {
  return new ChainruleError(
    'MODEL_FILE',
    `${where}: has no ${name}; give the folder of a saved model`,
  );
}

function inContext<T>(place: string, f: () => T): T {
  try {
    return f();
  } catch (cause) {
    throw new ChainruleError('MODEL_FILE', `${place}: ${(cause as Error).message}`, { cause });
  }
}
