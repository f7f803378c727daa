import type { Draws } from '../../synthetic/draws.js';
import type { EmojiArtist } from '../artists.js';
import { CATEGORY_NAMES, type VqaCategory, type VqaObject } from './objects.js';

/** One of four places: row 0 is the top, column 0 the left. */
export interface Cell {
  readonly row: 0 | 1;
  readonly column: 0 | 1;
}

/** An object at its place, as one artist draws it. */
export interface Placed extends Cell {
  readonly object: VqaObject;
  readonly artist: EmojiArtist;
  /** Height and width, as a share of the cell's. */
  readonly scale: number;
  /** Where it lies in what its size leaves of the cell, 0 … 1 from the left and from the top. */
  readonly shift: readonly [x: number, y: number];
}

/** One to four different objects on a pale ground. */
export interface VqaScene {
  readonly placed: readonly Placed[];
  readonly background: readonly [red: number, green: number, blue: number];
  /** Where the scene was made for counting, what is to be counted. */
  readonly counted: VqaCategory | undefined;
}

const CELLS: readonly Cell[] = [
  { row: 0, column: 0 },
  { row: 0, column: 1 },
  { row: 1, column: 0 },
  { row: 1, column: 1 },
];
const SCALES = [0.75, 0.85, 0.95];

/**
 * The `index`-th scene. Scenes take turns:
 *
 * - Free ones have 1, 2, 3 or 4 objects in turn, each drawn from all that are left: whatever is asked
 *   about one of them, all answers are equally likely.
 * - Counting ones have 2 to 4 objects, 0, 1 or 2 of one category. Categories and numbers take turns,
 *   so each number is the answer equally often. Which objects stand together tells something about
 *   their categories there, so relations are asked about free scenes only.
 */
export function drawVqaScene(
  index: number,
  objects: readonly VqaObject[],
  artists: readonly EmojiArtist[],
  random: Draws,
): VqaScene {
  const turn = index >> 1;
  const take = (from: VqaObject[]) => from.splice(random.integer(from.length), 1)[0]!;
  const chosen: VqaObject[] = [];
  let counted: VqaCategory | undefined;
  if (index % 2 === 0) {
    const left = [...objects];
    for (let n = (turn % 4) + 1; n > 0; n--) chosen.push(take(left));
  } else {
    counted = CATEGORY_NAMES[turn % CATEGORY_NAMES.length]!;
    const number = Math.floor(turn / CATEGORY_NAMES.length) % 3;
    const own = objects.filter(({ category }) => category === counted);
    const others = objects.filter(({ category }) => category !== counted);
    const total = 2 + random.integer(3);
    for (let n = 0; n < total; n++) chosen.push(take(n < number ? own : others));
  }
  const cells = [...CELLS];
  const placed = chosen.map((object): Placed => {
    const cell = cells.splice(random.integer(cells.length), 1)[0]!;
    const artist = artists[random.integer(artists.length)]!;
    const scale = SCALES[random.integer(SCALES.length)]!;
    return { ...cell, object, artist, scale, shift: [random.real(), random.real()] };
  });
  const pale = () => 200 + random.integer(56);
  return { placed, background: [pale(), pale(), pale()], counted };
}
