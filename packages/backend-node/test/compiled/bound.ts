import { key } from '@chainrule/tensor';
import { reachable } from '../../src/compiled/graph.js';
import { nativeBackend } from '../../src/compiled/native.js';
import { type AnyStep, record } from '../../src/compiled/recorder.js';
import { rewrite } from '../../src/compiled/rewrite.js';
import { bindState, variables } from '../../src/compiled/variables.js';

/** Which operations a step's graph is made of, with its state in variables. */
export function boundOperations(step: unknown, state: object, batch: object): string[] {
  const { graph } = record(nativeBackend(), step as AnyStep, state as never, batch, key(0));
  const names = new Map([...graph.state.keys()].map((path, i) => [path, `v${i}`]));
  const { metrics, effects } = bindState(rewrite(graph), variables(names));
  return reachable([...metrics.map(([, { node }]) => node), ...effects]).map(({ op }) => op);
}

export const count = (ops: readonly string[], op: string): number =>
  ops.filter((each) => each === op).length;
