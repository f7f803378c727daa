import { applyAdam } from './apply-adam.js';
import { batchNorm, batchNormGradient, batchNormOfStatistics } from './batch-norm.js';
import { concat } from './concat.js';
import { conv2d } from './conv2d.js';
import { conv2dBackpropFilter } from './conv2d-backprop-filter.js';
import { conv2dBackpropInput } from './conv2d-backprop-input.js';
import { gather } from './gather.js';
import { identity } from './identity.js';
import type { WasmKernel } from './kernel.js';
import { matMul } from './mat-mul.js';
import { maxPoolGrad } from './max-pool-grad.js';
import { oneHot } from './one-hot.js';
import { reverse } from './reverse.js';
import { split, unpack } from './split.js';
import { sum } from './sum.js';
import { tile } from './tile.js';
import { unsortedSegmentSum } from './unsorted-segment-sum.js';

/** Every kernel that we compute in the wasm backend's memory. */
export const wasmKernels: readonly WasmKernel[] = [
  applyAdam,
  batchNorm,
  batchNormGradient,
  batchNormOfStatistics,
  concat,
  conv2d,
  conv2dBackpropFilter,
  conv2dBackpropInput,
  gather,
  identity,
  matMul,
  maxPoolGrad,
  oneHot,
  reverse,
  split,
  sum,
  tile,
  unpack,
  unsortedSegmentSum,
];
