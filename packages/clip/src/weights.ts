import { ChainruleError, type RawTensor, type Safetensors } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { TowerConfigs } from './hugging-face-config.js';
import type { ImageTowerParams } from './image-tower.js';
import type { LayerParams } from './layers.js';
import type { TextTowerParams } from './text-tower.js';

/** Of both towers, in the form of a `dualEncoder` of `@chainrule/trainer` without projections. */
export type ClipParams = {
  readonly encoders: { readonly image: ImageTowerParams; readonly text: TextTowerParams };
  readonly projections: {
    readonly image: Record<string, never>;
    readonly text: Record<string, never>;
  };
  /** The logarithm of what similarities are multiplied by. */
  readonly logScale: tf.Scalar;
  /** What is added to them in SigLIP; 0 in CLIP. */
  readonly bias: tf.Scalar;
};

/**
 * The parameters of both towers, from the tensors of Hugging Face's `CLIPModel` or `SiglipModel`.
 *
 * @throws ChainruleError `WEIGHTS` that names the tensor which is missing or of another shape, and
 * both shapes; no tensor is left behind.
 */
export function clipParams(tensors: Safetensors['tensors'], configs: TowerConfigs): ClipParams {
  const made: tf.Tensor[] = [];
  try {
    return readParams(reader(tensors, made), configs);
  } catch (error) {
    tf.dispose(made);
    throw error;
  }
}

type Reader = ReturnType<typeof reader>;

/** Reads tensors by name, each with the shape it must have. */
function reader(tensors: Safetensors['tensors'], made: tf.Tensor[]) {
  const raw = (
    name: string,
    shape: readonly number[],
  ): Extract<RawTensor, { dtype: 'float32' }> => {
    const found = tensors.get(name);
    const expected = `float32 [${shape.join(', ')}]`;
    const got = found === undefined ? 'nothing' : `${found.dtype} [${found.shape.join(', ')}]`;
    if (found?.dtype === 'float32' && got === expected) return found;
    throw new ChainruleError(
      'WEIGHTS',
      `clip: "${name}" must be ${expected}, the file has ${got}; config.json and model.safetensors must be of one model`,
    );
  };
  const keep = <T extends tf.Tensor>(f: () => tf.Tensor): T => {
    const tensor = tf.tidy(f) as T;
    made.push(tensor);
    return tensor;
  };
  const leaf = <T extends tf.Tensor>(name: string, shape: number[], as = shape): T =>
    keep<T>(() => tf.tensor(raw(name, shape).data, as));
  const kernel = (name: string, from: number, to: number) =>
    keep<tf.Tensor2D>(() => tf.transpose(tf.tensor(raw(name, [to, from]).data, [to, from])));
  const norm = (name: string, width: number) => ({
    scale: leaf<tf.Tensor1D>(`${name}.weight`, [width]),
    offset: leaf<tf.Tensor1D>(`${name}.bias`, [width]),
  });
  const dense = (name: string, from: number, to: number) => ({
    kernel: kernel(`${name}.weight`, from, to),
    bias: leaf<tf.Tensor1D>(`${name}.bias`, [to]),
  });
  /** Rows `part`, of three, of a matrix and a vector that hold queries, keys and values. */
  const third = (name: string, part: number, width: number) => ({
    kernel: keep<tf.Tensor2D>(() => {
      const all = tf.tensor2d(raw(`${name}_weight`, [3 * width, width]).data, [3 * width, width]);
      return tf.transpose(tf.slice(all, part * width, width));
    }),
    bias: keep<tf.Tensor1D>(() => {
      const all = tf.tensor1d(raw(`${name}_bias`, [3 * width]).data);
      return tf.slice(all, part * width, width);
    }),
  });
  /** A scalar, which some files have as a list of one. */
  const scalar = (name: string) =>
    leaf<tf.Scalar>(name, tensors.get(name)?.shape.length === 1 ? [1] : [], []);
  const patchKernel = (name: string, size: number, width: number) =>
    keep<tf.Tensor4D>(() => {
      const shape = [width, 3, size, size];
      return tf.transpose(tf.tensor(raw(name, shape).data, shape), [2, 3, 1, 0]);
    });
  return {
    leaf,
    kernel,
    norm,
    dense,
    third,
    scalar,
    patchKernel,
    zero: () => keep<tf.Scalar>(() => tf.scalar(0)),
  };
}

interface Sizes {
  readonly width: number;
  readonly feedForward: number;
  readonly layers: number;
}

const layersOf = (read: Reader, at: string, { width, feedForward, layers }: Sizes): LayerParams[] =>
  Array.from({ length: layers }, (_, i) => {
    const own = `${at}.encoder.layers.${i}`;
    return {
      norm: read.norm(`${own}.layer_norm1`, width),
      attention: {
        query: read.dense(`${own}.self_attn.q_proj`, width, width),
        key: { kernel: read.kernel(`${own}.self_attn.k_proj.weight`, width, width) },
        value: read.dense(`${own}.self_attn.v_proj`, width, width),
        out: read.dense(`${own}.self_attn.out_proj`, width, width),
      },
      feedForwardNorm: read.norm(`${own}.layer_norm2`, width),
      hidden: read.dense(`${own}.mlp.fc1`, width, feedForward),
      out: read.dense(`${own}.mlp.fc2`, feedForward, width),
    };
  });

function readParams(read: Reader, { kind, image, text }: TowerConfigs): ClipParams {
  const isClip = kind === 'clip';
  const [i, t] = ['vision_model', 'text_model'];
  const patches = Math.floor(image.imageSize / image.patchSize) ** 2;
  const places = patches + Number(isClip);
  const { width } = image;
  return {
    encoders: {
      image: {
        patches: {
          kernel: read.patchKernel(
            `${i}.embeddings.patch_embedding.weight`,
            image.patchSize,
            width,
          ),
          ...(isClip ? {} : { bias: read.leaf(`${i}.embeddings.patch_embedding.bias`, [width]) }),
        },
        positions: read.leaf(`${i}.embeddings.position_embedding.weight`, [places, width]),
        layers: layersOf(read, i!, image),
        norm: read.norm(`${i}.post_layernorm`, width),
        ...(isClip
          ? {
              class: {
                token: read.leaf<tf.Tensor1D>(`${i}.embeddings.class_embedding`, [width]),
                // The name is misspelt in the files.
                norm: read.norm(`${i}.pre_layrnorm`, width),
                projection: {
                  kernel: read.kernel('visual_projection.weight', width, image.projection),
                },
              },
            }
          : { pool: poolOf(read, `${i}.head`, image) }),
      },
      text: {
        words: read.leaf(`${t}.embeddings.token_embedding.weight`, [text.vocabulary, text.width]),
        positions: read.leaf(`${t}.embeddings.position_embedding.weight`, [
          text.maxLength,
          text.width,
        ]),
        layers: layersOf(read, t!, text),
        norm: read.norm(`${t}.final_layer_norm`, text.width),
        projection: isClip
          ? { kernel: read.kernel('text_projection.weight', text.width, text.projection) }
          : read.dense(`${t}.head`, text.width, text.projection),
      },
    },
    projections: { image: {}, text: {} },
    logScale: read.scalar('logit_scale'),
    bias: isClip ? read.zero() : read.scalar('logit_bias'),
  };
}

function poolOf(read: Reader, at: string, { width, feedForward }: Sizes) {
  const inProjection = `${at}.attention.in_proj`;
  const key = read.third(inProjection, 1, width);
  key.bias.dispose();
  return {
    query: read.leaf<tf.Tensor1D>(`${at}.probe`, [1, 1, width], [width]),
    attention: {
      query: read.third(inProjection, 0, width),
      key: { kernel: key.kernel },
      value: read.third(inProjection, 2, width),
      out: read.dense(`${at}.attention.out_proj`, width, width),
    },
    norm: read.norm(`${at}.layernorm`, width),
    hidden: read.dense(`${at}.mlp.fc1`, width, feedForward),
    out: read.dense(`${at}.mlp.fc2`, feedForward, width),
  };
}
