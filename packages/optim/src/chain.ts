import type { Config } from '@chainrule/tensor';
import type { TensorTree } from './transformation.js';
import { applyStep, type GradientTransformation, type OptState } from './transformation.js';

/** The states of a list of transformations, one each. */
export type States<T extends readonly GradientTransformation[]> = {
  readonly [I in keyof T]: T[I] extends GradientTransformation<infer S> ? S : never;
};

/**
 * Transformations one after the other: each transforms the updates that the one before it made.
 * The state is the tuple of their states.
 *
 * @example
 * import { adamw, chain, clipByGlobalNorm } from '@chainrule/optim';
 *
 * const optimizer = chain(clipByGlobalNorm({ maxNorm: 1 }), adamw({ learningRate: 1e-3 }));
 */
export function chain<const T extends readonly GradientTransformation[]>(
  ...transformations: T
): GradientTransformation<States<T>> {
  const config: Config = {
    type: 'chain',
    transformations: transformations.map((transformation) => transformation.config),
  };

  function run<P extends TensorTree>(
    links: readonly GradientTransformation[],
    updates: P,
    states: readonly OptState[],
    params: P,
  ): [P, OptState[]] {
    const next: OptState[] = [];
    let current = updates;
    links.forEach((link, i) => {
      const [transformed, state] = link.update(current, states[i]!, params);
      current = transformed;
      next.push(state);
    });
    return [current, next];
  }

  return {
    config,
    init: (params) => transformations.map((link) => link.init(params)) as unknown as States<T>,
    update(updates, states, params) {
      const [transformed, next] = run(transformations, updates, states, params);
      return [transformed, next as unknown as States<T>];
    },
    // Only the last link may be fused with the addition to the parameters.
    ...(transformations.at(-1)?.step === undefined
      ? {}
      : {
          step(grads, states, params) {
            const last = transformations.length - 1;
            const [updates, next] = run(transformations.slice(0, last), grads, states, params);
            const [stepped, state] = applyStep(
              transformations[last]!,
              updates,
              states[last]!,
              params,
            );
            return [stepped, [...next, state] as unknown as States<T>];
          },
        }),
  };
}
