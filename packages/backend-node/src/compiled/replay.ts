import { ChainruleError, flatten, type Key } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { type Node, type Ref, sameRef } from './graph.js';
import { intercept } from './intercept.js';
import type { DataId, NativeBackend, OpAttr, OpInput, TensorValues } from './native.js';
import {
  type AnyStep,
  batchArgument,
  KEY_ARGUMENT,
  mapLeaves,
  type Recording,
} from './recorder.js';
import { currentLine, userLine } from './stack.js';
import { constantValues, Tracer } from './tracer.js';

/**
 * Checks that `step` still does what was recorded: runs its JavaScript again and compares each
 * operation and each constant. `state` and `batch` give shapes only.
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
    // Another base: numbers that are drawn from it in JavaScript then differ.
    const base = [key.base[0] ^ 0x5bd1e995, key.base[1] ^ 0x2545f491] as const;
    const result = intercept(backend, player, () => {
      const emptyState = mapLeaves(state, (leaf, path) => player.source('State', path, leaf));
      const emptyBatch = mapLeaves(batch, (leaf, path) =>
        player.source('Argument', batchArgument(path), leaf),
      );
      const traced = player.source('Argument', KEY_ARGUMENT, tf.tensor1d([0, 0], 'int32'));
      return step(emptyState as never, emptyBatch as never, {
        ...key,
        base,
        traced: traced as tf.Tensor1D,
      });
    });
    player.finish();
    for (const [name, ref] of recording.graph.metrics) player.same(result.metrics[name], ref);
    for (const [path, leaf] of flatten(result.state as never)) {
      player.same(leaf, recording.graph.state.get(path));
    }
  });
}

class Player extends Tracer {
  /** Where tensors were made. An error's stack costs little until somebody reads it. */
  private readonly born = new Map<DataId, Error>();
  private readonly sources = new Map<string, Node>();
  private position = 0;

  constructor(
    backend: NativeBackend,
    private readonly recording: Recording,
  ) {
    super(backend);
    const { graph, log } = recording;
    const results = [...graph.metrics.map(([, ref]) => ref), ...graph.state.values()];
    for (const { node } of [...log.flatMap(({ inputs }) => inputs), ...results]) {
      if (node.name !== undefined) this.sources.set(`${node.op}:${node.name}`, node);
    }
  }

  /** An empty tensor in place of the source; `leaf` itself where the step does not use it. */
  source(op: string, name: string, leaf: tf.Tensor): tf.Tensor {
    const node = this.sources.get(`${op}:${name}`);
    return node ? this.empty({ node, index: 0 }) : leaf;
  }

  created(id: DataId): void {
    this.born.set(id, new Error('created'));
  }

  outside(id: DataId): Ref {
    // Only what is compared with a recorded input gets here: see sameInput.
    throw new Error(`replay: unknown tensor ${String(id)}`);
  }

  same(tensor: tf.TensorInfo | undefined, recorded: Ref | undefined): void {
    if (tensor && recorded) this.sameInput('the result', tensor, recorded);
    else refuseChange('returns other leaves than when', currentLine());
  }

  finish(): void {
    const missing = this.recording.log[this.position];
    if (missing) refuseChange(`does not run ${missing.op}, which it ran when`, 'its end');
  }

  protected node(op: string, attrs: readonly OpAttr[], inputs: readonly OpInput[]): Node {
    const node = this.recording.log[this.position++];
    if (
      node?.op !== op ||
      node.inputs.length !== inputs.length ||
      JSON.stringify(node.attrs) !== JSON.stringify(attrs)
    ) {
      const instead = node?.op === op ? `another ${op}` : (node?.op ?? 'nothing more');
      refuseChange(`runs ${op}, but ran ${instead} when`, currentLine());
    }
    inputs.forEach((input, i) => {
      this.sameInput(op, input, node.inputs[i]!);
    });
    return node;
  }

  private sameInput(op: string, input: OpInput, recorded: Ref): void {
    if (!('dataId' in input)) {
      if (!equalValues(input.valueArray, recorded.node.values)) refuseValue(currentLine());
      return;
    }
    const { dataId } = input;
    const known = this.refs.get(dataId);
    if (known) {
      if (sameRef(known, recorded)) return;
      refuseChange(`gives ${op} another input than when`, currentLine());
    }
    const created = this.born.get(dataId);
    if (created === undefined) {
      if (recorded.node.dataId !== dataId) {
        refuseChange(`uses another tensor from outside in ${op} than when`, currentLine());
      }
    } else if (
      recorded.node.op !== 'Constant' ||
      !equalValues(constantValues(this.backend, dataId), recorded.node.values)
    ) {
      refuseValue(userLine(created.stack));
    }
    this.refs.set(dataId, recorded);
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
