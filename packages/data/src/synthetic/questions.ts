import { COLOURS, type Colour, distance, type Scene, type SceneObject, SIDE } from './scene.js';

/** What is asked about the object of a colour. */
export interface SceneQuestion {
  readonly kind: 'nonRelational' | 'relational';
  readonly colour: Colour;
  /** Which of the three questions of its kind, 0 … 2. */
  readonly subtype: 0 | 1 | 2;
}

/** The answers in the order of the reference implementation. */
export const ANSWERS: readonly string[] = [
  ...['yes', 'no', 'rectangle', 'circle'],
  ...['1', '2', '3', '4', '5', '6'],
];

interface Form {
  text(colour: Colour): string;
  answer(own: SceneObject, scene: Scene): string;
}

/** By kind, then by subtype. */
const forms: { readonly [K in SceneQuestion['kind']]: readonly [Form, Form, Form] } = {
  nonRelational: [
    {
      text: (colour) => `what shape is the ${colour} object?`,
      answer: (own) => own.shape,
    },
    {
      text: (colour) => `is the ${colour} object on the left?`,
      answer: (own) => (own.x < SIDE / 2 ? 'yes' : 'no'),
    },
    {
      text: (colour) => `is the ${colour} object at the top?`,
      answer: (own) => (own.y < SIDE / 2 ? 'yes' : 'no'),
    },
  ],
  relational: [
    {
      text: (colour) => `what shape is the object closest to the ${colour} one?`,
      answer: (own, scene) => nearest(scene, (other) => distance(own, other), own).shape,
    },
    {
      text: (colour) => `what shape is the object furthest from the ${colour} one?`,
      answer: (own, scene) => nearest(scene, (other) => -distance(own, other), own).shape,
    },
    {
      text: (colour) => `how many objects have the shape of the ${colour} one?`,
      answer: (own, scene) => `${scene.filter(({ shape }) => shape === own.shape).length}`,
    },
  ],
};

/** The other object of least `value`; of equals the first. */
function nearest(
  scene: Scene,
  value: (other: SceneObject) => number,
  own: SceneObject,
): SceneObject {
  return scene
    .filter((other) => other !== own)
    .reduce((best, other) => (value(other) < value(best) ? other : best));
}

export function textOf({ kind, colour, subtype }: SceneQuestion): string {
  return forms[kind][subtype].text(colour);
}

export function answerOf({ kind, colour, subtype }: SceneQuestion, scene: Scene): string {
  const own = scene.find((object) => object.colour === colour)!;
  return forms[kind][subtype].answer(own, scene);
}

/**
 * A question as the reference implementation writes it: eleven numbers, one-hot for the colour (6),
 * for non-relational or relational (2) and for the subtype (3).
 */
export function questionVector({ kind, colour, subtype }: SceneQuestion): readonly number[] {
  const vector = new Array<number>(11).fill(0);
  vector[COLOURS.indexOf(colour)] = 1;
  vector[kind === 'nonRelational' ? 6 : 7] = 1;
  vector[8 + subtype] = 1;
  return vector;
}
