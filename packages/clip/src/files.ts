import type { Tokenizer } from '@chainrule/encoders-text';
import {
  type HuggingFaceTokenizerConfig,
  huggingFaceTokenizer,
} from '@chainrule/encoders-text/huggingface';
import { ChainruleError, type Encoder, readSafetensors } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { towerConfigs } from './hugging-face-config.js';
import { type ImageTowerConfig, type ImageTowerParams, imageTower } from './image-tower.js';
import { type TextTowerConfig, type TextTowerParams, textTower } from './text-tower.js';
import { type ClipParams, clipParams } from './weights.js';

/** The contents of a model's files, by name; `config.json` and `model.safetensors` must be there. */
export type ClipFiles = { readonly [name: string]: Uint8Array };

export interface Clip {
  readonly kind: 'clip' | 'siglip';
  readonly image: Encoder<tf.Tensor4D, ImageTowerParams, ImageTowerConfig>;
  readonly text: Encoder<tf.Tensor2D, TextTowerParams, TextTowerConfig>;
  /** The caller's, to dispose; of `dualEncoder({ encoders: { image, text }, projections: { image: false, text: false } })`. */
  readonly params: ClipParams;
  /** Where there is a `tokenizer.json`; its texts are as long as the model reads. */
  readonly tokenizer?: Tokenizer<HuggingFaceTokenizerConfig>;
}

/** Which files are read. */
export const clipFileNames: readonly string[] = [
  'config.json',
  'model.safetensors',
  'preprocessor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
];

/**
 * A CLIP or SigLIP model of the Hugging Face Hub: both towers with their weights.
 *
 * Without `tokenizer.json` ids are taken to be those of a tokenizer whose file has no padding of id 0,
 * plus 1 (`text.config.offset`), as `huggingFaceTokenizer` makes them.
 *
 * @param where names the files in errors: the folder, say.
 * @throws ChainruleError `MODEL_FILE` that names the file, and for weights the tensor.
 *
 * @example
 * const { image, text, params, tokenizer } = clipFromFiles(files);
 */
export function clipFromFiles(files: ClipFiles, where = 'clip'): Clip {
  const inFile = <T>(name: string, f: (bytes: Uint8Array) => T): T => {
    const bytes = files[name];
    if (bytes === undefined) {
      throw new ChainruleError(
        'MODEL_FILE',
        `${where}: has no ${name}; give a folder with config.json and model.safetensors (weights in several files are not read)`,
      );
    }
    try {
      return f(bytes);
    } catch (cause) {
      throw new ChainruleError('MODEL_FILE', `${where}/${name}: ${(cause as Error).message}`, {
        cause,
      });
    }
  };
  const json = (bytes: Uint8Array): unknown => JSON.parse(new TextDecoder().decode(bytes));
  const optional = (name: string) => (files[name] === undefined ? {} : inFile(name, json));
  const preprocessor = optional('preprocessor_config.json');
  const configs = inFile('config.json', (bytes) => towerConfigs(json(bytes), preprocessor));
  const settings = optional('tokenizer_config.json');
  const { maxLength } = configs.text;
  const tokenizer =
    files['tokenizer.json'] &&
    inFile('tokenizer.json', (bytes) => huggingFaceTokenizer(json(bytes), { maxLength, settings }));
  const [image, text] = inFile('config.json', () => [
    imageTower(configs.image),
    textTower({ ...configs.text, offset: tokenizer ? tokenizer.config.offset : 1 }),
  ]);
  const params = inFile('model.safetensors', (bytes) =>
    clipParams(readSafetensors(bytes).tensors, configs),
  );
  return { kind: configs.kind, image, text, params, ...(tokenizer && { tokenizer }) };
}
