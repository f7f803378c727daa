export { cacheFolder, sha256, writeAtomic } from './cache.js';
export { type DecodeOptions, decodeImage, imageFile } from './decode.js';
export { type PipDownload, pipDownload } from './download.js';
export { type EasyVqa, easyVqa, type QuestionKind, type VqaExample } from './easy-vqa.js';
export { type ManifestOptions, manifest } from './manifest.js';
