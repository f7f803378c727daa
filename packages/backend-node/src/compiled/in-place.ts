import { hasOperations } from '../operations.js';
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

/** How updates read their leaves' present values, and who must be done with them first. */
export interface Access {
  readonly handle: Variables;
  /** The value of a leaf before the step. */
  readonly read: (path: string, like: Fusion) => Ref;
  /** All nodes that use a leaf's value before the step. */
  readonly users: (path: string) => readonly Node[];
  /** Whether a leaf's memory is also that of a result of the step. */
  readonly isKept: (path: string) => boolean;
}

/** The nodes that make the updates: none of them has an output, all are effects. */
export function applyInPlace(updates: readonly InPlaceUpdate[], access: Access): Node[] {
  const alike: InPlaceUpdate[][] = [];
  const effects: Node[] = [];
  for (const update of updates) {
    if (!hasOperations() || update.fusion.kernel !== 'ApplyAdam' || isKept(update, access)) {
      effects.push(...applyOne(update, access));
      continue;
    }
    const others = alike.find(([first]) => isLike(update.fusion, first!.fusion));
    if (others) others.push(update);
    else alike.push([update]);
  }
  return [...effects, ...alike.map((each) => applyAdam(each, access))];
}

const isKept = ({ paths }: InPlaceUpdate, access: Access) =>
  Object.values(paths).some((path) => access.isKept(path));

const SETTINGS = ['rate', 'epsilon', 'decay'] as const;

const isLike = (a: Fusion, b: Fusion) =>
  SETTINGS.every((name) => sameRef(a.inputs[name]!, b.inputs[name]!)) &&
  a.attrs.beta1 === b.attrs.beta1 &&
  a.attrs.beta2 === b.attrs.beta2;

/** Adam's updates of all weights that share their settings, by one operation of native/adam.cc. */
function applyAdam(updates: readonly InPlaceUpdate[], { read, users }: Access): Node {
  const { inputs, attrs } = updates[0]!.fusion;
  const values = (slot: string) => updates.map(({ fusion, paths }) => read(paths[slot]!, fusion));
  const float = (name: string) => ({ name, type: AttrType.float, value: Number(attrs[name]) });
  return {
    op: 'ChainruleAdam',
    attrs: [
      float('beta1'),
      float('beta2'),
      { name: 'count', type: AttrType.int, value: updates.length },
    ],
    inputs: [
      ...updates.map(({ fusion }) => fusion.inputs.grad!),
      ...['param', 'm', 'v'].flatMap(values),
      ...SETTINGS.map((name) => inputs[name]!),
    ],
    outputs: [],
    after: updates.flatMap(({ paths }) => Object.values(paths).flatMap(users)),
  };
}

function applyOne({ fusion, paths }: InPlaceUpdate, access: Access): Node[] {
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
      const scaled = isZero(decay!) ? undefined : decayed(paths.param!, fusion, access);
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
function decayed(path: string, fusion: Fusion, { handle, read }: Access): Node {
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
  const param = read(path, fusion);
  const decay = fusion.inputs.decay!;
  return assignVariable(
    handle(path),
    binary('Mul', param, binary('Sub', one, decay, decay), param),
    [param.node],
  );
}

function isZero({ node }: Ref): boolean {
  return node.op === 'Constant' && node.values!.every((value) => value === 0);
}
