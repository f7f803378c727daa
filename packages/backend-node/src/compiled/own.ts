import {
  ATTENTION,
  ATTENTION_GRADIENT,
  GELU,
  GELU_GRADIENT,
  LAYER_NORM,
  LAYER_NORM_GRADIENT,
} from '@chainrule/tensor';
import type * as tf from '@tensorflow/tfjs-core';
import { hasOperations } from '../operations.js';
import { AttrType, type NativeBackend, type OpAttr } from './native.js';
import { register } from './register.js';

type Attributes = { readonly [name: string]: 'bool' | 'float' | 'int' };

/** A kernel that is one operation of native/: its inputs and attributes, and how many outputs. */
type Kernel = readonly [
  kernel: string,
  operation: string,
  inputs: readonly string[],
  attributes: Attributes,
  outputs: number,
];

const KERNELS: readonly Kernel[] = [
  [ATTENTION, 'ChainruleAttention', ['q', 'k', 'v', 'mask'], { heads: 'int' }, 2],
  [
    ATTENTION_GRADIENT,
    'ChainruleAttentionGradient',
    ['dy', 'q', 'k', 'v', 'weights'],
    { heads: 'int' },
    3,
  ],
  [GELU, 'ChainruleGelu', ['x'], { approximate: 'bool' }, 1],
  [GELU_GRADIENT, 'ChainruleGeluGradient', ['dy', 'x'], { approximate: 'bool' }, 1],
  [LAYER_NORM, 'ChainruleLayerNorm', ['x', 'scale', 'offset'], { epsilon: 'float' }, 3],
  [
    LAYER_NORM_GRADIENT,
    'ChainruleLayerNormGradient',
    ['dy', 'x', 'scale', 'mean', 'inverse'],
    {},
    3,
  ],
  // The recurrent part of the LSTM of `@chainrule/encoders-text`.
  ['Lstm', 'ChainruleLstm', ['x', 'recurrent', 'mask'], { relu: 'bool' }, 2],
  [
    'LstmGradient',
    'ChainruleLstmGradient',
    ['dy', 'recurrent', 'mask', 'trace'],
    { relu: 'bool' },
    1,
  ],
  // The bytes of pictures, of a loader of `@chainrule/data`; what `@chainrule/encoders-image` does to them.
  ['Pixels', 'ChainrulePixels', ['packed', 'sizes'], {}, 1],
  ['Flip', 'ChainruleFlip', ['x', 'flip'], {}, 1],
  ['Scale', 'ChainruleScale', ['x', 'scale', 'shift'], {}, 1],
  // The sums of products of factors of `@chainrule/fusion`.
  ['FactorSum', 'ChainruleFactorSum', ['x', 'y'], { count: 'int' }, 1],
  ['FactorSumGradient', 'ChainruleFactorSumGradient', ['dz', 'x', 'y'], { count: 'int' }, 2],
  // The modulation of tokens of `@chainrule/fusion`.
  ['Modulate', 'ChainruleModulate', ['x', 'both'], { relu: 'bool' }, 1],
  ['ModulateGradient', 'ChainruleModulateGradient', ['dy', 'x', 'both', 'y'], { relu: 'bool' }, 2],
];

/** The kernels that are operations of our own, where these could be compiled. */
export function registerOwn(): void {
  if (!hasOperations()) return;
  for (const [kernel, operation, names, types, outputs] of KERNELS) {
    register(kernel, ({ inputs, attrs, backend }) => {
      const attributes = Object.entries(types).map(
        ([name, type]): OpAttr => ({
          name,
          type: AttrType[type],
          value: attrs[name] as boolean | number,
        }),
      );
      const given = names.map((name) => inputs[name] as tf.TensorInfo);
      const native = backend as NativeBackend;
      return outputs === 1
        ? native.executeSingleOutput(operation, attributes, given)
        : native.executeMultipleOutputs(operation, attributes, given, outputs);
    });
  }
}
