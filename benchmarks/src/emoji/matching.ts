import { emojiMatching } from '@chainrule/data/node';
import { concat } from '@chainrule/fusion';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { key, mlp, permutation } from '@chainrule/tensor';
import { expectedCalibrationError, matching, multimodal, rocAuc } from '@chainrule/trainer';
import type { Drawings } from './drawings.js';
import { fit } from './fit.js';
import { textRows } from './frozen.js';
import { projected } from './projected.js';
import { type EmojiOptions, overSeeds, type Table } from './report.js';
import { type RowExample, rowBatches } from './rows.js';

/** How many wrong names of each drawing are learnt from. */
const ROUNDS = 4;
const WIDTH = 256;

const STRATEGIES = ['concat', 'gated', 'product', 'mlb'];
/** What must stay at chance: every picture and every name is as often right as wrong. */
const ALONE = { picture: 'picture alone', name: 'name alone' };

/** Does the name belong to the drawing? Wrong names are of the same subgroup. */
export async function matchings(
  { data, split, rows, rowOf }: Drawings,
  options: EmojiOptions,
): Promise<Table> {
  const names = [...new Set(data.concepts.map(({ words }) => words.en!.name))];
  const textOf = new Map(names.map((name, row) => [name, row]));
  const inputs = { image: rows, text: await textRows(names) };
  const rowsOf = ({
    image,
    text,
  }: {
    readonly image: { readonly id: string };
    readonly text: string;
  }) => ({
    image: rowOf.get(image.id)!,
    text: textOf.get(text)!,
  });
  const trained = emojiMatching(split.train, { rounds: ROUNDS });
  const tested = emojiMatching(split.test);
  const examples = (matches: typeof tested): RowExample[] =>
    matches.examples.map(({ inputs, label }) => ({
      rows: rowsOf(inputs),
      target: label === 'match' ? 1 : 0,
    }));
  const matches = tested.examples.filter(({ label }) => label === 'match');
  const order = permutation(key(0), matches.length);
  const easy = matches.flatMap(({ inputs }, i): RowExample[] => {
    const other = matches[order[i]!]!;
    if (other.drawn.group === matches[i]!.drawn.group) return [];
    return [{ rows: rowsOf({ image: inputs.image, text: other.inputs.text }), target: 0 }];
  });
  const [hard, train] = [examples(tested), examples(trained)];

  const table = await overSeeds(
    [...STRATEGIES, ...Object.values(ALONE)],
    options,
    async (name, seed) => {
      const image = projected(inputs.image, { width: WIDTH, dropout: 0.3 });
      const text = projected(inputs.text, { width: WIDTH, dropout: 0.1 });
      const alone = { [ALONE.picture]: { image }, [ALONE.name]: { text } }[name];
      const outputs = await fit({
        name: `matching, ${name}, seed ${seed}`,
        model: multimodal({
          encoders: alone ?? { image, text },
          fusion: alone ? concat : (given) => strategies.create(name, given),
          head: (z) => mlp({ in: z, hidden: [WIDTH], out: 1, dropout: 0.3 }),
        }),
        objective: matching(),
        train: rowBatches({ inputs, examples: train }, { batchSize: 64, groupBy: 'image', seed }),
        test: rowBatches({ inputs, examples: [...hard, ...easy] }, { batchSize: 512 }),
        ...{ epochs: options.epochs ?? 6, peak: 2e-3, weightDecay: 0.05, seed },
      });
      const logits = outputs.map(([logit]) => logit!);
      const own = logits.slice(0, hard.length);
      const labels = hard.map(({ target }) => target);
      const matched = own.filter((_, i) => labels[i] === 1);
      const probabilities = own.map((logit) => 1 / (1 + Math.exp(-logit)));
      return {
        accuracy: own.filter((logit, i) => logit > 0 === (labels[i] === 1)).length / own.length,
        AUC: rocAuc(own, labels),
        'AUC, easy': rocAuc(
          [...matched, ...logits.slice(hard.length)],
          [...matched.map(() => 1), ...easy.map(() => 0)],
        ),
        'calibration error': expectedCalibrationError(probabilities, labels),
      };
    },
  );
  return {
    workload: 'matching',
    about: [
      `Is this the name of what is drawn? ${train.length.toLocaleString('en')} pairs of drawings by five artists and names to learn from,`,
      `${hard.length.toLocaleString('en')} of drawings in both styles of Fluent to test; half of them match, and a wrong name is of the`,
      'same subgroup (an owl for a duck), never one that means nearly the same. *Easy*: with wrong names out of',
      'other groups instead. The expected calibration error is that of probabilities, in 15 bins.',
    ],
    figures: ['accuracy', 'AUC', 'AUC, easy', 'calibration error'],
    rows: table,
  };
}
