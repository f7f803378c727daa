import {
  ChainruleError,
  type Config,
  type Context,
  checkPositive,
  checkPositiveInteger,
  childContext,
  type Key,
  type MlpConfig,
  type MlpOptions,
  type Module,
  mlp,
  type Params,
  split,
  tidy,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { limited, unit } from './embedding-math.js';
import type { Encoders, MultimodalInput } from './multimodal.js';

type ParamsOf<M> = M extends { init(key: Key): infer P } ? P : never;

/** An encoder's vector on its way into the shared space: an MLP, linear where `hidden` is empty. */
export type ProjectionOptions = Omit<MlpOptions, 'in' | 'out'>;
export type ProjectionConfig = Required<ProjectionOptions>;

export interface DualEncoderOptions<E extends Encoders> {
  /** Two encoders, by the names of what they read: `{ image, text }`. */
  readonly encoders: E;
  /** Width of the shared space; default: the narrower encoder's. */
  readonly width?: number;
  /**
   * By modality; default a linear layer each. `false`: the encoder's vector as it is, whose width
   * must be that of the shared space.
   */
  readonly projections?: { readonly [K in keyof E]?: ProjectionOptions | false };
  /** s, the inverse of the temperature, at first; it is learned. Default 1/0.07; SigLIP wants 10. */
  readonly scale?: number;
  /** What s does not exceed; default 100. */
  readonly maxScale?: number;
  /** b, learned too; only SigLIP's loss uses it, and wants −10 at first. Default 0. */
  readonly bias?: number;
}

export type DualEncoderConfig = {
  readonly type: 'dualEncoder';
  readonly encoders: { readonly [modality: string]: Config };
  readonly width: number;
  readonly projections: { readonly [modality: string]: ProjectionConfig | false };
  readonly scale: number;
  readonly maxScale: number;
  readonly bias: number;
};

export type DualEncoderParams<E extends Encoders = Encoders> = {
  readonly encoders: { readonly [K in keyof E]: ParamsOf<E[K]> };
  /** `{}` where a modality has none. */
  readonly projections: { readonly [K in keyof E]: Params };
  /** log s. */
  readonly logScale: tf.Scalar;
  readonly bias: tf.Scalar;
};

/** What a contrastive objective measures. */
export interface DualOutput {
  /** By modality, `[batch, width]`, each row of length 1. */
  readonly embeddings: { readonly [modality: string]: tf.Tensor2D };
  readonly scale: tf.Scalar;
  readonly bias: tf.Scalar;
}

export interface DualEncoder<E extends Encoders = Encoders>
  extends Module<MultimodalInput<E>, DualOutput, DualEncoderParams<E>, DualEncoderConfig> {
  readonly encoders: E;
  /** Width of the shared space. */
  readonly width: number;
  /** The embeddings of one side alone, `[batch, width]`, each of length 1. */
  embed(
    params: DualEncoderParams<E>,
    modality: keyof E & string,
    input: tf.Tensor,
    context?: Context,
  ): tf.Tensor2D;
}

/**
 * Two encoders into one shared space, where what belongs together is to be close:
 * eᵢ = pᵢ/‖pᵢ‖ with pᵢ = projectionᵢ(encoderᵢ(xᵢ)).
 *
 * It is trained by {@link contrastive}. The scale s of the similarities, and SigLIP's bias, are
 * parameters of the model. An embedding whose projection is 0 stays 0.
 *
 * Source: Radford et al., Learning transferable visual models from natural language supervision
 * (2021), also for the limit of s: a step that would raise it further does nothing.
 *
 * @throws ChainruleError `OPTION` unless there are two encoders, for a projection of something else,
 * and for `false` where the widths differ; from `apply` and `embed`, `MODALITY` for a missing or
 * unknown input.
 *
 * @example
 * const model = dualEncoder({
 *   encoders: { image: small({ width: 128 }), text: lstm({ vocabulary, width: 128 }) },
 *   projections: { image: { hidden: [256] } },
 * });
 * const run = train({ model, objective: contrastive(), optimizer: adam(), data, epochs: 10 });
 */
export function dualEncoder<E extends Encoders>(options: DualEncoderOptions<E>): DualEncoder<E> {
  const where = 'trainer.dualEncoder';
  const { encoders } = options;
  const names = Object.keys(encoders) as (keyof E & string)[];
  if (names.length !== 2) {
    throw new ChainruleError(
      'OPTION',
      `${where}: encoders must be two, such as { image, text }, got ${names.join(', ') || 'none'}`,
    );
  }
  const width = options.width ?? Math.min(...names.map((name) => encoders[name]!.width));
  const { scale = 1 / 0.07, maxScale = 100, bias = 0, projections: given = {} } = options;
  checkPositiveInteger(where, 'width', width);
  checkPositive(where, 'scale', scale);
  checkPositive(where, 'maxScale', maxScale);
  const stray = Object.keys(given).find((name) => !names.includes(name));
  if (stray !== undefined) {
    throw new ChainruleError(
      'OPTION',
      `${where}: there is a projection for "${stray}"; the encoders are ${names.join(' and ')}`,
    );
  }
  const byName = <T>(f: (name: keyof E & string) => T) =>
    Object.fromEntries(names.map((name) => [name, f(name)])) as { [K in keyof E & string]: T };
  const projections = byName((name) => {
    const own = (given as { [name: string]: ProjectionOptions | false })[name] ?? {};
    const { width: from } = encoders[name]!;
    if (own !== false) return mlp({ activation: 'gelu', ...own, in: from, out: width });
    if (from === width) return undefined;
    throw new ChainruleError(
      'OPTION',
      `${where}: the encoder of "${name}" has width ${from}, the shared space ${width}; without a projection they must be equal`,
    );
  });

  const embed: DualEncoder<E>['embed'] = (params, name, input, context = {}) => {
    const encoder = encoders[name];
    if (encoder === undefined) throw unknown(where, name, names);
    return tf.tidy(() => {
      const own = childContext(context, name);
      const { vector } = encoder.apply(params.encoders[name], input, own);
      const layer = projections[name];
      const projected = layer?.apply(
        params.projections[name] as never,
        vector,
        childContext(own, 'projection'),
      );
      return unit(projected ?? vector);
    });
  };

  return {
    config: {
      type: 'dualEncoder',
      encoders: byName((name) => encoders[name]!.config),
      width,
      projections: byName((name) => configOf(projections[name]?.config)),
      scale,
      maxScale,
      bias,
    },
    encoders,
    width,
    init: (key) => ({
      encoders: byName((name) =>
        encoders[name]!.init(split(key, `encoders/${name}`)),
      ) as DualEncoderParams<E>['encoders'],
      projections: byName(
        (name) => projections[name]?.init(split(key, `projections/${name}`)) ?? {},
      ) as DualEncoderParams<E>['projections'],
      logScale: tf.scalar(Math.log(Math.min(scale, maxScale))),
      bias: tf.scalar(bias),
    }),
    embed,
    apply: (params, { inputs, rows }, context = {}) =>
      tidy(() => {
        const embeddings = byName((name) => {
          const input = inputs[name];
          if (input === undefined) throw unknown(where, Object.keys(inputs).join(', '), names);
          const all = embed(params, name, input, context);
          const used = rows?.[name];
          return used === undefined ? all : (tf.gather(all, used) as tf.Tensor2D);
        });
        const s = tf.exp(limited(params.logScale, Math.log(maxScale))) as tf.Scalar;
        // A copy: what a caller may dispose of is no parameter.
        return { embeddings, scale: s, bias: tf.clone(params.bias) };
      }),
  };
}

function configOf(config: MlpConfig | undefined): ProjectionConfig | false {
  if (config === undefined) return false;
  const { hidden, activation, dropout } = config;
  return { hidden, activation, dropout };
}

function unknown(where: string, got: string, names: readonly string[]): ChainruleError {
  return new ChainruleError(
    'MODALITY',
    `${where}: the model reads ${names.join(' and ')}, got ${got || 'nothing'}`,
  );
}
