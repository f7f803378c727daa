import type { GradientTransformation, TensorTree } from '@chainrule/optim';
import {
  ChainruleError,
  defaultExecutor,
  type Executor,
  flatten,
  type Metrics,
} from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

export interface GradientShares {
  /** The optimiser, watched. */
  readonly optimizer: GradientTransformation;
  /** The executor that adds the metrics. */
  readonly executor: Executor;
}

/**
 * Watches which encoders learn: while training, each step also reports for each modality the share
 * of the encoders' gradient that its encoder receives,
 *
 *     gradient/m = ‖∂L/∂θₘ‖ / Σₖ ‖∂L/∂θₖ‖.
 *
 * The shares add up to 1. One that falls towards 0 early belongs to a modality that the model has
 * stopped learning from, often because another is easier. Norms grow with an encoder's parameters,
 * so what tells is how the shares change.
 *
 * Give `train` both parts: the shares stand in each step's `measures` and, as means, in each epoch's.
 *
 * Source: Wang, Tran and Feiszli, What makes training multi-modal classification networks hard?
 * (2020), and Peng et al., Balanced multimodal learning via on-the-fly gradient modulation (2022),
 * for the imbalance that it shows.
 *
 * @param executor how steps run; default the backend's.
 * @throws ChainruleError `OPTION` from the first step where the parameters have no `encoders`.
 * @example
 * const watched = gradientShares(adamw({ learningRate: 1e-3 }));
 * for await (const event of train({ model, objective, data, epochs: 10, ...watched })) {
 *   if (event.type === 'epoch') console.log(event.train['gradient/image']);
 * }
 */
export function gradientShares(
  optimizer: GradientTransformation,
  executor: Executor = defaultExecutor(),
): GradientShares {
  let shares: Metrics = {};
  const { step } = optimizer;
  return {
    optimizer: {
      config: optimizer.config,
      init: (params) => optimizer.init(params),
      update: (gradients, state, params) => {
        shares = sharesOf(gradients);
        return optimizer.update(gradients, state, params);
      },
      ...(step && {
        step: (gradients, state, params) => {
          shares = sharesOf(gradients);
          return step(gradients, state, params);
        },
      }),
    },
    executor: {
      name: executor.name,
      prepare: (original, initial) =>
        executor.prepare((state, batch, key) => {
          // An evaluation has none, and those of the last training step are gone.
          shares = {};
          const { state: next, metrics } = original(state, batch, key);
          return { state: next, metrics: { ...metrics, ...shares } };
        }, initial),
    },
  };
}

function sharesOf(gradients: TensorTree): Metrics {
  const squares = new Map<string, tf.Tensor>();
  for (const [path, gradient] of flatten(gradients)) {
    const [part, modality] = path.split('/');
    if (part !== 'encoders' || modality === undefined) continue;
    const own = tf.sum(tf.square(gradient));
    const before = squares.get(modality);
    squares.set(modality, before === undefined ? own : tf.add(before, own));
  }
  if (squares.size === 0) {
    throw new ChainruleError(
      'OPTION',
      'diagnose.gradientShares: there are no encoders among the parameters; train a model made by multimodal()',
    );
  }
  const norms = [...squares].map(([name, square]) => [name, tf.sqrt(square)] as const);
  const total = norms.map(([, norm]) => norm).reduce((a, b) => tf.add(a, b));
  return Object.fromEntries(
    norms.map(([name, norm]) => [
      `gradient/${name}`,
      tf.div(norm, tf.maximum(total, 1e-30)) as tf.Scalar,
    ]),
  );
}
