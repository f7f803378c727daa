// Scripts that put no space between words: each letter, with its marks, is a word of its own.
const UNSPACED =
  '[\\p{scx=Han}\\p{scx=Hiragana}\\p{scx=Katakana}\\p{Script=Thai}\\p{Script=Lao}\\p{Script=Khmer}\\p{Script=Myanmar}]';
const LETTER = `(?:(?!${UNSPACED})[\\p{L}\\p{M}\\p{N}])`;
const WORD = new RegExp(
  `(?=[\\p{L}\\p{N}])(?:${UNSPACED}\\p{M}*|${LETTER}+(?:['’]${LETTER}+)*)`,
  'gu',
);

/**
 * The words of a text: runs of letters, marks and digits (of any script), with apostrophes inside
 * a word kept (`don't`). Punctuation and symbols are dropped. Of scripts that put no space between
 * words (Chinese, Japanese, Thai, Lao, Khmer, Burmese) each letter is a word. The text is put in
 * Unicode's composed form (NFC) first, so that equal-looking words are equal.
 *
 * Plain regular expressions rather than `Intl.Segmenter`, whose dictionaries differ from one
 * version of Node to the next: a saved model must read the same words anywhere.
 */
export function words(
  text: string,
  lowercase = true,
  limit: number = Number.POSITIVE_INFINITY,
): string[] {
  const found: string[] = [];
  // Lowercase first: it may decompose a letter (İ), which NFC then composes.
  const normal = (lowercase ? text.toLowerCase() : text).normalize('NFC');
  for (const [word] of normal.matchAll(WORD)) {
    if (found.length >= limit) break;
    found.push(word.replaceAll('’', "'"));
  }
  return found;
}
