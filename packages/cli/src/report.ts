import type { Dataset } from '@chainrule/data';
import { baselines } from './baselines.js';
import { top } from './predict.js';
import type { Task } from './task.js';
import { percent, table } from './terminal.js';

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
      ['test', 'questions', 'accuracy'],
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
    table(
      ['picture', 'question', 'answer', 'truth'],
      samples(task.test).map((i) => {
        const { inputs, label = '' } = examples[i]!;
        const { index, probability } = answers[i]!;
        return [
          inputs.image?.id ?? '',
          inputs.text ?? '',
          `${classes[index]} (${percent(probability)})`,
          `${label}${right[i] ? '' : '  ✗'}`,
        ];
      }),
      ['left', 'left', 'left', 'left'],
    ),
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
        ['overall', examples.length.toLocaleString('en'), own.toFixed(4)],
        ['always the training mean', '', error(() => means).toFixed(4)],
      ],
    ),
  );
  say('');
  const show = (values: ArrayLike<number>) =>
    Array.from(values, (value) => value.toFixed(3)).join(', ');
  say(
    table(
      ['picture', 'text', 'prediction', 'truth'],
      samples(task.test).map((i) => {
        const { inputs } = examples[i]!;
        return [inputs.image?.id ?? '', inputs.text ?? '', show(outputs[i]!), show(numbers(i))];
      }),
      ['left', 'left', 'left', 'left'],
    ),
  );
  return { testMeanAbsoluteError: own };
}

/** Five examples spread over the data set, so that they differ in picture and in kind. */
function samples(test: Dataset): number[] {
  const { length } = test.examples;
  const count = Math.min(5, length);
  return Array.from({ length: count }, (_, k) => Math.floor(((k + 0.5) * length) / count));
}
