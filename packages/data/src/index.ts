export { type DataBatch, disposeBatch } from './batch.js';
export {
  type Dataset,
  type DatasetDefinition,
  dataset,
  type Example,
  type Modality,
  type SplitName,
  subset,
} from './dataset.js';
export { type ImageSize, type ImageSource, pixelImage } from './image.js';
export { type Loader, type LoaderOptions, loader } from './loader.js';
export { type Fractions, type Splits, split } from './split.js';
export type { TextTokenizer } from './texts.js';
