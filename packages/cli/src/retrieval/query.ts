import { ChainruleError } from '@chainrule/tensor';

/** What one line of the prompt asks for: pictures, or names where it is a picture alone. */
export interface Asked {
  readonly texts: readonly string[];
  readonly files: readonly string[];
  readonly wanted: 'pictures' | 'names';
}

const PICTURE = /\.(png|jpe?g|webp|svg)$/i;

/**
 * Reads a line of the prompt: parts with ` + ` between them, each a text or a picture's file. A file
 * may stand in quotes. Undefined for an empty line.
 *
 * @example
 * askedOf('cat.png + with a crown'); // { files: ['cat.png'], texts: ['with a crown'], wanted: 'pictures' }
 */
export function askedOf(line: string): Asked | undefined {
  const parts = line
    .split(/\s\+\s/)
    .map((part) => part.trim())
    .filter((part) => part !== '');
  if (parts.length === 0) return undefined;
  const unquoted = parts.map((part) => part.replace(/^(["'])(.*)\1$/, '$2'));
  const files = unquoted.filter((part) => PICTURE.test(part));
  const texts = parts.filter((_, i) => !PICTURE.test(unquoted[i]!));
  return { texts, files, wanted: texts.length === 0 && files.length === 1 ? 'names' : 'pictures' };
}

/**
 * A query of several parts: the sum of their vectors, each of length 1, scaled to length 1.
 *
 * @throws ChainruleError `QUERY` where they cancel each other out.
 */
export function composed(vectors: readonly Float32Array[]): Float32Array {
  const sum = new Float32Array(vectors[0]!.length);
  for (const vector of vectors) {
    const length = Math.hypot(...vector);
    for (let i = 0; i < sum.length; i++) sum[i]! += vector[i]! / length;
  }
  const length = Math.hypot(...sum);
  if (!(length > 1e-6)) {
    throw new ChainruleError(
      'QUERY',
      'retrieval: the parts of the query cancel each other out; ask for one of them',
    );
  }
  return sum.map((x) => x / length);
}
