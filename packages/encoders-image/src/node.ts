export {
  type EfficientNetLite0WeightsOptions,
  efficientNetLite0Weights,
} from './efficientnet-weights.js';
export { readTorchFile } from './torch-file.js';
