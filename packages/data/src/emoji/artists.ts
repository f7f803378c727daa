import { ChainruleError, nearestName } from '@chainrule/tensor';
import type { NpmDownload } from '../npm.js';

/** Who drew: a style, by the name of its set. The two of Fluent come from one vendor. */
export type EmojiArtist =
  | 'twemoji'
  | 'noto'
  | 'openmoji'
  | 'noto-v1'
  | 'emojione'
  | 'fluent-flat'
  | 'fluent-3d';

/** A package of drawings or words. */
export interface EmojiPackage extends NpmDownload {
  /** In megabytes, for the message on fetching. */
  readonly megabytes: number;
  readonly licence: EmojiLicence;
}

export interface EmojiLicence {
  /** As SPDX writes it. */
  readonly name: string;
  readonly url: string;
  /** Whom the licence wants named. */
  readonly holder: string;
}

const CC_BY = { name: 'CC-BY-4.0', url: 'https://creativecommons.org/licenses/by/4.0/' };
const APACHE = {
  name: 'Apache-2.0',
  url: 'https://github.com/googlefonts/noto-emoji/blob/main/svg/LICENSE',
};
const MIT_FLUENT = {
  name: 'MIT',
  url: 'https://github.com/microsoft/fluentui-emoji/blob/main/LICENSE',
};

/** The artists, each with the package that carries the drawings, in a fixed order. */
export const ARTISTS: { readonly [A in EmojiArtist]: EmojiPackage } = {
  twemoji: {
    name: '@iconify-json/twemoji',
    version: '1.2.5',
    sha256: '19046dff7d8707ce96212ec86468b36ac5f8e60409629dd13f809265c6d0ebb7',
    megabytes: 1.6,
    licence: { ...CC_BY, holder: 'Twitter' },
  },
  noto: {
    name: '@iconify-json/noto',
    version: '1.2.9',
    sha256: '3e918d88fc945c0bb3d468dbace6f88caef67f01c9f0e7bcae0915a042e8f1ad',
    megabytes: 3.1,
    licence: { ...APACHE, holder: 'Google' },
  },
  openmoji: {
    name: '@iconify-json/openmoji',
    version: '1.2.29',
    sha256: '03181e2c156cab35cf4a62f1f7886bd971d59212e75ac3f189d5a4cae3930fc5',
    megabytes: 1.3,
    licence: {
      name: 'CC-BY-SA-4.0',
      url: 'https://creativecommons.org/licenses/by-sa/4.0/',
      holder: 'OpenMoji',
    },
  },
  'noto-v1': {
    name: '@iconify-json/noto-v1',
    version: '1.2.5',
    sha256: '2bf62c26c2c2884aa99e90aec942cdaee17a5921f05690694f4978ad4b017c37',
    megabytes: 1.6,
    licence: { ...APACHE, holder: 'Google' },
  },
  emojione: {
    name: '@iconify-json/emojione',
    version: '1.2.3',
    sha256: '26a14f44284407e8bcde91799388dca2bfd91dbcd55a97f425524a1c5b73610e',
    megabytes: 0.7,
    licence: { ...CC_BY, holder: 'Emoji One' },
  },
  'fluent-flat': {
    name: '@iconify-json/fluent-emoji-flat',
    version: '1.2.6',
    sha256: '7d064769dee690815f823bc5bcc511d957198caf9f5edd8dd9c1aa48a6aeb175',
    megabytes: 1.2,
    licence: { ...MIT_FLUENT, holder: 'Microsoft' },
  },
  'fluent-3d': {
    name: '@lobehub/fluent-emoji-3d',
    version: '1.1.0',
    sha256: 'c1bb7eee7de090205a232518a9ab4adb3df458bfbe8a1f78232991194c8b2e58',
    megabytes: 15.8,
    licence: { ...MIT_FLUENT, holder: 'Microsoft; packed by LobeHub' },
  },
};

/** Names, keywords, groups and subgroups. */
export const WORDS: EmojiPackage = {
  name: 'emojibase-data',
  version: '17.0.0',
  sha256: 'd01d0e2ca4e22cb402679532155342c71e2e871f25c32223c013b8b166ebdf5a',
  megabytes: 6.7,
  licence: {
    name: 'MIT',
    url: 'https://github.com/milesj/emojibase/blob/master/LICENSE',
    holder: 'Miles Johnson; names and keywords by Unicode CLDR',
  },
};

/** The languages that names and keywords can be had in. */
export const EMOJI_LANGUAGES = [
  ...['bn', 'da', 'de', 'en', 'en-gb', 'es', 'es-mx', 'et', 'fi', 'fr', 'hi', 'hu', 'it', 'ja'],
  ...['ko', 'lt', 'ms', 'nb', 'nl', 'pl', 'pt', 'ru', 'sv', 'th', 'uk', 'vi', 'zh', 'zh-hant'],
] as readonly string[];

export const EMOJI_ARTISTS = Object.keys(ARTISTS) as readonly EmojiArtist[];

/** Whoever is not among the artists is named, with the nearest who is. */
export function checkNames(what: string, given: readonly string[], known: readonly string[]): void {
  for (const name of given) {
    if (known.includes(name)) continue;
    const nearest = nearestName(name, known);
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.emoji: ${what} must be among ${known.join(', ')}, got "${name}"${nearest === undefined ? '' : `; did you mean "${nearest}"?`}`,
    );
  }
  if (new Set(given).size !== given.length) {
    throw new ChainruleError(
      'DATA_OPTIONS',
      `data.emoji: ${what} must be different names, got [${given.join(', ')}]`,
    );
  }
}
