import type { Draws } from '../../synthetic/draws.js';
import { CATEGORIES, CATEGORY_NAMES, type VqaObject } from './objects.js';
import type { Cell, Placed, VqaScene } from './scene.js';

export type EmojiQuestionKind = 'what' | 'category' | 'count' | 'relation';

export interface EmojiQuestion {
  readonly kind: EmojiQuestionKind;
  readonly text: string;
  readonly answer: string;
}

/** How many objects or members of a category there can be. */
const COUNTS = ['0', '1', '2', '3', '4'];

/** All answers, in the order of their ids. */
export function vqaAnswers(objects: readonly VqaObject[]): string[] {
  return [...COUNTS, ...CATEGORY_NAMES, ...objects.map(({ name }) => name)];
}

const RELATIONS = [
  { words: 'to the left of', rows: 0, columns: -1 },
  { words: 'to the right of', rows: 0, columns: 1 },
  { words: 'above', rows: -1, columns: 0 },
  { words: 'below', rows: 1, columns: 0 },
] as const;
/** Of all that could be asked about a scene, at most so many. */
const MOST_RELATIONS = 2;

/** The questions about a scene: one of what, one of category, one of count, up to two relations. */
export function askAbout({ placed, counted }: VqaScene, random: Draws): EmojiQuestion[] {
  const any = () => placed[random.integer(placed.length)]!;
  const what = any();
  const which = any();
  const number =
    counted === undefined
      ? placed.length
      : placed.filter(({ object }) => object.category === counted).length;
  const things = counted === undefined ? 'things' : CATEGORIES[counted].plural;
  const questions: EmojiQuestion[] = [
    { kind: 'what', text: `what is at the ${placeOf(what)}?`, answer: what.object.name },
    {
      kind: 'category',
      text: `what kind of thing is at the ${placeOf(which)}?`,
      answer: which.object.category,
    },
    { kind: 'count', text: `how many ${things} are there?`, answer: `${number}` },
  ];
  if (counted !== undefined) return questions;
  const relations = placed.flatMap((one) => relationsOf(one, placed));
  for (let n = 0; n < MOST_RELATIONS && relations.length > 0; n++) {
    questions.push(...relations.splice(random.integer(relations.length), 1));
  }
  return questions;
}

function relationsOf(one: Placed, placed: readonly Placed[]): EmojiQuestion[] {
  return RELATIONS.flatMap(({ words, rows, columns }) => {
    const other = placed.find(
      ({ row, column }) => row === one.row + rows && column === one.column + columns,
    );
    if (other === undefined) return [];
    const text = `what is ${words} the ${one.object.name}?`;
    return [{ kind: 'relation' as const, text, answer: other.object.name }];
  });
}

function placeOf({ row, column }: Cell): string {
  return `${row === 0 ? 'top' : 'bottom'} ${column === 0 ? 'left' : 'right'}`;
}
