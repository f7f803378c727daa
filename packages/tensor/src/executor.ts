import * as tf from '@tensorflow/tfjs-core';
import type { Key } from './random.js';
import { tidy } from './tidy.js';
import { cloneTree, disposeTree, flatten, type Tree } from './tree.js';

/** What a step measures, by name. */
export type Metrics = { readonly [name: string]: tf.Scalar };
export type MetricValues<M extends Metrics> = { readonly [K in keyof M]: number };

/**
 * A pure step of training: state and batch in, new state and metrics out, every part a tree of
 * tensors. It reads no tensor's data and draws only from `key`, so that it can be recorded once
 * and run as one native call.
 */
export type Step<S extends Tree<tf.Tensor>, B, M extends Metrics> = (
  state: S,
  batch: B,
  key: Key,
) => { readonly state: S; readonly metrics: M };

/** A step with a state of its own, made by an {@link Executor}. */
export interface Execution<S extends Tree<tf.Tensor>, B, M extends Metrics> {
  /** One step: the state moves on, the metrics come back as numbers. The batch stays the caller's. */
  run(batch: B, key: Key): Promise<MetricValues<M>>;
  /** A copy of the state, which the caller owns. */
  read(): Promise<S>;
  /** Puts a copy of `state` in place of the present one. */
  write(state: S): Promise<void>;
  dispose(): void;
}

/** How a step runs: operation by operation on any backend, or compiled where a backend can. */
export interface Executor {
  readonly name: string;
  /** Takes `initial` over: it must not be used or disposed afterwards. */
  prepare<S extends Tree<tf.Tensor>, B extends object, M extends Metrics>(
    step: Step<S, B, M>,
    initial: S,
  ): Execution<S, B, M>;
}

/** Runs a step operation by operation, on whichever backend is active. */
export function eager(): Executor {
  return {
    name: 'eager',
    prepare(step, initial) {
      let state = initial;
      return {
        async run(batch, key) {
          const { next, metrics } = tidy(() => {
            const result = step(state, batch, key);
            // A metric may be a tensor that the state or the batch goes on to use.
            return { next: result.state, metrics: cloneTree(result.metrics) };
          });
          replace(state, next);
          state = next;
          return readMetrics(metrics);
        },
        read: async () => cloneTree(state),
        async write(next) {
          const copied = cloneTree(next);
          disposeTree(state);
          state = copied;
        },
        dispose: () => disposeTree(state),
      };
    },
  };
}

const executors = new Map<string, () => Executor>();

/** Makes an executor the default wherever the backend of that name runs: backends call this as they load. */
export function registerExecutor(backend: string, make: () => Executor): void {
  executors.set(backend, make);
}

/** The executor of the backend in use: compiled where it has one, else {@link eager}. */
export function defaultExecutor(): Executor {
  return (executors.get(tf.getBackend()) ?? eager)();
}

/** Disposes the leaves of `before` that are not in `after`: a leaf may pass through a step unchanged. */
function replace(before: Tree<tf.Tensor>, after: Tree<tf.Tensor>): void {
  const kept = new Set(flatten(after).map(([, leaf]) => leaf));
  const old = new Set(flatten(before).map(([, leaf]) => leaf));
  tf.dispose([...old].filter((leaf) => !kept.has(leaf)));
}

async function readMetrics<M extends Metrics>(metrics: M): Promise<MetricValues<M>> {
  const values = await Promise.all(
    Object.entries(metrics).map(async ([name, value]) => {
      const [number] = await value.data();
      value.dispose();
      return [name, number] as const;
    }),
  );
  return Object.fromEntries(values) as MetricValues<M>;
}
