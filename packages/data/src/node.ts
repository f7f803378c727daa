export { cacheFolder, sha256, writeAtomic } from './cache.js';
export { type DecodeOptions, decodeImage, imageFile } from './decode.js';
export { type PipDownload, pipDownload } from './download.js';
export { type EasyVqa, easyVqa, type QuestionKind, type VqaExample } from './easy-vqa.js';
export {
  EMOJI_ARTISTS,
  EMOJI_LANGUAGES,
  type EmojiArtist,
  type EmojiLicence,
} from './emoji/artists.js';
export type { SkippedDrawing } from './emoji/drawings.js';
export {
  type Emoji,
  type EmojiConcept,
  type EmojiDrawing,
  type EmojiOptions,
  type EmojiWords,
  emoji,
} from './emoji/emoji.js';
export { emojiFamily } from './emoji/near-duplicate.js';
export {
  type CaptionForm,
  type EmojiPair,
  type EmojiPairsOptions,
  emojiPairs,
} from './emoji/pairs.js';
export { type EmojiSplit, type EmojiSplitOptions, emojiSplit } from './emoji/split.js';
export { type ManifestOptions, manifest } from './manifest.js';
export { type NpmDownload, npmDownload, packageFiles } from './npm.js';
