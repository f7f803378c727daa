import '@tensorflow/tfjs';
import { flatten, writeSafetensors } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { fromFiles, type ModelFiles, toFiles } from '../src/files.js';
import { predictor } from '../src/index.js';
import { queries, trainedModel } from './answers.js';
import { failure } from './support.js';

beforeAll(() => tf.setBackend('cpu'));

const bytes = (value: unknown) =>
  new TextEncoder().encode(typeof value === 'string' ? value : JSON.stringify(value));

/** A good model's files, with the config changed. */
function withConfig(change: (config: Config) => unknown): ModelFiles {
  const files = toFiles(trainedModel());
  const config = JSON.parse(new TextDecoder().decode(files['config.json'])) as Config;
  return { ...files, 'config.json': bytes(change(config) ?? config) };
}
type Config = {
  format: unknown;
  version: unknown;
  labels: unknown;
  model: {
    encoders: { [name: string]: { [option: string]: unknown } };
    fusion: object;
    head: object;
  };
};

describe('toFiles and fromFiles', () => {
  it('give back the same model', async () => {
    const trained = trainedModel();
    const again = fromFiles(toFiles(trained));
    const { params, model, ...rest } = again;
    const { params: before, model: modelBefore, ...restBefore } = trained;
    expect(rest).toEqual(restBefore);
    expect(model.config).toEqual(modelBefore.config);
    expect(flatten(params).map(([path]) => path)).toEqual(flatten(before).map(([path]) => path));
    const [a, b] = [trained, again].map((each) => predictor(each).outputs(queries()));
    expect(await b).toEqual(await a);
  });

  it('write the same bytes for the same model', () => {
    const trained = trainedModel();
    expect(toFiles(fromFiles(toFiles(trained)))).toEqual(toFiles(trained));
  });

  it('leave out what a model does not have', () => {
    const { model, params } = trainedModel();
    const files = toFiles({ model, params });
    expect(Object.keys(files)).toEqual(['config.json', 'model.safetensors']);
    expect(Object.keys(fromFiles(files))).toEqual(['model', 'params']);
  });

  it('leak no tensor', async () => {
    const files = toFiles(trainedModel());
    const before = tf.memory().numTensors;
    const { params } = fromFiles(files);
    expect(tf.memory().numTensors - before).toBe(flatten(params).length);
    tf.dispose(params as never);
    await failure(() => fromFiles({ ...files, 'model.safetensors': bytes('broken') }));
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('hostile files', () => {
  const good = () => toFiles(trainedModel());
  const weights = (change: (tensors: Map<string, tf.Tensor>) => void): ModelFiles => {
    const tensors = new Map(flatten(trainedModel().params));
    change(tensors);
    return { ...good(), 'model.safetensors': writeSafetensors(tensors) };
  };
  const without = (name: string) =>
    Object.fromEntries(Object.entries(good()).filter(([each]) => each !== name));

  it.each<[string, () => ModelFiles, RegExp]>([
    ['nothing at all', () => ({}), /^m: has no config\.json; give the folder of a saved model$/],
    ['no weights', () => without('model.safetensors'), /^m: has no model\.safetensors/],
    [
      'bad JSON',
      () => ({ ...good(), 'config.json': bytes('{"format":') }),
      /^m\/config\.json: is not JSON: Unexpected end/,
    ],
    [
      'bytes that are no text',
      () => ({ ...good(), 'config.json': Uint8Array.of(0xff, 0xfe) }),
      /^m\/config\.json: .*not valid/,
    ],
    [
      'a list for a config',
      () => ({ ...good(), 'config.json': bytes([]) }),
      /^m\/config\.json: .*expected object/,
    ],
    [
      'another format',
      () => withConfig((config) => ({ ...config, format: 'onnx' })),
      /^m\/config\.json: "?format"?: .*"chainrule-model"/,
    ],
    [
      'a later version',
      () => withConfig((config) => ({ ...config, version: 2 })),
      /^m\/config\.json: "?version"?: .*1/,
    ],
    [
      'labels that are no names',
      () => withConfig((config) => ({ ...config, labels: ['yes', 7] })),
      /^m\/config\.json: "?labels\.1"?: .*expected string/,
    ],
    [
      'an encoder that is not registered',
      () =>
        withConfig(({ model }) => {
          model.encoders.text!.type = 'lstmm';
        }),
      /^m\/config\.json: encoders: unknown name "lstmm"\. Did you mean "lstm"\?/,
    ],
    [
      'a name that every object has',
      () =>
        withConfig(({ model }) => {
          model.encoders.text!.type = 'constructor';
        }),
      /^m\/config\.json: encoders: unknown name "constructor"/,
    ],
    [
      'an unknown option',
      () =>
        withConfig(({ model }) => {
          model.fusion = { ...model.fusion, eval: 'process.exit()' };
        }),
      /^m\/config\.json: fusion\.gated: .*"eval"/,
    ],
    [
      'a prototype for an option',
      () => {
        const files = good();
        const text = new TextDecoder().decode(files['config.json']);
        const config = text.replace('"fusion": {', '"fusion": { "__proto__": { "width": 3 },');
        return { ...files, 'config.json': bytes(config) };
      },
      /^m\/config\.json: .*the key "__proto__" is not allowed/,
    ],
    [
      'a prototype for an encoder',
      () => {
        const files = good();
        const text = new TextDecoder().decode(files['config.json']);
        const config = text.replace(
          '"encoders": {',
          '"encoders": { "__proto__": {"type": "lstm"},',
        );
        return { ...files, 'config.json': bytes(config) };
      },
      /^m\/config\.json: .*the key "__proto__" is not allowed/,
    ],
    [
      'a modality whose name is a path',
      () =>
        withConfig(({ model }) => {
          model.encoders['../../text'] = model.encoders.text!;
        }),
      /^m\/config\.json: multimodal: the encoders give \{ \.\.\/\.\.\/text: 8, image: 8, text: 8 \}/,
    ],
    [
      'sizes that no memory holds',
      () =>
        withConfig(({ model }) => {
          model.encoders.text!.vocabulary = 2 ** 52;
        }),
      /^m\/(config\.json|model\.safetensors): /,
    ],
    [
      'weights that are cut off',
      () => ({ ...good(), 'model.safetensors': good()['model.safetensors']!.slice(0, -1) }),
      /^m\/model\.safetensors: safetensors: /,
    ],
    [
      'a tensor too few',
      () => weights((tensors) => tensors.delete('head/layers/0/bias')),
      /^m\/model\.safetensors: .*"head\/layers\/0\/bias" must be float32 \[6\], the file has nothing/,
    ],
    [
      'a tensor too many',
      () => weights((tensors) => tensors.set('__proto__/polluted', tf.ones([1]))),
      /^m\/model\.safetensors: .*the file has "__proto__\/polluted", for which there is no place/,
    ],
    [
      'a tensor of another shape',
      () => weights((tensors) => tensors.set('head/layers/0/bias', tf.ones([7]))),
      /^m\/model\.safetensors: .*must be float32 \[6\], the file has float32 \[7\]/,
    ],
    [
      'a tensor of another type',
      () => weights((tensors) => tensors.set('head/layers/0/bias', tf.ones([6], 'int32'))),
      /^m\/model\.safetensors: .*must be float32 \[6\], the file has int32 \[6\]/,
    ],
    [
      'a broken vocabulary',
      () => ({ ...good(), 'vocabulary.json': bytes({ type: 'wordTokenizer', words: ['a', 'a'] }) }),
      /^m\/vocabulary\.json: /,
    ],
  ])('are refused: %s', async (_name, files, message) => {
    const error = await failure(() => fromFiles(files(), 'm'));
    expect(error.message).toMatch(message);
    expect(error.code).toBe('MODEL_FILE');
    expect(({} as { polluted?: unknown; width?: unknown }).polluted).toBeUndefined();
  });
});
