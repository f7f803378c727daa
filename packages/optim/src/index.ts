export * from './adam.js';
export {
  addDecayedWeights,
  type DecayOptions,
  everyLeaf,
  kernelsOnly,
  type Mask,
} from './add-decayed-weights.js';
export * from './chain.js';
export * from './clip.js';
export * from './descend.js';
export { APPLY_ADAM, APPLY_MOMENTUM, APPLY_SGD } from './fused.js';
export * from './momentum.js';
export * from './partition.js';
export { type AdamState, type ScaleByAdamOptions, scaleByAdam } from './scale-by-adam.js';
export {
  type LearningRateOptions,
  type LearningRateState,
  scaleByLearningRate,
} from './scale-by-learning-rate.js';
export {
  type ConstantOptions,
  type CosineOptions,
  constant,
  cosine,
  type LearningRate,
  type LinearOptions,
  linear,
  type OneCycleOptions,
  oneCycle,
  type Schedule,
  type StepOptions,
  schedule,
  step,
} from './schedules.js';
export * from './sgd.js';
export * from './trace.js';
export * from './transformation.js';
export * from './value-and-grad.js';
