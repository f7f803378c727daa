import {
  applyStep,
  type GradientTransformation,
  merge,
  type OptState,
  partition,
} from '@chainrule/optim';
import { ChainruleError, type Encoder, flatten, type Params, type Path } from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';

/** True for a prefix itself and what is below it: `encoders/text` covers `encoders/text/words`. */
const below = (prefix: string, path: Path) => path === prefix || path.startsWith(`${prefix}/`);

/**
 * For `train({ trainable })`: everything but the parts of the model below these paths. Frozen leaves
 * have no gradient and no optimiser state, and weight decay does not touch them.
 *
 * @example
 * const run = train({ model, objective, optimizer, data, epochs: 10, trainable: freeze('encoders/text') });
 */
export function freeze(...prefixes: readonly string[]): (path: Path) => boolean {
  return (path) => !prefixes.some((prefix) => below(prefix, path));
}

/**
 * An encoder that never hears that it is in training: its dropout is off, and its batch norms use
 * their running statistics and leave them alone. A pretrained tower that is frozen wants both this and
 * {@link freeze}. Its config is the encoder's own.
 *
 * @example
 * const image = frozen(efficientnetLite0());
 */
export function frozen<E extends Encoder<never>>(encoder: E): E {
  return {
    ...encoder,
    apply: (params: Params, input: never) => encoder.apply(params, input),
  };
}

/**
 * One optimiser for the parts of a model below some paths, and another for the rest: pretrained
 * towers want a smaller learning rate. Each is given its own parameters only, so a clipping of norms in
 * one does not see the other's gradients.
 *
 * @param groups optimisers by path; the first that fits counts.
 * @throws ChainruleError `OPTION` from `init` where nothing stands below a path.
 *
 * @example
 * const optimizer = perPath(
 *   { 'encoders/image': adamw({ learningRate: 1e-5 }), 'encoders/text': adamw({ learningRate: 2e-5 }) },
 *   adamw({ learningRate: 1e-3 }),
 * );
 */
export function perPath(
  groups: { readonly [prefix: string]: GradientTransformation },
  rest: GradientTransformation,
): GradientTransformation {
  const prefixes = Object.keys(groups);
  const optimizers = [...Object.values(groups), rest];
  const indexOf = (path: Path) => {
    const found = prefixes.findIndex((prefix) => below(prefix, path));
    return found === -1 ? prefixes.length : found;
  };
  type Trees = Parameters<GradientTransformation['init']>[0];
  const parts = (tree: Trees): Trees[] =>
    optimizers.map((_, i) => partition(tree, (path) => indexOf(path) === i)[0]);
  const whole = (trees: readonly Trees[]): Trees => trees.reduce((a, b) => merge(a, b));
  type Update = (
    optimizer: GradientTransformation,
    ...args: [Trees, OptState, Trees]
  ) => readonly [Trees, OptState];
  const each = (update: Update, grads: Trees, state: OptState, params: Trees) => {
    const [g, p] = [parts(grads), parts(params)];
    const results = optimizers.map((optimizer, i) =>
      // A part without leaves has nothing to update.
      flatten(g[i]!).length === 0
        ? ([g[i]!, (state as OptState[])[i]!] as const)
        : update(optimizer, g[i]!, (state as OptState[])[i]!, p[i]!),
    );
    return [whole(results.map(([tree]) => tree)), results.map(([, next]) => next)] as const;
  };
  return {
    config: {
      type: 'perPath',
      groups: Object.fromEntries(
        Object.entries(groups).map(([path, { config }]) => [path, config]),
      ),
      rest: rest.config,
    },
    init(params) {
      const own = parts(params);
      prefixes.forEach((prefix, i) => {
        if (flatten<tf.Tensor>(own[i]!).length > 0) return;
        throw new ChainruleError(
          'OPTION',
          `trainer.perPath: no trained parameter stands below "${prefix}"; the first of them is "${flatten(params)[0]?.[0]}"`,
        );
      });
      return optimizers.map((optimizer, i) => optimizer.init(own[i]!));
    },
    update: (updates, state, params) =>
      each((o, ...args) => o.update(...args), updates, state, params) as never,
    step: (grads, state, params) =>
      each((o, ...args) => applyStep(o, ...args), grads, state, params) as never,
  };
}
