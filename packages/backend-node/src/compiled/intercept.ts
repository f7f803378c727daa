import * as tf from '@tensorflow/tfjs-core';
import type { DataId, NativeBackend, OpAttr, OpInput } from './native.js';

/** What a recorder hears of while a step runs. */
export interface Listener {
  /** An operation; `run` runs it on the backend. */
  execute(
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly OpInput[],
    count: number,
    run: () => tf.Tensor[],
  ): tf.Tensor[];
  /** A tensor made of JavaScript numbers. */
  created(id: DataId): void;
  /** Somebody wants a tensor's numbers. `kernel` is the tfjs kernel that asks, if one does. */
  reading(id: DataId, kernel: string | undefined): void;
  /** A kernel gives these tensors to TensorFlow without `execute`. */
  bypassed(inputs: readonly OpInput[], kernel: string | undefined): void;
}

/**
 * Runs `f` while `listener` hears of every operation, new tensor and read on the backend.
 *
 * tfjs-node's kernels reach TensorFlow through a handful of the backend's methods, so it is
 * enough to replace these on the one backend object for a while.
 */
export function intercept<T>(backend: NativeBackend, listener: Listener, f: () => T): T {
  const engine = tf.engine();
  const original = {
    single: backend.executeSingleOutput.bind(backend),
    multiple: backend.executeMultipleOutputs.bind(backend),
    ids: backend.getInputTensorIds.bind(backend),
    readSync: backend.readSync.bind(backend),
    read: backend.read.bind(backend),
    write: backend.write.bind(backend),
    move: backend.move.bind(backend),
    runKernel: engine.runKernel.bind(engine),
  };
  const kernels: string[] = [];
  let executing = 0;
  const inside = <R>(run: () => R): R => {
    executing++;
    try {
      return run();
    } finally {
      executing--;
    }
  };
  let failure: { readonly error: unknown } | undefined;

  const replaced: Partial<NativeBackend> = {
    executeSingleOutput: (op, attrs, inputs) =>
      listener.execute(op, attrs, inputs, 1, () => [
        inside(() => original.single(op, attrs, inputs)),
      ])[0]!,
    executeMultipleOutputs: (op, attrs, inputs, count) =>
      listener.execute(op, attrs, inputs, count, () =>
        inside(() => original.multiple(op, attrs, inputs, count)),
      ),
    getInputTensorIds: (inputs) => {
      if (executing === 0) listener.bypassed(inputs, kernels.at(-1));
      return original.ids(inputs);
    },
    readSync: (id) => {
      listener.reading(id, kernels.at(-1));
      return original.readSync(id);
    },
    read: (id) => {
      // A rejected promise that nobody awaits would end the process, so the error waits for `f`.
      try {
        listener.reading(id, kernels.at(-1));
      } catch (error) {
        failure ??= { error };
        return new Promise(() => {});
      }
      return original.read(id);
    },
    write: (values, shape, dtype) => {
      const id = original.write(values, shape, dtype);
      listener.created(id);
      return id;
    },
    move: (id, values, shape, dtype, refCount) => {
      original.move(id, values, shape, dtype, refCount);
      listener.created(id);
    },
  };
  const runKernel: typeof engine.runKernel = (name, inputs, attrs) => {
    kernels.push(name);
    try {
      return original.runKernel(name, inputs, attrs) as never;
    } finally {
      kernels.pop();
    }
  };
  const stackTraceLimit = Error.stackTraceLimit;
  Object.assign(backend, replaced);
  Object.assign(engine, { runKernel });
  Error.stackTraceLimit = 100;
  try {
    const result = f();
    if (failure) throw failure.error;
    return result;
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    for (const name of Object.keys(replaced)) Reflect.deleteProperty(backend, name);
    Reflect.deleteProperty(engine, 'runKernel');
  }
}
