export { cacheFolder, sha256, writeAtomic } from './cache.js';
export { type DecodeOptions, decodeImage, imageFile } from './decode.js';
export { type PipDownload, pipDownload } from './download.js';
export type { Background, Drawing } from './drawings.js';
export { type EasyVqa, easyVqa, type QuestionKind, type VqaExample } from './easy-vqa.js';
export {
  type CachedEmbeddings,
  cachedEmbeddings,
  type EmbeddingInput,
  type EmbeddingOptions,
} from './embeddings.js';
export {
  EMOJI_ARTISTS,
  EMOJI_LANGUAGES,
  type EmojiArtist,
  type EmojiLicence,
} from './emoji/artists.js';
export { type EmojiCategory, emojiCategories } from './emoji/categories.js';
export {
  type Emoji,
  type EmojiConcept,
  type EmojiDrawing,
  type EmojiOptions,
  type EmojiWords,
  emoji,
  type SkippedDrawing,
} from './emoji/emoji.js';
export {
  type EmojiMatch,
  type EmojiMatchingOptions,
  emojiMatching,
} from './emoji/matching.js';
export { emojiFamily } from './emoji/near-duplicate.js';
export {
  type CaptionForm,
  type EmojiPair,
  type EmojiPairsOptions,
  emojiPairs,
} from './emoji/pairs.js';
export { type EmojiSplit, type EmojiSplitOptions, emojiSplit } from './emoji/split.js';
export { unrelatedPairs } from './emoji/unrelated.js';
export type { VqaCategory, VqaObject } from './emoji/vqa/objects.js';
export type { EmojiQuestionKind } from './emoji/vqa/questions.js';
export type { Placed, VqaScene } from './emoji/vqa/scene.js';
export {
  type EmojiVqa,
  type EmojiVqaExample,
  type EmojiVqaOptions,
  emojiVqa,
} from './emoji/vqa/vqa.js';
export {
  type Icon,
  type IconPair,
  type IconSetName,
  type Icons,
  type IconsOptions,
  iconPairs,
  icons,
} from './icons.js';
export { type ManifestOptions, manifest } from './manifest.js';
export { type NpmDownload, npmDownload, packageFiles } from './npm.js';
