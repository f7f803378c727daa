import { type Node, output, type Ref, reachable } from './graph.js';
import {
  AttrType,
  type AttrValue,
  type DataId,
  DataType,
  type OpAttr,
  type TensorValues,
  typeAttr,
} from './native.js';
import { bytesField, type Field, floatField, intField, message, stringField } from './protobuf.js';

/** A graph with its names: what to feed, what to fetch. */
export interface Program {
  readonly nodes: readonly Uint8Array[];
  /** Placeholders, and what each is fed with: an argument's name or a captured tensor. */
  readonly feeds: readonly { readonly name: string; readonly source: string | DataId }[];
  readonly fetches: readonly string[];
}

/**
 * Turns nodes into NodeDefs, all names below `prefix`. Fetches each of `fetches`, when all of
 * `effects` have happened.
 *
 * Variables are not below the prefix: programs of one session share them by name.
 */
export function program(
  prefix: string,
  fetches: readonly Ref[],
  effects: readonly Node[],
): Program {
  const defs: Uint8Array[] = [];
  const feeds: { name: string; source: string | DataId }[] = [];
  const names = new Map<Node, string>();
  const constants = new Map<string, string>();

  const name = ({ node, index }: Ref) =>
    index === 0 ? names.get(node)! : `${names.get(node)}:${index}`;
  for (const node of reachable([...fetches.map(({ node }) => node), ...effects])) {
    const own = node.op === VARIABLE ? node.name! : `${prefix}/${node.op}_${names.size}`;
    const content = node.op === 'Constant' ? contentKey(node) : undefined;
    const earlier = content === undefined ? undefined : constants.get(content);
    names.set(node, earlier ?? own);
    if (earlier !== undefined || node.op === VARIABLE) continue;
    if (content !== undefined) constants.set(content, own);
    if (node.op === 'Argument' || node.op === 'Captured') {
      feeds.push({ name: `${own}:0`, source: node.op === 'Argument' ? node.name! : node.dataId! });
    }
    defs.push(
      nodeDef(own, node, [
        ...node.inputs.map(name),
        ...(node.after ?? []).map((before) => `^${names.get(before)}`),
      ]),
    );
  }
  // Fetched nodes of our own: a placeholder can not be fetched, and optimisers keep these names.
  const fetched = fetches.map((ref, i) => {
    const own = `${prefix}/fetch_${i}`;
    defs.push(encodeNode(own, 'Identity', [name(ref)], [typeAttr('T', output(ref).dtype)]));
    return `${own}:0`;
  });
  const done = `${prefix}/done`;
  defs.push(
    nodeDef(
      done,
      DONE,
      effects.map((effect) => `^${names.get(effect)}`),
    ),
  );
  return { nodes: defs, feeds, fetches: [...fetched, `${done}:0`] };
}

/** A handle of a leaf of the state, which lives in the session. */
export const VARIABLE = 'Variable';

const DONE: Node = {
  op: 'Constant',
  attrs: [],
  inputs: [],
  outputs: [{ shape: [], dtype: DataType.int32 }],
  values: new Int32Array(1),
};

/** The NodeDef of a variable, for all programs of a session. */
export function variableDef(name: string, dtype: number, shape: readonly number[]): Uint8Array {
  return encodeNode(
    name,
    'VarHandleOp',
    [],
    [
      typeAttr('dtype', dtype),
      { name: 'shape', type: AttrType.shape, value: shape },
      { name: 'shared_name', type: AttrType.string, value: name },
    ],
  );
}

function nodeDef(name: string, node: Node, inputs: readonly string[]): Uint8Array {
  const { dtype, shape } = node.outputs[0] ?? { dtype: 0, shape: [] };
  switch (node.op) {
    case 'Constant':
      return encodeNode(name, 'Const', inputs, [typeAttr('dtype', dtype)], tensorAttr(node));
    case 'Argument':
    case 'Captured':
      return encodeNode(name, 'Placeholder', inputs, [
        typeAttr('dtype', dtype),
        { name: 'shape', type: AttrType.shape, value: shape },
      ]);
    default:
      return encodeNode(name, node.op, inputs, [...node.attrs, ...inferredAttrs(node)]);
  }
}

/** Eager TensorFlow infers these where tfjs-node leaves them out; a graph must spell them. */
function inferredAttrs(node: Node): OpAttr[] {
  if (node.op !== 'ExpandDims' || node.attrs.length > 0) return [];
  return [typeAttr('T', output(node.inputs[0]!).dtype)];
}

/** Equal small constants are one node. */
function contentKey({ values, outputs }: Node): string | undefined {
  if (values === undefined || values.byteLength > 256) return undefined;
  const { dtype, shape } = outputs[0]!;
  return `${dtype}[${shape}]${Buffer.from(values.buffer, values.byteOffset, values.byteLength).toString('base64')}`;
}

/** A SavedModel of one graph without variables' values. Field numbers are TensorFlow's. */
export function savedModel(nodes: readonly Uint8Array[], tag: string): Uint8Array {
  const versions = message(intField(1, PRODUCER));
  const graph = message(...nodes.map((node) => bytesField(1, node)), bytesField(4, versions));
  const metaGraph = message(bytesField(1, stringField(4, tag)), bytesField(2, graph));
  return message(intField(1, 1), bytesField(2, metaGraph));
}

/** Version of the GraphDef format that is written here; any libtensorflow from 2.9 on reads it. */
const PRODUCER = 1087;

function encodeNode(
  name: string,
  op: string,
  inputs: readonly string[],
  attrs: readonly OpAttr[],
  ...more: readonly Field[]
): Uint8Array {
  return message(
    stringField(1, name),
    stringField(2, op),
    ...inputs.map((input) => stringField(3, input)),
    ...attrs.map((attr) => mapEntry(attr.name, attrValue(attr))),
    ...more,
  );
}

function mapEntry(key: string, value: Uint8Array): Field {
  return bytesField(5, message(stringField(1, key), bytesField(2, value)));
}

// Field numbers in AttrValue and in its ListValue are the same.
const SCALAR: { readonly [type: number]: (value: AttrValue) => Field } = {
  [AttrType.string]: (value) => stringField(2, String(value)),
  [AttrType.int]: (value) => intField(3, Number(value)),
  [AttrType.float]: (value) => floatField(4, Number(value)),
  [AttrType.bool]: (value) => intField(5, value ? 1 : 0),
  [AttrType.type]: (value) => intField(6, Number(value)),
};

function attrValue({ type, value }: OpAttr): Uint8Array {
  if (type === AttrType.shape) return bytesField(7, shapeProto(value as readonly number[]));
  const scalar = SCALAR[type]!;
  if (!Array.isArray(value)) return scalar(value as AttrValue);
  return bytesField(1, message(...value.map(scalar)));
}

function tensorAttr({ values, outputs }: Node): Field {
  const { dtype, shape } = outputs[0]!;
  const count = shape.reduce((product, n) => product * n, 1);
  const whole = values!.length === 1 && count > 1 ? repeated(values!, count) : values!;
  const content = Buffer.from(whole.buffer, whole.byteOffset, whole.byteLength);
  const tensor = message(
    intField(1, dtype),
    bytesField(2, shapeProto(shape)),
    bytesField(4, content),
  );
  return mapEntry('value', bytesField(8, tensor));
}

/** One number, many times. Large constants of that kind have become Fills: see rewrite.ts. */
function repeated(values: TensorValues, count: number): TensorValues {
  const array =
    values instanceof Float32Array
      ? Float32Array
      : values instanceof Int32Array
        ? Int32Array
        : Uint8Array;
  return new array(count).fill(values[0]!);
}

function shapeProto(shape: readonly number[]): Uint8Array {
  return message(...shape.map((size) => bytesField(2, intField(1, size))));
}
