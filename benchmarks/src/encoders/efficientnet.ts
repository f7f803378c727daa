import { compiledFunction } from '@chainrule/backend-node/compiled';
import { easyVqa } from '@chainrule/data/node';
import { type EfficientNetLite0Params, efficientNetLite0 } from '@chainrule/encoders-image';
import { efficientNetLite0Weights } from '@chainrule/encoders-image/node';
import { countParams, type Params } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import type { Workload } from '../workload.js';

const [BATCH, PICTURES, SIDE] = [32, 100, 224];

/** EfficientNet-Lite0 with its ImageNet weights on pictures of easy-VQA, stretched to 224×224. */
export function efficientNet(): Workload {
  return {
    async data() {
      const bytes = await pictures();
      return {
        tensors: {
          params: (await efficientNetLite0Weights({ head: 'logits' })) as Params,
          // Safetensors has bytes, tfjs has not: four of them in one int32.
          pixels: tf.tensor2d(new Int32Array(bytes.buffer), [PICTURES, (SIDE * SIDE * 3) / 4]),
        },
        settings: { batch: `${BATCH}` },
      };
    },
    async prepare() {
      const encoder = efficientNetLite0({ head: 'logits' });
      const params = await efficientNetLite0Weights({ head: 'logits' });
      const pixels = Float32Array.from(await pictures(), (byte) => byte / 255);
      const all = tf.tensor4d(pixels, [PICTURES, SIDE, SIDE, 3]);
      const batches = Array.from({ length: Math.ceil(PICTURES / BATCH) }, (_, i) => {
        const start = i * BATCH;
        return tf.slice(all, start, Math.min(BATCH, PICTURES - start));
      });
      const run = compiledFunction(
        (p: EfficientNetLite0Params, { x }: { readonly x: tf.Tensor4D }) =>
          encoder.apply(p, x).vector,
        params,
      );
      const embed = async (x: tf.Tensor4D): Promise<Float32Array> => {
        const vector = run.run({ x });
        const values = await vector.data<'float32'>();
        vector.dispose();
        return values;
      };
      return {
        parameters: countParams(params),
        step: async () => (await embed(batches[0]!))[0]!,
        async checks() {
          const checks: { [name: string]: number } = {};
          for (const [b, x] of batches.entries()) {
            const values = await embed(x);
            for (let i = 0; i < x.shape[0]; i++) {
              const logits = values.subarray(i * 1000, (i + 1) * 1000);
              const name = `of picture ${b * BATCH + i}`;
              checks[`norm of the logits ${name}`] = Math.hypot(...logits);
              checks[`largest logit ${name}`] = Math.max(...logits);
            }
          }
          return checks;
        },
      };
    },
  };
}

async function pictures(): Promise<Uint8Array> {
  const { test } = await easyVqa();
  const distinct = [...new Set(test.examples.map(({ inputs }) => inputs.image!))];
  const size = { height: SIDE, width: SIDE, channels: 3, fit: 'fill' } as const;
  const all = new Uint8Array(PICTURES * SIDE * SIDE * 3);
  for (const [i, image] of distinct.slice(0, PICTURES).entries()) {
    all.set(await image.read(size), i * SIDE * SIDE * 3);
  }
  return all;
}
