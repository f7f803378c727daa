import { ChainruleError, nearestName } from '@chainrule/tensor';
import type { ImageSource } from './image.js';

export type SplitName = 'train' | 'validation' | 'test';

/** One example: what goes in, and either the class it belongs to or the numbers it stands for. */
export interface Example {
  readonly inputs: { readonly image?: ImageSource; readonly text?: string };
  /**
   * Texts that could all stand for `inputs.text`, such as a picture's captions. A loader with
   * `captions: 'sample'` draws one of them in every epoch.
   */
  readonly captions?: readonly string[];
  /** The name of the class: classification. */
  readonly label?: string;
  /** A number or a list of numbers: regression. */
  readonly target?: number | readonly number[];
  /** A group to report accuracy by, such as the kind of question. */
  readonly kind?: string;
  /** The part that the author of the data put this example in. */
  readonly split?: SplitName;
}

export type Modality = keyof Example['inputs'];
const MODALITIES: readonly Modality[] = ['image', 'text'];

/** Examples that all have the same modalities and the same sort of target. */
export interface Dataset<E extends Example = Example> {
  readonly name: string;
  readonly examples: readonly E[];
  /** Which of `image` and `text` the examples have. */
  readonly modalities: readonly Modality[];
  /** Classification: the classes; a label's id is its place here. Regression: undefined. */
  readonly classes?: readonly string[];
  /** Regression: the shape of one target, `[]` for a number, `[D]` for a list. Otherwise undefined. */
  readonly targetShape?: readonly [] | readonly [number];
}

export interface DatasetDefinition<E extends Example> {
  readonly name: string;
  readonly examples: readonly E[];
  /** The classes in the order of their ids. Default: the labels that occur, sorted. */
  readonly classes?: readonly string[];
  /** Says in error messages which example is meant. Default: `example 17`. */
  readonly describe?: (index: number) => string;
}

/**
 * Checks examples and makes a data set of them.
 *
 * @throws ChainruleError `DATA_EMPTY` without examples; `DATA_EXAMPLE` where one has other
 * modalities than the first, both or neither of label and target, a target that is not finite or of
 * another length, or a label that is not among `classes`.
 * @example
 * const colours = dataset({
 *   name: 'colours',
 *   examples: [
 *     { inputs: { image: pixelImage('a', new Uint8Array([255, 0, 0]), [1, 1, 3]) }, label: 'red' },
 *     { inputs: { image: pixelImage('b', new Uint8Array([0, 0, 255]), [1, 1, 3]) }, label: 'blue' },
 *   ],
 * });
 * colours.classes; // ['blue', 'red']
 */
export function dataset<E extends Example>(definition: DatasetDefinition<E>): Dataset<E> {
  const { name, examples } = definition;
  const first = examples[0];
  if (first === undefined) {
    throw new ChainruleError(
      'DATA_EMPTY',
      `data.dataset: "${name}" has no examples; add at least one`,
    );
  }
  const describe = definition.describe ?? ((index) => `example ${index}`);
  const fail = (index: number, problem: string): never => {
    throw new ChainruleError(
      'DATA_EXAMPLE',
      `data.dataset: ${name}: ${describe(index)} ${problem}`,
    );
  };

  const modalities = modalitiesOf(first);
  if (modalities.length === 0) fail(0, 'has neither an image nor a text; give it at least one');
  const classification = first.label !== undefined;
  const shape = targetShapeOf(first);
  const known = definition.classes === undefined ? undefined : new Set(definition.classes);

  examples.forEach((example, index) => {
    const own = modalitiesOf(example);
    if (own.join() !== modalities.join()) {
      fail(
        index,
        `has ${own.join(' and ') || 'no input'}, but ${describe(0)} has ${modalities.join(' and ')}; all examples must have the same inputs`,
      );
    }
    if (example.captions?.length === 0) {
      fail(index, 'has an empty list of captions; give it one or leave the list out');
    }
    const blank = example.captions?.findIndex((caption) => caption.trim() === '') ?? -1;
    if (blank >= 0) fail(index, `has an empty caption at place ${blank}; leave it out`);
    if (example.label === undefined && example.target === undefined) {
      fail(index, 'has neither a label nor a target; give it one of them');
    }
    if (example.label !== undefined && example.target !== undefined) {
      fail(index, 'has both a label and a target; give it one of them');
    }
    if ((example.label !== undefined) !== classification) {
      const [got, expected] = classification ? ['target', 'label'] : ['label', 'target'];
      fail(index, `has a ${got}, but ${describe(0)} has a ${expected}; use one sort throughout`);
    }
    if (example.label !== undefined) {
      if (known !== undefined && !known.has(example.label)) {
        const nearest = nearestName(example.label, known);
        const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
        fail(index, `has the label "${example.label}", which is not one of the classes.${hint}`);
      }
      return;
    }
    const numbers = typeof example.target === 'number' ? [example.target] : example.target!;
    const bad = numbers.find((value) => !Number.isFinite(value));
    if (bad !== undefined) fail(index, `has the target ${bad}; targets must be finite numbers`);
    if (targetShapeOf(example).join() !== shape.join()) {
      fail(
        index,
        `has a target of ${describeShape(targetShapeOf(example))}, but ${describe(0)} has ${describeShape(shape)}; all targets must have the same length`,
      );
    }
  });

  if (!classification) return { name, examples, modalities, targetShape: shape };
  const classes =
    definition.classes ?? [...new Set(examples.map((example) => example.label!))].sort();
  return { name, examples, modalities, classes };
}

/** The examples at `indices`, in that order, with the classes of the whole. */
export function subset<E extends Example>(
  whole: Dataset<E>,
  indices: Iterable<number>,
  name = whole.name,
): Dataset<E> {
  const examples = Array.from(indices, (index) => {
    const example = whole.examples[index];
    if (example === undefined) {
      throw new ChainruleError(
        'DATA_EXAMPLE',
        `data.subset: ${whole.name} has ${whole.examples.length} examples, got index ${index}`,
      );
    }
    return example;
  });
  if (examples.length === 0) {
    throw new ChainruleError('DATA_EMPTY', `data.subset: "${name}" would have no examples`);
  }
  return { ...whole, name, examples };
}

/**
 * All the examples of several data sets of one sort. Classes of the same name become one; the first
 * data set's classes keep their ids.
 *
 * @throws ChainruleError `DATA_EXAMPLE` where the modalities or the sorts of target differ,
 * `DATA_EMPTY` without data sets.
 * @example
 * const both = concat('animals and faces', [animals, faces]);
 */
export function concat<E extends Example>(name: string, parts: readonly Dataset<E>[]): Dataset<E> {
  const examples = parts.flatMap((part) => part.examples);
  const classes = parts.every((part) => part.classes !== undefined)
    ? [...new Set(parts.flatMap((part) => part.classes!))]
    : undefined;
  return dataset({ name, examples, ...(classes && { classes }) });
}

function modalitiesOf(example: Example): Modality[] {
  return MODALITIES.filter((modality) => example.inputs[modality] !== undefined);
}

function targetShapeOf(example: Example): readonly [] | readonly [number] {
  return typeof example.target === 'object' ? [example.target.length] : [];
}

function describeShape(shape: readonly [] | readonly [number]): string {
  return shape.length === 0 ? 'one number' : `a list of ${shape[0]}`;
}
