import '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { clipFromFiles } from '@chainrule/clip';
import { disposeTree } from '@chainrule/tensor';
import { expectClose } from '@chainrule/testing';
import * as tf from '@tensorflow/tfjs-core';
import { beforeAll, describe, expect, it } from 'vitest';
import { dualEncoderFromFiles, toFiles } from '../src/files.js';
import { dualEncoder } from '../src/index.js';

interface Packed {
  readonly shape: number[];
  readonly data: number[];
}
interface Expected {
  readonly pixels: Packed;
  readonly ids: number[][];
  readonly image: Packed;
  readonly text: Packed;
  readonly logits: Packed;
}
const fixtures = new URL('../../clip/test/fixtures/', import.meta.url);
const read = (name: string) => new Uint8Array(readFileSync(new URL(name, fixtures)));
const fixture = JSON.parse(new TextDecoder().decode(read('expected.json'))) as {
  [kind: string]: Expected;
};

beforeAll(() => tf.setBackend('cpu'));

describe.each(['clip', 'siglip'])('a dual encoder of the towers of %s', (kind) => {
  it('has the similarities of the Python library, also when saved and read again', () => {
    const { pixels, ids, image, text, logits } = fixture[kind]!;
    const names = ['config.json', 'model.safetensors', 'preprocessor_config.json'];
    const towers = clipFromFiles(
      Object.fromEntries(names.map((name) => [name, read(`${kind}/${name}`)])),
    );
    const model = dualEncoder({
      encoders: { image: towers.image, text: towers.text },
      projections: { image: false, text: false },
    });
    const saved = { model, params: towers.params };
    const again = dualEncoderFromFiles(toFiles(saved as never));
    expect(again.model.config).toEqual(model.config);
    for (const { model, params } of [saved, again]) {
      tf.tidy(() => {
        const inputs = {
          image: tf.tensor(pixels.data, pixels.shape),
          text: tf.add(tf.tensor2d(ids, undefined, 'int32'), tf.scalar(1, 'int32')),
        };
        const { embeddings, scale, bias } = model.apply(params as never, { inputs });
        expectClose(embeddings.image!, image, { atol: 1e-5 });
        expectClose(embeddings.text!, text, { atol: 1e-5 });
        const cosines = tf.matMul(embeddings.image!, embeddings.text!, false, true);
        expectClose(tf.add(tf.mul(cosines, scale), bias), logits, { atol: 1e-4 });
      });
      disposeTree(params);
    }
  });
});
