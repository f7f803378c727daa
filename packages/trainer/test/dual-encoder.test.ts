import '@tensorflow/tfjs';
import { small } from '@chainrule/encoders-image';
import { bagOfWords, fitWordTokenizer } from '@chainrule/encoders-text';
import { flatten, key, type Params } from '@chainrule/tensor';
import { expectClose, moduleContract } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { dualEncoderFromFiles, fromFiles, toFiles } from '../src/files.js';
import { type DualEncoderOptions, dualEncoder } from '../src/index.js';
import { loadDualEncoder, saveModel } from '../src/node.js';
import { dualEncoderFromConfig } from '../src/registry.js';
import { numbers } from './options.js';
import { pairModel } from './pairs.js';
import { failure, temporaryFolder } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

const inputs = () => ({
  image: tf.tensor2d([
    [1, 2, 3],
    [4, -5, 6],
  ]),
  text: tf.tensor2d([
    [0.1, 0.2],
    [0.3, -0.4],
  ]),
});

/** The model, its embeddings alone: scale and bias are no rows of a batch. */
const embeddingsOnly = () => {
  const model = pairModel();
  const { config, init } = model;
  return {
    config,
    init,
    apply(params: Params, input: never, context: object) {
      const { embeddings, scale, bias } = model.apply(params as never, input, context);
      tf.dispose([scale, bias]);
      return embeddings;
    },
  };
};
moduleContract('dualEncoder', embeddingsOnly as never, {
  input: () => ({ inputs: inputs() }),
  outputShape: { image: [2, 4], text: [2, 4] },
  fromConfig: embeddingsOnly as never,
  unreached: /^(logScale|bias)$/,
});

describe('dualEncoder', () => {
  it('gives unit vectors of both sides, and of one alone', () => {
    tf.tidy(() => {
      const model = pairModel({ scale: 10, bias: -10 });
      const params = model.init(key(0));
      const { embeddings, scale, bias } = model.apply(params, { inputs: inputs() });
      expectClose(tf.norm(embeddings.image!, 2, 1), [1, 1]);
      expectClose(tf.norm(embeddings.text!, 2, 1), [1, 1]);
      expectClose(scale, 10);
      expectClose(bias, -10);
      expectClose(model.embed(params, 'text', inputs().text), embeddings.text!);
      const rows = { text: tf.tensor1d([1, 1, 0], 'int32') };
      const gathered = model.apply(params, { inputs: inputs(), rows }).embeddings.text!;
      expectClose(gathered, tf.gather(embeddings.text!, [1, 1, 0]));
    });
  });

  it('takes an encoder as it is where there is no projection', () => {
    tf.tidy(() => {
      const encoder = numbers(2, 4);
      const encoders = { image: numbers(3, 9), text: encoder };
      const model = dualEncoder({ encoders, projections: { text: false } });
      expect(model.width).toBe(4);
      const params = model.init(key(0));
      expect(flatten(params.projections.text)).toEqual([]);
      const { vector } = encoder.apply(params.encoders.text, inputs().text);
      const found = model.embed(params, 'text', inputs().text);
      expectClose(found, tf.div(vector, tf.norm(vector, 2, 1, true)));
    });
  });

  it('keeps its scale below the limit, from where it can come back', () => {
    tf.tidy(() => {
      const model = pairModel({ scale: 1000 });
      const params = model.init(key(0));
      const scale = (logScale: tf.Tensor) =>
        model.apply({ ...params, logScale: logScale as tf.Scalar }, { inputs: inputs() }).scale;
      const at = (value: number) => tf.scalar(Math.log(value));
      expectClose(scale(params.logScale), 100, { atol: 1e-3 });
      expectClose(scale(at(150)), 100, { atol: 1e-3 });
      // Descending on the scale lowers it; descending on its negative would raise it.
      expect(
        tf
          .grad((x) => scale(x))(at(150))
          .dataSync()[0],
      ).toBeCloseTo(100, 3);
      expect(
        tf
          .grad((x) => tf.neg(scale(x)))(at(150))
          .dataSync()[0],
      ).toBeCloseTo(0, 9);
      expect(
        tf
          .grad((x) => tf.neg(scale(x)))(at(50))
          .dataSync()[0],
      ).toBeCloseTo(-50, 3);
    });
  });

  it('says what is wrong', async () => {
    const encoders = { image: numbers(3, 16), text: numbers(2, 8) };
    const messageOf = async (change: object) =>
      (await failure(() => dualEncoder({ encoders, ...change } as DualEncoderOptions<never>)))
        .message;
    expect(await messageOf({ encoders: { image: encoders.image } })).toBe(
      'trainer.dualEncoder: encoders must be two, such as { image, text }, got image',
    );
    expect(await messageOf({ projections: { image: false } })).toContain(
      'the encoder of "image" has width 16, the shared space 8',
    );
    expect(await messageOf({ projections: { sound: {} } })).toContain('a projection for "sound"');
    expect(await messageOf({ scale: 0 })).toContain('scale must be positive');
    const model = pairModel();
    const { image } = inputs();
    const missing = await failure(() =>
      model.apply(model.init(key(0)), { inputs: { image } } as never),
    );
    expect(missing).toMatchObject({ code: 'MODALITY' });
  });
});

describe('a saved dual encoder', () => {
  const tokenizer = fitWordTokenizer(['a red circle', 'a blue square']);
  const trained = () => {
    const model = dualEncoder({
      encoders: {
        image: small({ size: [16, 16], width: 8 }),
        text: bagOfWords({ vocabulary: tokenizer.vocabulary.length, width: 8 }),
      },
      projections: { image: { hidden: [6], dropout: 0.1 }, text: false },
      scale: 10,
      bias: -10,
    });
    return { model, params: model.init(key(1)), tokenizer: tokenizer.config };
  };
  const pixels = () => tf.ones([1, 16, 16, 3]);

  it('is the same after its files were read', async () => {
    const before = trained();
    const after = dualEncoderFromFiles(toFiles(before));
    expect(after.model.config).toEqual(before.model.config);
    expect(after.tokenizer).toEqual(before.tokenizer);
    const [a, b] = [before, after].map(({ model, params }) =>
      model.embed(params as never, 'image', pixels()),
    );
    expectClose(a!, b!);
    const folder = `${temporaryFolder()}/model`;
    await saveModel(folder, before);
    const { model, params } = await loadDualEncoder(folder);
    expectClose(model.embed(params, 'image', pixels()), a!);
  });

  it('is not taken for a model of another kind', async () => {
    const wrong = await failure(() => fromFiles(toFiles(trained())));
    expect(wrong).toMatchObject({ code: 'MODEL_FILE' });
    expect(wrong.message).toContain(
      'holds a "dualEncoder", not a "multimodal"; use dualEncoderFromFiles',
    );
  });

  it('is rebuilt from options alone, and says what is wrong with them', async () => {
    const { config } = trained().model;
    const { width: _w, maxScale: _m, ...rest } = config;
    expect(dualEncoderFromConfig(rest).config).toEqual(config);
    const wrong = await failure(() => dualEncoderFromConfig({ ...config, colour: 'red' }));
    expect(wrong).toMatchObject({ code: 'CONFIG' });
    expect(wrong.message).toContain('colour');
  });
});
