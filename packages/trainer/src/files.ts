import { type TokenizerFactory, tokenizerFromConfig } from '@chainrule/encoders-text';
import {
  ChainruleError,
  type Config,
  disposeTree,
  type Json,
  key,
  safetensorsToTree,
  treeToSafetensors,
} from '@chainrule/tensor';
import { issues } from '@chainrule/tensor/registry';
import { z } from 'zod';
import type { DualEncoder } from './dual-encoder.js';
import type { Multimodal } from './multimodal.js';
import { dualEncoderFromConfig, modelFromConfig } from './registry.js';

/** A trained model with all that it needs to be used: everything but the parameters is plain JSON. */
export interface TrainedModel<M extends SavedModel = Multimodal> {
  readonly model: M;
  /** The caller's, to dispose when the model is no longer used. */
  readonly params: ReturnType<M['init']>;
  /** The config of the tokenizer that made the text input, vocabulary included. */
  readonly tokenizer?: Config;
  /** What makes a tokenizer of that config, where it takes more than `tokenizerFromConfig` has: not saved. */
  readonly tokenizers?: Tokenizers;
  /** Class names in the order of the logits. */
  readonly labels?: readonly string[];
  /** `[height, width]` to which images are resized. */
  readonly imageSize?: readonly [number, number];
  /** A picture to try it on, as a PNG. */
  readonly example?: Uint8Array;
  /** What else is worth knowing: data set, accuracy, versions. */
  readonly about?: { readonly [name: string]: Json };
}

/** What can be saved: everything that registries can rebuild. */
export type SavedModel = Multimodal | DualEncoder;

/** Further tokenizers by type: `huggingFace` of `@chainrule/encoders-text/huggingface`. */
export type Tokenizers = { readonly [type: string]: TokenizerFactory };

/** The files of a saved model, by name. */
export type ModelFiles = { readonly [name: string]: Uint8Array };

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const VOCABULARY = 'vocabulary.json';
const EXAMPLE = 'example.png';
/** Every name that a saved model may have. */
export const fileNames: readonly string[] = [CONFIG, WEIGHTS, VOCABULARY, EXAMPLE];

const FORMAT = 'chainrule-model';
const VERSION = 1;

const configFile = z.object({
  format: z.literal(FORMAT),
  version: z.literal(VERSION),
  model: z.looseObject({ type: z.enum(['multimodal', 'dualEncoder']) }),
  labels: z.array(z.string()).optional(),
  imageSize: z.tuple([z.int().positive(), z.int().positive()]).optional(),
  about: z.record(z.string(), z.json()).optional(),
});

/**
 * A trained model as files: `config.json`, `model.safetensors` and, where there are a tokenizer
 * and an example, `vocabulary.json` and `example.png`. No file holds code. The same model gives the same bytes.
 *
 * @example
 * for (const [name, bytes] of Object.entries(toFiles(trained))) upload(name, bytes);
 */
export function toFiles<M extends SavedModel>(trained: TrainedModel<M>): ModelFiles {
  const { model, params, tokenizer, labels, imageSize, example, about } = trained;
  const config = {
    format: FORMAT,
    version: VERSION,
    model: model.config,
    labels,
    imageSize,
    about,
  };
  return {
    [CONFIG]: encode(config),
    [WEIGHTS]: treeToSafetensors(params, { format: FORMAT }),
    ...(tokenizer && { [VOCABULARY]: encode(tokenizer) }),
    ...(example && { [EXAMPLE]: example }),
  };
}

/**
 * The trained model in these files, which may come from anywhere: they are validated, and only
 * modules of the registries are built.
 *
 * @param where names the files in errors: the folder, say.
 * @param options.tokenizers Further tokenizers that the model may have, such as Hugging Face's.
 * @throws ChainruleError `MODEL_FILE` that names the file and what is wrong with it.
 *
 * @example
 * const bytes = async (name: string) => new Uint8Array(await (await fetch(name)).arrayBuffer());
 * const names = ['config.json', 'model.safetensors', 'vocabulary.json'];
 * const files = Object.fromEntries(await Promise.all(names.map(async (n) => [n, await bytes(n)])));
 * const trained = fromFiles(files);
 */
export function fromFiles(
  files: ModelFiles,
  where = 'model',
  options: FromFilesOptions = {},
): TrainedModel {
  return restore(files, where, options, 'multimodal', modelFromConfig);
}

/**
 * The trained dual encoder in these files: as {@link fromFiles}, for a `dualEncoder(…)`.
 *
 * @example
 * const { model, params } = dualEncoderFromFiles(files);
 * const vectors = model.embed(params, 'image', pixels);
 */
export function dualEncoderFromFiles(
  files: ModelFiles,
  where = 'model',
  options: FromFilesOptions = {},
): TrainedModel<DualEncoder> {
  return restore(files, where, options, 'dualEncoder', dualEncoderFromConfig);
}

export interface FromFilesOptions {
  readonly tokenizers?: Tokenizers | undefined;
}

function restore<M extends SavedModel>(
  files: ModelFiles,
  where: string,
  { tokenizers }: FromFilesOptions,
  type: M['config']['type'],
  fromConfig: (config: unknown) => M,
): TrainedModel<M> {
  const { config, model } = read(files, CONFIG, where, (bytes) => {
    const config = checkConfig(decode(bytes));
    const { type: found } = config.model;
    if (found !== type) {
      const reader = found === 'dualEncoder' ? 'dualEncoderFromFiles' : 'fromFiles';
      throw new ChainruleError('MODEL_FILE', `holds a "${found}", not a "${type}"; use ${reader}`);
    }
    return { config, model: fromConfig(config.model) };
  });
  const params = read(files, WEIGHTS, where, (bytes) => readParams(bytes, model));
  const tokenizer =
    files[VOCABULARY] &&
    read(
      files,
      VOCABULARY,
      where,
      (bytes) => tokenizerFromConfig(decode(bytes), tokenizers).config,
    );
  const { labels, imageSize, about } = config;
  return {
    model,
    params,
    ...(tokenizer && { tokenizer }),
    ...(tokenizer && tokenizers && { tokenizers }),
    ...(labels && { labels }),
    ...(imageSize && { imageSize }),
    ...(files[EXAMPLE] && { example: files[EXAMPLE] }),
    ...(about && { about: about as { readonly [name: string]: Json } }),
  };
}

/** What is made of one file; whatever goes wrong is said of that file. */
function read<T>(files: ModelFiles, name: string, where: string, f: (bytes: Uint8Array) => T): T {
  const bytes = files[name];
  if (bytes === undefined) {
    throw new ChainruleError(
      'MODEL_FILE',
      `${where}: has no ${name}; give the folder of a saved model`,
    );
  }
  try {
    return f(bytes);
  } catch (cause) {
    throw new ChainruleError('MODEL_FILE', `${where}/${name}: ${(cause as Error).message}`, {
      cause,
    });
  }
}

function checkConfig(value: unknown): z.output<typeof configFile> {
  const parsed = configFile.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ChainruleError('CONFIG', issues(parsed.error), { cause: parsed.error });
}

function readParams<M extends SavedModel>(weights: Uint8Array, model: M): ReturnType<M['init']> {
  // Only the shapes of fresh parameters are wanted.
  const like = model.init(key(0));
  try {
    return safetensorsToTree(weights, like) as ReturnType<M['init']>;
  } finally {
    disposeTree(like);
  }
}

function encode(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`);
}

function decode(bytes: Uint8Array): unknown {
  const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  try {
    return JSON.parse(text, refusePrototype);
  } catch (cause) {
    throw new ChainruleError('MODEL_FILE', `is not JSON: ${(cause as Error).message}`, { cause });
  }
}

/** Such a key changes what an object is where it is copied carelessly. No model needs it. */
function refusePrototype(key: string, value: unknown): unknown {
  if (key === '__proto__') throw new Error('the key "__proto__" is not allowed');
  return value;
}
