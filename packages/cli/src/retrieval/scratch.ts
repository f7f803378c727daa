import { disposeBatch, loader } from '@chainrule/data';
import { type EmojiArtist, emojiPairs } from '@chainrule/data/node';
import { cnn } from '@chainrule/encoders-image';
import { bagOfWords, fitWordTokenizer } from '@chainrule/encoders-text';
import { adamw, kernelsOnly, oneCycle } from '@chainrule/optim';
import { type Measures, retrievalReport } from '@chainrule/retrieval';
import { disposeTree } from '@chainrule/tensor';
import { contrastive, dualEncoder, finish, type TrainEvent, train } from '@chainrule/trainer';
import { FLAT, type Material, SOLID, splitOf } from './material.js';
import type { Tested } from './measure.js';

const SIDE = 48;
const EPOCHS = 16;
const WIDTH = 256;

/**
 * Task A without any pretrained encoder: a small CNN and a bag of words, both from random numbers.
 */
export async function fromScratch(
  material: Material,
  seed: number,
  signal: AbortSignal,
  onEvent: (event: TrainEvent) => void,
): Promise<Tested> {
  const { train: shown, test } = splitOf(material, 'A', seed);
  const pairs = emojiPairs(material.data, shown, { forms: ['name', 'described'] });
  const tokenizer = fitWordTokenizer(
    pairs.examples.flatMap(({ captions = [] }) => captions),
    { maxLength: 24 },
  );
  const model = dualEncoder({
    encoders: {
      // Mirrored, a drawing would be another: what stands where tells more than anything else.
      image: cnn({
        size: [SIDE, SIDE],
        blocks: [16, 32, 64, 64].map((filters) => ({ filters, stride: 2, norm: 'batch' })),
        pool: 'flatten',
        width: WIDTH,
        activation: 'linear',
        augment: [{ type: 'crop', pad: 4 }, 'colorJitter'],
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
  const of = async (artist: EmojiArtist): Promise<Measures> => {
    const gallery = test.filter((one) => one.artist === artist);
    const names = emojiPairs(material.data, gallery, { forms: ['name'] });
    const data = loader(names, { ...common, batchSize: 128, shuffle: false });
    const rows = { image: [] as Float32Array[], text: [] as Float32Array[] };
    for await (const batch of data.epoch(0)) {
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
    return (await retrievalReport(rows.image, rows.text)).textToImage;
  };
  const flat = await of(FLAT);
  const solid = await of(SOLID);
  disposeTree(params as never);
  return { flat, solid, gallery: flat.queries };
}
