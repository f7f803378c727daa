import type { ImageSource } from '@chainrule/data';
import { type EmojiVqaExample, emoji, emojiVqa } from '@chainrule/data/node';
import { bagOfWords, fitWordTokenizer } from '@chainrule/encoders-text';
import { concat } from '@chainrule/fusion';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { type Encoder, mlp } from '@chainrule/tensor';
import { classification, multimodal } from '@chainrule/trainer';
import { say } from '../harness.js';
import { DRAWING } from './drawings.js';
import { fit, largest } from './fit.js';
import { pictureRows } from './frozen.js';
import { projected } from './projected.js';
import { type EmojiOptions, overSeeds, type Table } from './report.js';
import { type Rows, rowBatches } from './rows.js';

const KINDS = ['what', 'category', 'count', 'relation'] as const;
/** Strategies that read one vector of the scene, then those that read its four places. */
const STRATEGIES = [
  ...['concat', 'product', 'mlb', 'film'],
  ...['crossAttention', 'bilinearAttention', 'filmBlocks'],
];
/** What must stay near chance: within each form of question all answers are equally likely. */
const ALONE = 'question alone';
const EPOCHS = 14;
/** Scenes in a step, each with all its questions. */
const BATCH = 128;
const WIDTH = 128;
/** Side of a scene. */
const SCENE = 256;

/** Questions about scenes of one to four drawings, by artists in training and by others in the test. */
export async function questions(options: EmojiOptions): Promise<Table> {
  const { train, test, classes, vocabulary } = await openVqa(options.quick);
  const batches = { batchSize: BATCH, groupBy: 'image' };
  const rows = await overSeeds([...STRATEGIES, ALONE], options, async (name, seed) => {
    const text = bagOfWords({ vocabulary, width: WIDTH, combine: 'sum' }) as Encoder;
    const image = projected(train.inputs.image, { width: WIDTH, dropout: 0.5 });
    const outputs = await fit({
      name: `vqa, ${name}, seed ${seed}`,
      model: multimodal({
        encoders: name === ALONE ? { text } : { image, text },
        fusion: name === ALONE ? concat : (given) => strategies.create(name, given),
        head: (z) => mlp({ in: z, hidden: [256], out: classes.length, dropout: 0.2 }),
      }),
      objective: classification(),
      train: rowBatches(train, { ...batches, seed }),
      test: rowBatches(test, batches),
      ...{ epochs: options.epochs ?? EPOCHS, peak: 3e-3, weightDecay: 0.01, seed },
    });
    const right = test.examples.map(({ target }, i) => largest(outputs[i]!) === target);
    const share = (kind?: string) => {
      const own = right.filter((_, i) => kind === undefined || test.examples[i]!.kind === kind);
      return own.filter(Boolean).length / own.length;
    };
    return { all: share(), ...Object.fromEntries(KINDS.map((kind) => [kind, share(kind)])) };
  });
  return {
    workload: 'vqa',
    about: [
      `What is at the top left, which category is it of, how many foods are there, what is left of the sheep?`,
      `${number(train.examples.length)} questions about ${number(scenesOf(train))} scenes of one to four drawings by five artists to learn from,`,
      `${number(test.examples.length)} about ${number(scenesOf(test))} scenes in both styles of Fluent to test. Chance is .025, .125, .292 and .026.`,
    ],
    figures: ['all', ...KINDS],
    rows,
  };
}

const number = (n: number): string => n.toLocaleString('en');
const scenesOf = ({ inputs: { image } }: { readonly inputs: { readonly image: Rows } }): number =>
  image.values.length / image.shape.reduce((product, n) => product * n, 1);

/** Scenes as features of their four places, and each question's words as ids. */
async function openVqa(quick: boolean) {
  const data = await emoji({ size: DRAWING, log: say });
  const { train, test, classes } = emojiVqa(data, {
    scenes: { train: quick ? 256 : 5000, validation: 1, test: quick ? 64 : 750 },
    size: SCENE,
  });
  const tokenizer = fitWordTokenizer(train.examples.map(({ inputs }) => inputs.text));
  const maxLength = Math.max(
    ...train.examples.map(({ inputs }) => tokenizer.encode(inputs.text).length),
  );
  const part = async (examples: readonly EmojiVqaExample[]) => {
    const images = new Map<string, { readonly image: ImageSource; readonly row: number }>();
    const texts = new Map<string, number>();
    const own = examples.map(({ inputs: { image, text }, label, kind }) => {
      if (!images.has(image.id)) images.set(image.id, { image, row: images.size });
      if (!texts.has(text)) texts.set(text, texts.size);
      return {
        rows: { image: images.get(image.id)!.row, text: texts.get(text)! },
        target: classes.indexOf(label),
        kind,
      };
    });
    const image = await pictureRows(
      [...images.values()].map((one) => one.image),
      'grid',
      SCENE,
    );
    const ids = tokenizer.encodeBatch([...texts.keys()], { maxLength });
    return { examples: own, inputs: { image, text: { values: ids, shape: [maxLength] } } };
  };
  return {
    train: await part(train.examples),
    test: await part(test.examples),
    classes,
    vocabulary: tokenizer.vocabulary.length,
  };
}
