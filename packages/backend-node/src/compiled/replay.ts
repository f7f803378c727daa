import { ChainruleError, flatten, type Key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Node, output, type Ref, sameRef } from './graph.js';
import { intercept, type Listener } from './intercept.js';
import {
  type DataId,
  type NativeBackend,
  type OpAttr,
  type OpInput,
  type TensorValues,
  tfjsType,
} from './native.js';
import {
  type AnyStep,
  batchArgument,
  constantValues,
  KEY_ARGUMENT,
  mapLeaves,
  type Recording,
  refuseGenerators,
  refuseRead,
} from './recorder.js';
import { currentLine, userLine } from './stack.js';

/**
 * Checks that `step` still does what was recorded: runs its JavaScript again, with empty tensors
 * in place of real ones, and compares each operation and each constant. Nothing is computed, so it
 * takes some tens of milliseconds. `state` and `batch` give shapes only.
 *
 * @throws ChainruleError `TRACED_CHANGE` that names the line where the step differs.
 */
export function replay(
  backend: NativeBackend,
  step: AnyStep,
  recording: Recording,
  state: unknown,
  batch: unknown,
  key: Key,
): void {
  tf.tidy(() => {
    const player = new Player(backend, recording);
    const arg = (op: 'State' | 'Argument', name: string) => player.source(op, name);
    const emptyState = mapLeaves(state, (leaf, path) => arg('State', path) ?? leaf);
    const emptyBatch = mapLeaves(
      batch,
      (leaf, path) => arg('Argument', batchArgument(path)) ?? leaf,
    );
    const traced = arg('Argument', KEY_ARGUMENT) as tf.Tensor1D | undefined;
    // Another base: numbers that are drawn from it in JavaScript then differ.
    const base = [key.base[0] ^ 0x5bd1e995, key.base[1] ^ 0x2545f491] as const;
    const result = intercept(backend, player, () =>
      step(emptyState as never, emptyBatch as never, {
        ...key,
        base,
        traced: traced ?? tf.tensor1d([0, 0], 'int32'),
      }),
    );
    player.finish();
    for (const [name, ref] of recording.graph.metrics) player.same(result.metrics[name], ref);
    for (const [path, leaf] of flatten(result.state as never)) {
      player.same(leaf, recording.graph.state.get(path));
    }
  });
}

class Player implements Listener {
  private readonly refs = new Map<DataId, Ref>();
  private readonly born = new Map<DataId, string>();
  private readonly sources = new Map<string, Node>();
  private position = 0;

  constructor(
    private readonly backend: NativeBackend,
    private readonly recording: Recording,
  ) {
    const roots = [
      ...recording.graph.metrics.map(([, ref]) => ref),
      ...recording.graph.state.values(),
    ];
    for (const { node } of [...recording.log.flatMap(({ inputs }) => inputs), ...roots]) {
      if (node.name !== undefined) this.sources.set(`${node.op}:${node.name}`, node);
    }
  }

  /** An empty tensor in place of the source; undefined where the step does not use it. */
  source(op: string, name: string): tf.Tensor | undefined {
    const node = this.sources.get(`${op}:${name}`);
    return node && this.empty({ node, index: 0 });
  }

  execute(
    op: string,
    attrs: readonly OpAttr[],
    inputs: readonly OpInput[],
    _count: number,
    run: () => tf.Tensor[],
  ): tf.Tensor[] {
    refuseGenerators(op);
    const node = this.recording.log[this.position++];
    const sameOperation =
      node?.op === op &&
      node.inputs.length === inputs.length &&
      JSON.stringify(node.attrs) === JSON.stringify(attrs);
    if (!sameOperation)
      refuseChange(`runs ${op}, but ran ${node?.op ?? 'nothing more'} when`, currentLine());
    inputs.forEach((input, i) => {
      this.sameInput(op, input, node.inputs[i]!);
    });
    if (!node.constant) return node.outputs.map((_, index) => this.empty({ node, index }));
    const outputs = run();
    outputs.forEach(({ dataId }, index) => {
      this.refs.set(dataId, { node, index });
    });
    return outputs;
  }

  created(id: DataId): void {
    this.born.set(id, new Error('created').stack ?? '');
  }

  reading(id: DataId, kernel: string | undefined): void {
    const ref = this.refs.get(id);
    if (ref && !ref.node.constant) refuseRead(kernel);
  }

  bypassed(): void {}

  same(tensor: tf.TensorInfo | undefined, recorded: Ref | undefined): void {
    if (tensor && recorded) this.sameInput('the result', tensor, recorded);
    else refuseChange('returns other leaves than when', currentLine());
  }

  finish(): void {
    const missing = this.recording.log[this.position];
    if (missing) refuseChange(`does not run ${missing.op}, which it ran when`, 'its end');
  }

  private sameInput(op: string, input: OpInput, recorded: Ref): void {
    if (!('dataId' in input)) {
      if (!equalValues(input.valueArray, recorded.node.values)) refuseValue(currentLine());
      return;
    }
    const { dataId } = input;
    const known = this.refs.get(dataId);
    if (known) {
      if (!sameRef(known, recorded))
        refuseChange(`gives ${op} another input than when`, currentLine());
      return;
    }
    const stack = this.born.get(dataId);
    if (stack === undefined) {
      if (recorded.node.dataId !== dataId) {
        refuseChange(`uses another tensor from outside in ${op} than when`, currentLine());
      }
    } else if (
      recorded.node.op !== 'Constant' ||
      !equalValues(constantValues(this.backend, dataId), recorded.node.values)
    ) {
      refuseValue(userLine(stack));
    }
    this.refs.set(dataId, recorded);
  }

  private empty(ref: Ref): tf.Tensor {
    const { shape, dtype } = output(ref);
    const dataId: DataId = {};
    this.backend.tensorMap.set(dataId, {
      shape: [...shape],
      dtype,
      id: -1,
      values: null,
      refCount: 1,
    });
    this.refs.set(dataId, ref);
    return tf
      .engine()
      .makeTensorFromTensorInfo({ dataId, shape: [...shape], dtype: tfjsType(dtype)! });
  }
}

function equalValues(a: TensorValues, b: TensorValues | undefined): boolean {
  if (b === undefined || a.byteLength !== b.byteLength) return false;
  const bytes = (v: TensorValues) => Buffer.from(v.buffer, v.byteOffset, v.byteLength);
  return bytes(a).equals(bytes(b));
}

function refuseValue(line: string): never {
  throw new ChainruleError(
    'TRACED_CHANGE',
    `compiled: a number made at ${line} is another one each time the step runs, but a compiled step ` +
      "would keep the first; draw random numbers with uniform(split(key, name), shape) from the step's " +
      'key, and put numbers that change (a learning rate, a count) in the state or the batch',
  );
}

function refuseChange(what: string, line: string): never {
  throw new ChainruleError(
    'TRACED_CHANGE',
    `compiled: at ${line} the step ${what} it was recorded; a step must do the same operations ` +
      'each time: decide with tensors (tf.where), not with JavaScript values that change',
  );
}
