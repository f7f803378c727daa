import { createInterface } from 'node:readline/promises';
import type { Readable, Writable } from 'node:stream';
import { isChainruleError } from '@chainrule/tensor';
import { table } from '../terminal.js';
import { type Asked, askedOf } from './query.js';

interface Hit {
  readonly emoji: string;
  readonly name: string;
  readonly artist: string;
  readonly similarity: number;
}

/** Finds what fits a query, the nearest first. */
export type Search = (asked: Asked) => Promise<readonly Hit[]>;

const HELP = `Ask for pictures: red heart        for names: picture.png
Both together:    cat.png + with a crown     (files: PNG, JPEG, WebP, SVG)
An empty line, exit or Ctrl-D ends it.`;

/** Answers lines until one is empty, the input ends or the signal comes. */
export async function prompt(
  search: Search,
  signal: AbortSignal,
  input: Readable = process.stdin,
  output: Writable = process.stdout,
): Promise<void> {
  const lines = createInterface({ input, output, prompt: 'find> ' });
  const stop = () => lines.close();
  signal.addEventListener('abort', stop, { once: true });
  // Ctrl-C ends the prompt, whose terminal is in raw mode.
  lines.on('SIGINT', stop);
  output.write(`${HELP}\n`);
  lines.prompt();
  try {
    for await (const line of lines) {
      const asked = askedOf(line);
      if (asked === undefined || /^(exit|quit)$/i.test(line.trim())) break;
      output.write(`${await answer(search, asked)}\n`);
      lines.prompt();
    }
  } finally {
    signal.removeEventListener('abort', stop);
    lines.close();
  }
}

async function answer(search: Search, asked: Asked): Promise<string> {
  try {
    const hits = await search(asked);
    const rows = hits.map(({ emoji, name, artist, similarity }, i) => [
      `${i + 1}.`,
      similarity.toFixed(3),
      asked.wanted === 'names' ? name : `${emoji}  ${name} (${artist})`,
    ]);
    return table([], rows, ['right', 'right', 'left']);
  } catch (error) {
    // A mistake in one query does not end the others.
    if (isChainruleError(error)) return `error: ${error.message}`;
    throw error;
  }
}
