import { ChainruleError, cloneTree, flatten, isTrainable } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { checkAtLeast } from './check.js';
import { globalNorm } from './clip.js';
import { merge, partition } from './partition.js';
import { tidy } from './tidy.js';
import { applyStep, type GradientTransformation, type TensorTree } from './transformation.js';
import { valueAndGrad } from './value-and-grad.js';

/** What `onStep` is told, before the update. */
export interface DescentStep<P extends TensorTree> {
  /** Updates made so far. */
  readonly step: number;
  readonly loss: number;
  readonly gradientNorm: number;
  /** The tree as it is now; descend owns it, so copy (`tf.clone`) what must outlive the call. */
  readonly tree: P;
}

export interface DescendOptions<P extends TensorTree> {
  /** Updates at most; default 1,000. */
  readonly steps?: number;
  /** Converged where the norm of the gradient is at most this; default 1e-6. */
  readonly gradientTolerance?: number;
  /**
   * Converged where the loss changed by at most this part of itself in one step. Default 0: off,
   * since a loss may pause before it falls again.
   */
  readonly lossTolerance?: number;
  /** Stops the descent: the promise is rejected with the signal's reason. */
  readonly signal?: AbortSignal;
  readonly onStep?: (step: DescentStep<P>) => void;
}

export interface Descent<P extends TensorTree> {
  /** Where the descent ended. The caller owns it. */
  readonly tree: P;
  /** The loss there. */
  readonly loss: number;
  /** Updates made. */
  readonly steps: number;
  /** False where the steps ran out first. */
  readonly converged: boolean;
  /** The loss before the first update, after the first, … and at the end: `steps + 1` numbers. */
  readonly history: readonly number[];
}

/**
 * Gradient descent on any tree: a model's parameters, or the fused vector z itself.
 *
 * θ₀ = tree, θₖ₊₁ = θₖ + update(∇L(θₖ)), until ‖∇L‖ ≤ gradientTolerance, the loss stands still or
 * the steps run out. The given tree stays as it is, and the caller's. Leaves below a key named
 * `statistics` are not trained. The event loop gets its turn about every 50 ms.
 *
 * @throws ChainruleError `DIVERGED` as soon as the loss or its gradient is not a finite number.
 *
 * @example
 * import { descend, sgd } from '@chainrule/optim';
 * import * as tf from '@tensorflow/tfjs';
 *
 * const y = tf.tensor1d([1, 2]);
 * const loss = (z: tf.Tensor1D): tf.Scalar => tf.mul(0.5, tf.sum(tf.squaredDifference(z, y)));
 * const { tree, steps } = await descend(loss, tf.zeros([2]), sgd({ learningRate: 0.1 }));
 * tree.print(); // [1, 2]
 */
export async function descend<P extends TensorTree>(
  objective: (tree: P) => tf.Scalar,
  tree: P,
  transformation: GradientTransformation,
  options: DescendOptions<P> = {},
): Promise<Descent<P>> {
  const { steps = 1000, gradientTolerance = 1e-6, lossTolerance = 0, signal, onStep } = options;
  checkAtLeast('descend', 'steps', steps, 0);
  checkAtLeast('descend', 'gradientTolerance', gradientTolerance, 0);
  checkAtLeast('descend', 'lossTolerance', lossTolerance, 0);

  const [start, rest] = partition(tree, isTrainable);
  const whole = (part: TensorTree) => merge(part, rest) as P;
  const gradient = valueAndGrad((part: TensorTree) => objective(whole(part)));

  let params = cloneTree(start);
  let state = tidy(() => transformation.init(params));
  let grads: TensorTree = {};
  const history: number[] = [];
  const breathe = breather();
  try {
    for (let step = 0; ; step++) {
      signal?.throwIfAborted();
      const evaluated = tidy(() => {
        const result = gradient(params);
        return { grads: result.grads, report: tf.stack([result.value, globalNorm(result.grads)]) };
      });
      grads = evaluated.grads;
      const [loss, gradientNorm] = await read(evaluated.report);
      checkFinite(step, loss, gradientNorm, history.at(-1));
      const previous = history.at(-1);
      history.push(loss);
      onStep?.({ step, loss, gradientNorm, tree: whole(params) });
      const still =
        lossTolerance > 0 &&
        previous !== undefined &&
        Math.abs(previous - loss) <= lossTolerance * Math.abs(previous);
      const converged = gradientNorm <= gradientTolerance || still;
      if (converged || step >= steps) {
        return { tree: cloneTree(whole(params)), loss, steps: step, converged, history };
      }
      const [nextParams, nextState] = tidy(() => applyStep(transformation, grads, state, params));
      drop([params, state, grads], [nextParams, nextState]);
      [params, state, grads] = [nextParams, nextState, {}];
      await breathe();
    }
  } finally {
    drop([params, state, grads], []);
  }
}

/** Disposes of the old tensors, but for those that a transformation passed on unchanged. */
function drop(old: TensorTree, kept: TensorTree): void {
  const keep = new Set(flatten(kept).map(([, leaf]) => leaf));
  const gone = new Set(flatten(old).map(([, leaf]) => leaf));
  tf.dispose([...gone].filter((leaf) => !keep.has(leaf)));
}

async function read(report: tf.Tensor): Promise<[loss: number, gradientNorm: number]> {
  try {
    const [loss, gradientNorm] = await report.data();
    return [loss!, gradientNorm!];
  } finally {
    report.dispose();
  }
}

function checkFinite(step: number, loss: number, norm: number, previous: number | undefined): void {
  if (Number.isFinite(loss) && Number.isFinite(norm)) return;
  const what = Number.isFinite(loss) ? `the gradient's norm is ${norm}` : `the loss is ${loss}`;
  throw new ChainruleError(
    'DIVERGED',
    previous === undefined
      ? `descend: ${what} at the start; check the objective and the tree that it begins with`
      : `descend: ${what} after step ${step} (the loss was ${previous} before it); ` +
          'try a smaller learning rate, or clip the gradient with clipByGlobalNorm',
  );
}

/** Lets timers and input have their turn, but not so often that it costs time. */
function breather(): () => Promise<void> {
  let last = performance.now();
  return async () => {
    if (performance.now() - last < 50) return;
    await new Promise((resolve) => setTimeout(resolve, 0));
    last = performance.now();
  };
}
