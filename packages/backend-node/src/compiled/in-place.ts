import {
  constant,
  type Fusion,
  type Graph,
  type Node,
  output,
  type Ref,
  sameRef,
} from './graph.js';
import { AttrType, DataType, typeAttr } from './native.js';
import { assignVariable, type Variables } from './variables.js';

/** An optimiser's update of some leaves that the session can make in place. */
export interface InPlaceUpdate {
  readonly fusion: Fusion;
  /** The leaves it updates, by the kernel's input names. */
  readonly paths: { readonly [input: string]: string };
}

/** Which inputs of each kernel become which outputs. */
const SLOTS: { readonly [kernel: string]: readonly string[] } = {
  ApplySgd: ['param'],
  ApplyMomentum: ['param', 'trace'],
  ApplyAdam: ['param', 'm', 'v'],
};

export const slotsOf = (kernel: string): readonly string[] => SLOTS[kernel] ?? [];

/**
 * The updates that may be made in place: those that read leaves of the state and whose results
 * are, leaf for leaf, the state's next values.
 */
export function inPlaceUpdates(graph: Graph): InPlaceUpdate[] {
  const taken = new Set<string>();
  return graph.fusions.flatMap((fusion) => {
    const slots = SLOTS[fusion.kernel];
    const paths = slots?.map((slot, i) => {
      const { node } = fusion.inputs[slot]!;
      const next = node.op === 'State' ? graph.state.get(node.name!) : undefined;
      return next && sameRef(next, fusion.outputs[i]!) ? node.name! : undefined;
    });
    if (!slots || !paths || new Set(paths).size < paths.length) return [];
    if (paths.some((path) => path === undefined || taken.has(path))) return [];
    for (const path of paths) taken.add(path!);
    return [{ fusion, paths: Object.fromEntries(slots.map((slot, i) => [slot, paths[i]!])) }];
  });
}

/** How the update reads its leaves' present values, and who must be done with them first. */
export interface Access {
  readonly handle: Variables;
  /** The value of a leaf before the step. */
  readonly read: (path: string) => Ref;
  /** All nodes that use a leaf's value before the step. */
  readonly users: (path: string) => readonly Node[];
}

/** The nodes that make the update: none of them has an output, all are effects. */
export function applyInPlace({ fusion, paths }: InPlaceUpdate, access: Access): Node[] {
  const { inputs, attrs, kernel } = fusion;
  const variable = (slot: string): Ref => ({ node: access.handle(paths[slot]!), index: 0 });
  const after = Object.values(paths).flatMap((path) => access.users(path));
  const effect = (
    op: string,
    opInputs: readonly Ref[],
    extra: Node['attrs'] = [],
    first?: Node,
  ) => ({
    op,
    attrs: [typeAttr('T', DataType.float32), ...extra],
    inputs: opInputs,
    outputs: [],
    after: first ? [...after, first] : after,
  });
  const nesterov = (value: boolean) => [{ name: 'use_nesterov', type: AttrType.bool, value }];
  const scalar = (value: unknown): Ref => constant(Float32Array.of(Number(value)), []);
  const { grad, rate, epsilon, decay } = inputs;

  switch (kernel) {
    case 'ApplySgd':
      return [effect('ResourceApplyGradientDescent', [variable('param'), rate!, grad!])];
    case 'ApplyMomentum':
      return [
        effect(
          'ResourceApplyMomentum',
          [variable('param'), variable('trace'), rate!, grad!, scalar(attrs.decay)],
          nesterov(attrs.nesterov === true),
        ),
      ];
    default: {
      const scaled = isZero(decay!) ? undefined : decayed(paths.param!, decay!, access);
      // Powers of zero: the bias corrections are in the rate and epsilon already.
      const zero = scalar(0);
      const update = effect(
        'ResourceApplyAdam',
        [
          ...[variable('param'), variable('m'), variable('v'), zero, zero, rate!],
          ...[scalar(attrs.beta1), scalar(attrs.beta2), epsilon!, grad!],
        ],
        nesterov(false),
        scaled,
      );
      return scaled ? [scaled, update] : [update];
    }
  }
}

/** param ← (1 − decay)·param, in a new buffer. */
function decayed(path: string, decay: Ref, { handle, read }: Access): Node {
  const binary = (op: string, a: Ref, b: Ref, like: Ref): Ref => ({
    node: {
      op,
      attrs: [typeAttr('T', DataType.float32)],
      inputs: [a, b],
      outputs: [output(like)],
    },
    index: 0,
  });
  const one = constant(Float32Array.of(1), []);
  const param = read(path);
  return assignVariable(
    handle(path),
    binary('Mul', param, binary('Sub', one, decay, decay), param),
    [param.node],
  );
}

function isZero({ node }: Ref): boolean {
  return node.op === 'Constant' && node.values!.every((value) => value === 0);
}
