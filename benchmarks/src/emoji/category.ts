import { loader } from '@chainrule/data';
import { emojiCategories } from '@chainrule/data/node';
import { small } from '@chainrule/encoders-image';
import { concat } from '@chainrule/fusion';
import { type Encoder, mlp } from '@chainrule/tensor';
import { classification, multimodal } from '@chainrule/trainer';
import type { Drawings } from './drawings.js';
import { fit, largest } from './fit.js';
import { projected } from './projected.js';
import { type EmojiOptions, overSeeds, type Table } from './report.js';
import { type RowData, rowBatches } from './rows.js';

/** Who is trained on, and who is tested. */
const TRAINED = ['twemoji', 'noto', 'openmoji'];
const TESTED = 'fluent-flat';
/** Side of the pictures that the network from scratch sees. */
const SIDE = 48;

/** On frozen features a hidden layer of some width; without one a small network that sees the pictures. */
const recipes: { readonly [name: string]: { readonly width?: number; readonly epochs: number } } = {
  'EfficientNet-Lite0, frozen': { width: 512, epochs: 12 },
  'small CNN from scratch': { epochs: 12 },
};

/** Which of Unicode's groups is it? Learnt from three artists, asked about a fourth's drawings. */
export async function categories(
  { data, split, rows, rowOf }: Drawings,
  options: EmojiOptions,
): Promise<Table> {
  const by = (part: typeof split.train, artists: readonly string[]) =>
    emojiCategories(
      data,
      part.filter(({ artist }) => artists.includes(artist)),
    );
  const [train, test] = [by(split.train, TRAINED), by(split.test, [TESTED])];
  const classes = train.classes!;
  const targets = (part: typeof train) => part.examples.map(({ label }) => classes.indexOf(label));
  const part = (own: typeof train): RowData => {
    const ids = targets(own);
    return {
      inputs: { image: rows },
      examples: own.examples.map(({ inputs }, i) => ({
        rows: { image: rowOf.get(inputs.image.id)! },
        target: ids[i]!,
      })),
    };
  };
  const truth = targets(test);
  const measure = (answers: readonly number[]) => {
    const right = answers.map((answer, i) => (answer === truth[i] ? 1 : 0));
    const byClass = [...new Set(truth)].map((id) => right.filter((_, i) => truth[i] === id));
    return { accuracy: mean(right), 'macro accuracy': mean(byClass.map(mean)) };
  };

  const rowsOf = await overSeeds(Object.keys(recipes), options, async (name, seed) => {
    const { epochs, width } = recipes[name]!;
    const image =
      width === undefined
        ? small({ size: [SIDE, SIDE], augment: ['flip', { type: 'crop', pad: 6 }, 'colorJitter'] })
        : projected(rows, { width, dropout: 0.5 });
    const pictures = { batchSize: 128, imageSize: [SIDE, SIDE], fit: 'contain' } as const;
    const [shown, asked] =
      width === undefined
        ? [loader(train, { ...pictures, seed }), loader(test, { ...pictures, shuffle: false })]
        : [
            rowBatches(part(train), { batchSize: 128, seed }),
            rowBatches(part(test), { batchSize: 128 }),
          ];
    const outputs = await fit({
      name: `category, ${name}, seed ${seed}`,
      model: multimodal({
        encoders: { image: image as Encoder },
        fusion: concat,
        head: (z) => mlp({ in: z, out: classes.length }),
      }),
      objective: classification(),
      ...{ train: shown, test: asked },
      ...{ epochs: options.epochs ?? epochs, peak: 2e-3, weightDecay: 0.05, seed },
    });
    return measure(outputs.map(largest));
  });
  const counts = classes.map((_, id) => targets(train).filter((target) => target === id).length);
  const commonest = counts.indexOf(Math.max(...counts));
  const majority = await overSeeds(
    ['always the commonest'],
    { ...options, seeds: 1, only: undefined },
    async () => measure(truth.map(() => commonest)),
  );
  return {
    workload: 'category',
    about: [
      `Which of Unicode's groups, ${new Set(truth).size} in the test? ${train.examples.length.toLocaleString('en')} drawings by ${TRAINED.join(', ')} to learn from,`,
      `${test.examples.length.toLocaleString('en')} by ${TESTED} to test. Macro accuracy counts each group alike.`,
    ],
    figures: ['accuracy', 'macro accuracy'],
    rows: [...rowsOf, ...majority],
  };
}

const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / values.length;
