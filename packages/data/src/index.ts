export { type DataBatch, disposeBatch } from './batch.js';
export {
  concat,
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
export { questionVector, type SceneQuestion } from './synthetic/questions.js';
export type { Colour, Scene, SceneObject, Shape } from './synthetic/scene.js';
export {
  type SortOfClevr,
  type SortOfClevrExample,
  type SortOfClevrOptions,
  sortOfClevr,
} from './synthetic/sort-of-clevr.js';
export { varySortOfClevr } from './synthetic/vary.js';
export { type XorExample, type XorOptions, xorOfModalities } from './synthetic/xor.js';
export type { TextTokenizer } from './texts.js';
