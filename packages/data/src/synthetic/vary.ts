import { key, split } from '@chainrule/tensor';
import { type Dataset, dataset } from '../dataset.js';
import { draws } from './draws.js';
import { answerOf, textOf } from './questions.js';
import { COLOURS, type Colour, type Scene, SIDE, sceneImage } from './scene.js';
import type { SortOfClevrExample } from './sort-of-clevr.js';

/** Exchanges colours, mirrors, turns. */
type Symmetry = (scene: Scene) => { readonly scene: Scene; colour(of: Colour): Colour };

/**
 * The same pictures and questions, each picture with its colours exchanged at random, mirrored or turned
 * by 90°, and its questions and answers with it: an augmentation that knows what stays true. `seed`
 * decides on all of it; another one for each epoch makes few pictures many.
 *
 * @example
 * const { train } = sortOfClevr({ seed: 1 });
 * const second = varySortOfClevr(train, 2);
 */
export function varySortOfClevr(
  data: Dataset<SortOfClevrExample>,
  seed: number,
): Dataset<SortOfClevrExample> {
  const source = split(key(seed), 'varySortOfClevr');
  const varied = new Map<
    string,
    ReturnType<Symmetry> & Pick<SortOfClevrExample['inputs'], 'image'>
  >();
  const examples = data.examples.map((example): SortOfClevrExample => {
    const { id } = example.inputs.image;
    let own = varied.get(id);
    if (own === undefined) {
      const result = symmetry(draws(split(source, id)))(example.scene);
      own = { ...result, image: sceneImage(id, result.scene) };
      varied.set(id, own);
    }
    const { scene, image } = own;
    const question = { ...example.question, colour: own.colour(example.question.colour) };
    const inputs = { image, text: textOf(question) };
    return { ...example, inputs, label: answerOf(question, scene), question, scene };
  });
  return dataset({ name: `${data.name}, varied`, examples, classes: data.classes! });
}

function symmetry(random: ReturnType<typeof draws>): Symmetry {
  const order = COLOURS.map((colour) => [random.real(), colour] as const);
  const shuffled = order.toSorted(([a], [b]) => a - b).map(([, colour]) => colour);
  const colour = (of: Colour) => shuffled[COLOURS.indexOf(of)]!;
  const [mirrorX, mirrorY, turn] = [0, 1, 2].map(() => random.real() < 0.5);
  const at = (value: number, mirrored: boolean | undefined) =>
    mirrored ? SIDE - 1 - value : value;
  return (scene) => {
    const objects = scene.map((object) => {
      const [x, y] = [at(object.x, mirrorX), at(object.y, mirrorY)];
      return { ...object, colour: colour(object.colour), ...(turn ? { x: y, y: x } : { x, y }) };
    });
    const place = (of: Colour) => COLOURS.indexOf(of);
    return { scene: objects.toSorted((a, b) => place(a.colour) - place(b.colour)), colour };
  };
}
