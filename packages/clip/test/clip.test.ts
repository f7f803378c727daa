import '@tensorflow/tfjs';
import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { disposeTree, key, readSafetensors, writeSafetensors } from '@chainrule/tensor';
import { checkGradients, expectClose, loadFixture, moduleContract } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { clipFromFiles, imageTower, textTower } from '../src/index.js';
import { clipFromFolder } from '../src/node.js';
import { clipEncoders } from '../src/registry.js';

interface Packed {
  readonly shape: number[];
  readonly data: number[];
}
interface Expected {
  readonly pixels: Packed;
  readonly ids: number[][];
  readonly imageVector: Packed;
  readonly textVector: Packed;
  readonly textTokens: Packed;
}
const fixture = loadFixture<{ clip: Expected; siglip: Expected }>(import.meta.url, 'expected.json');
const folderOf = (kind: string) => fileURLToPath(new URL(`fixtures/${kind}`, import.meta.url));
const tensor = ({ shape, data }: Packed) => tf.tensor(data, shape);
const close = { atol: 1e-5, rtol: 1e-5 };

beforeAll(() => tf.setBackend('cpu'));

describe.each(['clip', 'siglip'] as const)('a tiny %s of the Python library', (kind) => {
  const expected = fixture[kind];
  // Without a tokenizer ids are the file's plus 1; 0 fills up, in place of the file's own padding.
  const filler = kind === 'clip' ? 19 : 1;
  const ids = () => {
    const rows = expected.ids.map((row) => {
      const end = row.indexOf(filler);
      return row.map((id, i) => (i <= end ? id + 1 : 0));
    });
    return tf.tensor2d(rows, undefined, 'int32');
  };

  it('has the vectors of both towers', async () => {
    const { image, text, params, kind: found } = await clipFromFolder(folderOf(kind));
    expect(found).toBe(kind);
    tf.tidy(() => {
      const pixels = tensor(expected.pixels) as tf.Tensor4D;
      const seen = image.apply(params.encoders.image, pixels);
      expectClose(seen.vector, expected.imageVector, close);
      expect(seen.tokens!.shape).toEqual([2, 4, 8]);
      const read = text.apply(params.encoders.text, ids());
      expectClose(read.vector, expected.textVector, close);
      // What the places of CLIP's padding hold has no part in anything.
      const [first] = tf.split(read.tokens!, 3, 0);
      const words = kind === 'clip' ? 4 : 6;
      const wanted = tf.slice(tensor(expected.textTokens), [0, 0, 0], [1, words, 8]);
      expectClose(tf.slice(first!, [0, 0, 0], [1, words, 8]), wanted, close);
    });
    disposeTree(params);
  });

  it('gives a text the same vector however far it is filled up', async () => {
    const { text, params } = await clipFromFolder(folderOf(kind));
    tf.tidy(() => {
      const all = text.apply(params.encoders.text, ids()).vector;
      const short = text.apply(params.encoders.text, tf.slice(ids(), [1, 0], [1, 3]));
      expectClose(short.vector, tf.slice(all, 1, 1), close);
    });
    disposeTree(params);
  });

  it('names a tensor that is missing or of another shape, and leaks none', async () => {
    const read = async (name: string) => new Uint8Array(await readFile(join(folderOf(kind), name)));
    const config = await read('config.json');
    const { tensors } = readSafetensors(await read('model.safetensors'));
    const name = 'text_model.encoder.layers.1.mlp.fc1.weight';
    const broken = (change: (map: Map<string, never>) => void) => {
      const map = new Map(tensors) as Map<string, never>;
      change(map);
      return { 'config.json': config, 'model.safetensors': writeSafetensors(map) };
    };
    const before = tf.memory().numTensors;
    expect(() => clipFromFiles(broken((map) => map.delete(name)))).toThrow(
      `clip/model.safetensors: clip: "${name}" must be float32 [12, 8], the file has nothing`,
    );
    const other = tensors.get('text_model.final_layer_norm.bias') as never;
    expect(() => clipFromFiles(broken((map) => map.set(name, other)))).toThrow(
      `"${name}" must be float32 [12, 8], the file has float32 [8]`,
    );
    expect(tf.memory().numTensors).toBe(before);
  });
});

describe('clipFromFolder', () => {
  let folder: string;
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'chainrule-clip-'));
    await cp(folderOf('clip'), folder, { recursive: true });
  });
  afterAll(() => rm(folder, { recursive: true, force: true }));

  it('brings the tokenizer, with texts as long as the model reads', async () => {
    const file = {
      added_tokens: [{ id: 19, content: '<end>', special: true }],
      pre_tokenizer: { type: 'Whitespace' },
      post_processor: {
        type: 'TemplateProcessing',
        single: [
          { Sequence: { id: 'A', type_id: 0 } },
          { SpecialToken: { id: '<end>', type_id: 0 } },
        ],
        pair: [],
        special_tokens: { '<end>': { id: '<end>', ids: [19], tokens: ['<end>'] } },
      },
      model: { type: 'WordPiece', unk_token: 'x', vocab: { x: 0, cat: 1, a: 2, '<end>': 19 } },
    };
    await writeFile(join(folder, 'tokenizer.json'), JSON.stringify(file));
    const { tokenizer, text, params } = await clipFromFolder(folder);
    expect(tokenizer!.maxLength).toBe(6);
    expect(text.config.offset).toBe(tokenizer!.config.offset);
    expect(tokenizer!.encode('a cat')).toEqual([3, 2, 20]);
    // Longer texts are cut, and keep the mark of the end, where the vector is read.
    expect(tokenizer!.encode('a cat a cat a cat a cat')).toEqual([3, 2, 3, 2, 3, 20]);
    disposeTree(params);
    await rm(join(folder, 'tokenizer.json'));
  });

  it('says which file is missing or broken', async () => {
    await expect(clipFromFolder(join(folder, 'nowhere'))).rejects.toThrow('has no config.json');
    await writeFile(join(folder, 'config.json'), '{"model_type":"bert"}');
    await expect(clipFromFolder(folder)).rejects.toThrow(
      'config.json: clip: config.json is not that of a CLIP or SigLIP model',
    );
    await writeFile(join(folder, 'config.json'), '{');
    await expect(clipFromFolder(folder)).rejects.toMatchObject({ code: 'MODEL_FILE' });
  });
});

const sizes = {
  width: 6,
  layers: 1,
  heads: 2,
  feedForward: 8,
  activation: 'quick_gelu',
  epsilon: 0.1,
} as const;
const pixelOptions = { imageSize: 4, patchSize: 2, mean: [0.5, 0.5, 0.5], deviation: [1, 1, 1] };
const textOptions = { vocabulary: 9, maxLength: 4, end: 8, padding: 1, offset: 1 } as const;
const images = {
  class: () => imageTower({ ...sizes, ...pixelOptions, projection: 5, pooling: 'class' }),
  attention: () => imageTower({ ...sizes, ...pixelOptions, projection: 6, pooling: 'attention' }),
};
const texts = {
  end: () => textTower({ ...sizes, ...textOptions, projection: 5, pooling: 'end' }),
  last: () => textTower({ ...sizes, ...textOptions, projection: 5, pooling: 'last' }),
};
const pixels = () => tf.randomUniform([2, 4, 4, 3], 0, 1, 'float32', 1) as tf.Tensor4D;
const words = () =>
  tf.tensor2d(
    [
      [2, 4, 9, 0],
      [3, 9, 0, 0],
    ],
    [2, 4],
    'int32',
  );
for (const [name, make] of Object.entries(images)) {
  moduleContract(`imageTower (${name})`, make, {
    input: pixels,
    outputShape: { vector: [2, name === 'class' ? 5 : 6], tokens: [2, 4, 6] },
    fromConfig: (config) => clipEncoders.fromConfig(config) as never,
  });
}
for (const [name, make] of Object.entries(texts)) {
  moduleContract(`textTower (${name})`, make, {
    input: words,
    outputShape: { vector: [2, 5], tokens: [2, 4, 6], mask: [2, 4] },
    fromConfig: (config) => clipEncoders.fromConfig(config) as never,
  });
}

describe('towers', () => {
  it('have the gradients of finite differences', () => {
    tf.tidy(() => {
      for (const make of Object.values(images)) {
        const [tower, x] = [make(), pixels()];
        checkGradients((p) => tower.apply(p, x).vector, tower.init(key(4)), { elements: 8 });
      }
      for (const make of Object.values(texts)) {
        const [tower, x] = [make(), words()];
        checkGradients((p) => tower.apply(p, x).vector, tower.init(key(4)), { elements: 8 });
      }
    });
  });

  it('take the highest id for the end where a first config says 2', () => {
    tf.tidy(() => {
      const [tower, old] = [
        texts.end(),
        textTower({ ...sizes, ...textOptions, projection: 5, pooling: 'end', end: 2 }),
      ];
      const params = tower.init(key(0));
      expectClose(old.apply(params, words()).vector, tower.apply(params, words()).vector);
    });
  });

  it('say what is wrong', () => {
    tf.tidy(() => {
      const tower = texts.end();
      const params = tower.init(key(0));
      expect(() => tower.apply(params, tf.ones([1, 5], 'int32'))).toThrow(
        'clip.textTower: ids must be int32 [batch, 1 … 4], got int32 [1, 5]; cut the texts',
      );
      const image = images.class();
      expect(() => image.apply(image.init(key(0)), tf.ones([1, 5, 4, 3]))).toThrow(
        'clip.imageTower: pixels must be [batch, 4, 4, 3], got [1, 5, 4, 3]',
      );
      expect(() => imageTower({ ...images.class().config, patchSize: 5 })).toThrow('patchSize');
      expect(() => imageTower({ ...images.attention().config, projection: 5 })).toThrow(
        'its width must be 6, got 5',
      );
      const activation = 'gelu_tanh' as 'gelu';
      expect(() => imageTower({ ...images.class().config, activation })).toThrow('gelu');
    });
  });
});
