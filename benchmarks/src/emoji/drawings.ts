import {
  type Emoji,
  type EmojiDrawing,
  type EmojiSplit,
  emoji,
  emojiSplit,
} from '@chainrule/data/node';
import { say } from '../harness.js';
import { pictureRows } from './frozen.js';
import type { Rows } from './rows.js';

/** Side of a drawing. */
export const DRAWING = 192;

export interface Drawings {
  readonly data: Emoji;
  /** Task A: all drawings by some artists to train on; those of Fluent, of concepts that all agree on. */
  readonly split: EmojiSplit;
  /** Features by the frozen encoder, and which row is whose. */
  readonly rows: Rows;
  readonly rowOf: ReadonlyMap<string, number>;
}

/** All drawings, of fewer concepts for a quick look, and their features. */
export async function openDrawings(quick: boolean): Promise<Drawings> {
  const data = await emoji({ size: DRAWING, log: say });
  const wanted = ({ concept }: EmojiDrawing) => !quick || concept.index % 8 === 0;
  const drawings = data.drawings.filter(wanted);
  const parts: Rows[] = [];
  // By artist, as `pnpm retrieval` does.
  for (const artist of data.artists) {
    const own = drawings.filter((drawing) => drawing.artist === artist);
    parts.push(await pictureRows(own, 'features', DRAWING));
  }
  const values = new Float32Array(parts.reduce((sum, part) => sum + part.values.length, 0));
  parts.reduce((start, part) => {
    values.set(part.values, start);
    return start + part.values.length;
  }, 0);
  return {
    data,
    split: emojiSplit(data, { by: 'artist', drawings }),
    rows: { values, shape: parts[0]!.shape },
    rowOf: new Map(drawings.map(({ id }, row) => [id, row])),
  };
}
