import { basename, isAbsolute } from 'node:path';
import type { Modality } from '@chainrule/data';
import type { Example } from './baselines.js';
import { baselines } from './baselines.js';
import { top } from './predict.js';
import { samples } from './saved.js';
import type { Task } from './task.js';
import { type Align, percent, table } from './terminal.js';

/** What a run is judged by. */
export type Measured =
  | { readonly testAccuracy: number; readonly accuracyByKind: { readonly [kind: string]: number } }
  | { readonly testMeanAbsoluteError: number };

/** Prints how well the model does on the test examples, and five of its answers. */
export function report(
  say: (text: string) => void,
  task: Task,
  outputs: readonly Float32Array[],
): Measured {
  return task.test.classes === undefined
    ? reportRegression(say, task, outputs)
    : reportClassification(say, task, outputs, task.test.classes);
}

function reportClassification(
  say: (text: string) => void,
  task: Task,
  logits: readonly Float32Array[],
  classes: readonly string[],
): Measured {
  const { examples } = task.test;
  const answers = logits.map(top);
  const right = answers.map(({ index }, i) => classes[index] === examples[i]!.label);
  const share = (of: readonly number[]) => of.filter((i) => right[i]).length / of.length;
  const everything = [...examples.keys()];
  const kinds = [...new Set(examples.flatMap(({ kind }) => kind ?? []))];
  const byKind = Object.fromEntries(
    kinds.map((kind) => [kind, everything.filter((i) => examples[i]!.kind === kind)]),
  );
  const { majority, textOnly } = baselines(task.train, task.test);

  const row = (name: string, of: readonly number[]) => [
    name,
    of.length.toLocaleString('en'),
    percent(share(of)),
  ];
  say('');
  say(
    table(
      ['test', task.test.modalities.includes('text') ? 'questions' : 'pictures', 'accuracy'],
      [
        row('overall', everything),
        ...kinds.map((kind) => row(`  ${kind}`, byKind[kind]!)),
        ['always the commonest answer', '', percent(majority)],
        ...(textOnly === undefined ? [] : [['the question alone', '', percent(textOnly)]]),
      ],
    ),
  );
  say('');
  say(
    sampleTable(task, 'answer', (i) => {
      const { index, probability } = answers[i]!;
      return [
        `${classes[index]} (${percent(probability)})`,
        `${examples[i]!.label}${right[i] ? '' : '  ✗'}`,
      ];
    }),
  );
  return {
    testAccuracy: share(everything),
    accuracyByKind: Object.fromEntries(kinds.map((kind) => [kind, share(byKind[kind]!)])),
  };
}

function reportRegression(
  say: (text: string) => void,
  task: Task,
  outputs: readonly Float32Array[],
): Measured {
  const { examples } = task.test;
  const numbers = (i: number) => [examples[i]!.target ?? []].flat();
  const error = (prediction: (i: number) => ArrayLike<number>) => {
    const all = [...examples.keys()].flatMap((i) =>
      numbers(i).map((value, k) => Math.abs(prediction(i)[k]! - value)),
    );
    return all.reduce((sum, value) => sum + value, 0) / all.length;
  };
  const train = task.train.examples.map(({ target }) => [target ?? []].flat());
  const means = train[0]!.map(
    (_, k) => train.reduce((sum, row) => sum + row[k]!, 0) / train.length,
  );
  const own = error((i) => outputs[i]!);
  say('');
  say(
    table(
      ['test', 'examples', 'mean absolute error'],
      [
        ['overall', examples.length.toLocaleString('en'), own.toPrecision(4)],
        ['always the training mean', '', error(() => means).toPrecision(4)],
      ],
    ),
  );
  say('');
  const show = (values: ArrayLike<number>) =>
    Array.from(values, (value) => value.toPrecision(4)).join(', ');
  say(sampleTable(task, 'prediction', (i) => [show(outputs[i]!), show(numbers(i))]));
  return { testMeanAbsoluteError: own };
}

/** Five examples: what went in, what came out, what is true. */
function sampleTable(
  { test }: Task,
  output: string,
  outcome: (index: number) => readonly [output: string, truth: string],
): string {
  const columns = test.modalities.map((modality) => COLUMNS[modality]);
  const head = [...columns.map(([name]) => name), output, 'truth'];
  const rows = samples(test).map((i) => [
    ...columns.map(([, cell]) => cell(test.examples[i]!)),
    ...outcome(i),
  ]);
  const left = head.map((): Align => 'left');
  return table(head, rows, left);
}

/** How a modality is shown. */
const COLUMNS: {
  readonly [M in Modality]: readonly [name: string, cell: (example: Example) => string];
} = {
  image: ['picture', ({ inputs }) => pictureName(inputs.image?.id ?? '')],
  text: ['text', ({ inputs }) => shortened(inputs.text ?? '')],
};

/** An image file is named without its folder. */
const pictureName = (id: string) => (isAbsolute(id) ? basename(id) : id);

const shortened = (text: string) => (text.length > 60 ? `${text.slice(0, 59)}…` : text);
