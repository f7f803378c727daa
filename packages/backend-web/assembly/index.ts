// The SIMD kernels, compiled by AssemblyScript into src/simd/binary.ts: see test/binary.test.ts.
export { adam } from './adam';
export { batchNorm, batchNormGradient, batchNormGradientSums, batchNormSums } from './batch-norm';
export { convolve, filterGradient, packFilter } from './convolution';
export { matMul } from './mat-mul';
export { maxPoolGradient, maxPoolGradientOfAny } from './max-pool';
export { copyRows, gatherRows, sumOfManyRows, sumOfRows, sumRows } from './rows';
