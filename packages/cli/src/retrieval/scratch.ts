import { disposeBatch, loader } from '@chainrule/data';
import { type EmojiDrawing, emojiPairs } from '@chainrule/data/node';
import { small } from '@chainrule/encoders-image';
import { bagOfWords, fitWordTokenizer } from '@chainrule/encoders-text';
import { adamw, kernelsOnly, oneCycle } from '@chainrule/optim';
import { type Measures, retrievalReport } from '@chainrule/retrieval';
import { disposeTree } from '@chainrule/tensor';
import { contrastive, dualEncoder, finish, type TrainEvent, train } from '@chainrule/trainer';
import { FLAT, type Material, splitOf } from './material.js';

const SIDE = 48;
const EPOCHS = 8;
const WIDTH = 256;

/**
 * Task A without any pretrained encoder: a small CNN and a bag of words, both from random numbers.
 */
export async function fromScratch(
  material: Material,
  seed: number,
  signal: AbortSignal,
  onEvent: (event: TrainEvent) => void,
): Promise<Measures> {
  const { train: shown, test } = splitOf(material, 'A', seed);
  const gallery = test.filter(({ artist }) => artist === FLAT);
  const pairs = emojiPairs(material.data, shown, { forms: ['name', 'described'] });
  const tokenizer = fitWordTokenizer(
    pairs.examples.flatMap(({ captions = [] }) => captions),
    { maxLength: 24 },
  );
  const model = dualEncoder({
    encoders: {
      image: small({
        size: [SIDE, SIDE],
        width: WIDTH,
        augment: ['flip', { type: 'crop', pad: 6 }, 'colorJitter'],
      }),
      text: bagOfWords({ vocabulary: tokenizer.vocabulary.length, width: WIDTH }),
    },
  });
  const common = { tokenizer, imageSize: [SIDE, SIDE], maxLength: 24 } as const;
  const batchSize = Math.min(256, shown.length);
  const data = loader(pairs, { ...common, batchSize, captions: 'sample', seed, last: 'drop' });
  const { params } = await finish(
    train({
      model,
      objective: contrastive(),
      optimizer: adamw({
        learningRate: oneCycle({ peak: 3e-3, steps: EPOCHS * data.stepsPerEpoch }),
        weightDecay: 0.05,
        mask: kernelsOnly,
      }),
      data,
      keep: 'last',
      epochs: EPOCHS,
      seed,
      signal,
    }),
    onEvent,
  );
  signal.throwIfAborted();
  const names = emojiPairs(material.data, gallery as readonly EmojiDrawing[], { forms: ['name'] });
  const rows: { readonly image: Float32Array[]; readonly text: Float32Array[] } = {
    image: [],
    text: [],
  };
  for await (const batch of loader(names, { ...common, batchSize: 128, shuffle: false }).epoch(0)) {
    for (const side of ['image', 'text'] as const) {
      const all = model.embed(params, side, batch.inputs[side]!);
      const values = await all.data<'float32'>();
      const own = await batch.rows![side]!.data<'int32'>();
      all.dispose();
      for (const [i] of batch.indices.entries()) {
        rows[side].push(values.slice(own[i]! * WIDTH, (own[i]! + 1) * WIDTH));
      }
    }
    disposeBatch(batch);
  }
  disposeTree(params as never);
  return (await retrievalReport(rows.image, rows.text)).textToImage;
}
