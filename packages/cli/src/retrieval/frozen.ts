import { compiledFunction } from '@chainrule/backend-node/compiled';
import type { ImageSource } from '@chainrule/data';
import { cachedEmbeddings } from '@chainrule/data/node';
import {
  type EfficientNetLite0,
  type EfficientNetLite0Params,
  efficientNetLite0,
} from '@chainrule/encoders-image';
import { efficientNetLite0Weights } from '@chainrule/encoders-image/node';
import { type BertParams, miniLm, type Tokenizer } from '@chainrule/encoders-text';
import { miniLmWeights } from '@chainrule/encoders-text/node';
import { disposeTree } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Terminal } from '../terminal.js';
import { meter } from './meter.js';

/** Side of the pictures that the encoder sees: what it was trained at. */
export const SIDE = 224;
/** Tokens that a text is cut to: names, and a name with its keywords. */
const TOKENS = 32;
const BATCH = 64;

/** The two pretrained encoders, frozen: what they make of pictures and texts is kept on disk. */
export interface Frozen {
  readonly image: { readonly encoder: EfficientNetLite0; readonly params: EfficientNetLite0Params };
  readonly text: {
    readonly encoder: ReturnType<typeof miniLm>;
    readonly params: BertParams;
    readonly tokenizer: Tokenizer;
  };
  /** One row of several layers a picture. */
  imageRows(what: string, pictures: readonly ImageSource[]): Promise<Float32Array[]>;
  /** One row of 384 a text. */
  textRows(texts: readonly string[]): Promise<Float32Array[]>;
  dispose(): void;
}

/** Opens both encoders; the first time fetches their weights. */
export async function openFrozen(
  out: Terminal,
  compiles: boolean,
  signal: AbortSignal,
): Promise<Frozen> {
  const log = (text: string) => out.live(text);
  const pictures = efficientNetLite0({ size: [SIDE, SIDE], head: 'layers' });
  const pictureParams = await efficientNetLite0Weights({ log: out.line, signal });
  const texts = miniLm();
  const { params: textParams, tokenizer } = await miniLmWeights({
    maxLength: TOKENS,
    log: out.line,
    signal,
  });
  const ofPictures = (p: EfficientNetLite0Params, { x }: { readonly x: tf.Tensor4D }) =>
    pictures.apply(p, x).vector;
  const ofTexts = (p: BertParams, { x }: { readonly x: tf.Tensor2D }) => texts.apply(p, x).vector;
  const runPictures = compiles ? compiledFunction(ofPictures, pictureParams) : undefined;
  const runTexts = compiles ? compiledFunction(ofTexts, textParams) : undefined;

  return {
    image: { encoder: pictures, params: pictureParams },
    text: { encoder: texts, params: textParams, tokenizer },
    async imageRows(what, sources) {
      const tick = meter(out, `looking at ${what}`, sources.length, 'pictures');
      const { vectors, width } = await cachedEmbeddings({
        encoder: pictures,
        params: pictureParams,
        encode: (batch) => {
          const x = batch as tf.Tensor4D;
          tick(x.shape[0]);
          return runPictures
            ? runPictures.run({ x })
            : tf.tidy(() => ofPictures(pictureParams, { x }));
        },
        inputs: {
          count: sources.length,
          shape: [SIDE, SIDE, 3],
          read: (i) => sources[i]!.read({ height: SIDE, width: SIDE, channels: 3, fit: 'contain' }),
        },
        batchSize: BATCH,
        log,
        signal,
      });
      return rowsOf(vectors, width);
    },
    async textRows(all) {
      const ids = all.map((text) => tokenizer.encode(text));
      const rows = new Array<Float32Array>(all.length);
      const tick = meter(out, 'reading captions', all.length, 'texts');
      // Texts of like length together, so that little padding is computed.
      for (let length = 8; length <= TOKENS; length *= 2) {
        const own = [...ids.keys()].filter((i) => {
          const count = ids[i]!.length;
          return count <= length && (length === 8 || count > length / 2);
        });
        if (own.length === 0) continue;
        const { vectors, width } = await cachedEmbeddings({
          encoder: texts,
          params: textParams,
          encode: (batch) => {
            tick(batch.shape[0]!);
            const x = batch as tf.Tensor2D;
            return runTexts ? runTexts.run({ x }) : tf.tidy(() => ofTexts(textParams, { x }));
          },
          inputs: {
            count: own.length,
            shape: [length],
            read: (i) => Int32Array.from({ length }, (_, t) => ids[own[i]!]![t] ?? 0),
          },
          batchSize: BATCH,
          log,
          signal,
        });
        rowsOf(vectors, width).forEach((row, i) => {
          rows[own[i]!] = row;
        });
      }
      return rows;
    },
    dispose() {
      runPictures?.dispose();
      runTexts?.dispose();
      disposeTree(pictureParams);
      disposeTree(textParams);
    },
  };
}

function rowsOf(vectors: Float32Array, width: number): Float32Array[] {
  return Array.from({ length: vectors.length / width }, (_, i) =>
    vectors.subarray(i * width, (i + 1) * width),
  );
}
