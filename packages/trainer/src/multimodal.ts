import type { Fusion, FusionFactory, Widths } from '@chainrule/fusion';
import {
  ChainruleError,
  type Config,
  type Context,
  childContext,
  type Embedding,
  type Embeddings,
  type Encoder,
  type Key,
  type Module,
  type Params,
  split,
  tidy,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export type Encoders = { readonly [modality: string]: Encoder };

type ParamsOf<M> = M extends { init(key: Key): infer P } ? P : never;

export type MultimodalParams<E extends Encoders = Encoders> = {
  readonly encoders: { readonly [K in keyof E]: ParamsOf<E[K]> };
  readonly fusion: Params;
  readonly head: Params;
};

/**
 * What a model sees: one tensor a modality and, with `rows`, which of its rows each example uses
 * (see `Batch`): of 64 pictures with ten questions each, every picture is encoded once.
 */
export interface MultimodalInput<E extends Encoders = Encoders> {
  readonly inputs: { readonly [K in keyof E]: tf.Tensor };
  readonly rows?: { readonly [K in keyof E]?: tf.Tensor1D };
}

export type MultimodalConfig = {
  readonly type: 'multimodal';
  readonly encoders: { readonly [modality: string]: Config };
  readonly fusion: Config;
  readonly head: Config;
};

/** A head turns the fused vector into the output: logits, numbers, another representation. */
export type Head = Module<tf.Tensor2D, tf.Tensor2D>;

export interface MultimodalOptions<E extends Encoders> {
  /** One encoder a modality, by name. */
  readonly encoders: E;
  /** A strategy (`gated`), which is given the encoders' widths, or one made with options of its own. */
  readonly fusion: Fusion | FusionFactory;
  /** Makes the head from the width of the fused vector: `(width) => mlp({ in: width, out: 13 })`. */
  readonly head: (width: number) => Head;
}

export interface Multimodal<E extends Encoders = Encoders>
  extends Module<MultimodalInput<E>, tf.Tensor2D, MultimodalParams<E>, MultimodalConfig> {
  readonly encoders: E;
  readonly fusion: Fusion;
  readonly head: Head;
  /** The embedding of each modality, one row an example. */
  embed(params: MultimodalParams<E>, input: MultimodalInput<E>, context?: Context): Embeddings;
  /** The fused representation z, `[batch, fusion.width]`. */
  fuse(params: MultimodalParams<E>, input: MultimodalInput<E>, context?: Context): tf.Tensor2D;
}

/**
 * Encoders, a fusion strategy and a head as one module: output = head(fuse(encode(inputs))).
 *
 * @throws ChainruleError `NO_ENCODERS` for an empty set of encoders; `OPTION` where the parts'
 * widths do not fit; `MODALITY` from `apply` where an input is missing; whatever the parts throw on
 * wrong shapes.
 *
 * @example
 * const model = multimodal({
 *   encoders: { image: small({ width: 128 }), text: lstm({ vocabulary, width: 128 }) },
 *   fusion: product, // swapping the strategy is one word
 *   head: (width) => mlp({ in: width, hidden: [128], out: 13 }),
 * });
 */
export function multimodal<E extends Encoders>(options: MultimodalOptions<E>): Multimodal<E> {
  const { encoders } = options;
  const modalities = Object.keys(encoders);
  if (modalities.length === 0) {
    throw new ChainruleError(
      'NO_ENCODERS',
      'multimodal: give at least one encoder: { encoders: { image: cnn(…), text: lstm(…) } }',
    );
  }
  const widths = mapValues(encoders, (encoder) => encoder.width);
  const tokenWidths = Object.fromEntries(
    Object.entries(encoders).flatMap(([name, { tokenWidth }]) =>
      tokenWidth === undefined ? [] : [[name, tokenWidth]],
    ),
  );
  const fusion =
    typeof options.fusion === 'function' ? options.fusion({ widths, tokenWidths }) : options.fusion;
  const head = options.head(fusion.width);
  checkFit(widths, fusion, head);

  const encode = (
    params: MultimodalParams<E>,
    { inputs, rows }: MultimodalInput<E>,
    context: Context,
  ): Embeddings =>
    mapValues(encoders, (encoder, name) => {
      const x = inputs[name];
      if (x === undefined) {
        throw new ChainruleError(
          'MODALITY',
          `multimodal: the input lacks "${name}", it has ${Object.keys(inputs).join(', ') || 'nothing'}; ` +
            `give one tensor for each of ${modalities.join(', ')}`,
        );
      }
      const own = encoder.apply(params.encoders[name], x, childContext(context, name));
      const used = rows?.[name];
      return used === undefined ? own : gatherRows(own, used);
    });

  const fuse: Multimodal<E>['fuse'] = (params, input, context = {}) =>
    tf.tidy(() =>
      fusion.apply(params.fusion, encode(params, input, context), childContext(context, 'fusion')),
    );

  return {
    config: {
      type: 'multimodal',
      encoders: mapValues(encoders, (encoder) => encoder.config),
      fusion: fusion.config,
      head: head.config,
    },
    encoders,
    fusion,
    head,
    init: (key) => ({
      encoders: mapValues(encoders, (encoder, name) =>
        encoder.init(split(key, `encoders/${name}`)),
      ) as MultimodalParams<E>['encoders'],
      fusion: fusion.init(split(key, 'fusion')),
      head: head.init(split(key, 'head')),
    }),
    embed: (params, input, context = {}) =>
      tidy(() => mapValues(encode(params, input, context), (embedding) => ({ ...embedding }))),
    fuse,
    apply: (params, input, context = {}) =>
      tf.tidy(() =>
        head.apply(params.head, fuse(params, input, context), childContext(context, 'head')),
      ),
  };
}

function mapValues<T extends object, U>(
  object: T,
  f: (value: T[keyof T & string], name: keyof T & string) => U,
): { [K in keyof T & string]: U } {
  const entries = Object.entries(object) as [keyof T & string, T[keyof T & string]][];
  return Object.fromEntries(entries.map(([name, value]) => [name, f(value, name)])) as {
    [K in keyof T & string]: U;
  };
}

/** Parts made apart may not fit together; their configs tell it before any tensor does. */
function checkFit(widths: Widths, fusion: Fusion, head: Head): void {
  const { widths: taken } = fusion.config;
  if (typeof taken === 'object' && taken !== null && list(taken) !== list(widths)) {
    throw new ChainruleError(
      'OPTION',
      `multimodal: the encoders give { ${list(widths)} }, the fusion "${fusion.config.type}" takes { ${list(taken)} }; ` +
        'give the factory itself, and it gets the right widths',
    );
  }
  const { in: width } = head.config;
  if (typeof width === 'number' && width !== fusion.width) {
    throw new ChainruleError(
      'OPTION',
      `multimodal: the fused vector has width ${fusion.width}, the head "${head.config.type}" takes ${width}; ` +
        'use the width that the function `head` is given',
    );
  }
}

function list(widths: object): string {
  const entries = Object.entries(widths).map(([name, width]) => `${name}: ${width}`);
  return entries.sort().join(', ');
}

/** One row an example. Tokens, which may be large, are gathered only where a strategy asks for them. */
function gatherRows(embedding: Embedding, rows: tf.Tensor1D): Embedding {
  const { vector, tokens, mask, present } = embedding;
  const gathered = {
    vector: tf.gather(vector, rows),
    ...(mask && { mask: tf.gather(mask, rows) }),
    ...(present && { present: tf.gather(present, rows) }),
  };
  if (tokens === undefined) return gathered;
  return Object.defineProperty(gathered, 'tokens', {
    enumerable: true,
    get: () => tf.gather(tokens, rows),
  });
}
