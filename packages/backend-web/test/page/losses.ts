import { cnn } from '@chainrule/encoders-image';
import { lstm } from '@chainrule/encoders-text';
import { product } from '@chainrule/fusion';
import { adam } from '@chainrule/optim';
import { type Batch, eager, foldIn, key, mlp, split, tidy, uniformArray } from '@chainrule/tensor';
import { classification, multimodal, trainState, trainStep } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';

/** The losses of some steps on the backend in use, in Node or in a page, and the tensors leaked. */
export async function losses(steps: number): Promise<{ losses: number[]; leaked: number }> {
  const blocks = (['batch', 'none'] as const).map((norm) => ({ filters: 10, pool: 2, norm }));
  const model = multimodal({
    encoders: {
      image: cnn({ size: [16, 16], blocks, width: 16, augment: ['flip'] }),
      text: lstm({ vocabulary: 9, embedding: 6, width: 16 }),
    },
    fusion: product,
    head: (width) => mlp({ in: width, hidden: [16], out: 4 }),
  });
  const optimizer = adam({ learningRate: 1e-2 });
  const before = tf.memory().numTensors;
  const execution = eager().prepare(
    trainStep(model, classification(), optimizer),
    tidy(() => trainState(model.init(key(0)), optimizer)),
  );
  const size = 20 * 16 * 16 * 3;
  const batch: Batch = {
    inputs: {
      image: tf.tensor(uniformArray(split(key(1), 'image'), size), [20, 16, 16, 3]),
      text: tf.tensor2d([2, 3, 4, 0, 5, 6, 7, 8, 2, 0, 0, 0, 8, 4, 3, 2], [4, 4], 'int32'),
    },
    rows: {
      image: tf.range(0, 20, 1, 'int32') as tf.Tensor1D,
      text: tf.tensor1d(
        Array.from({ length: 20 }, (_, i) => (i * 3) % 4),
        'int32',
      ),
    },
    target: tf.tensor1d(
      Array.from({ length: 20 }, (_, i) => (i * 7) % 4),
      'int32',
    ),
  };
  const values: number[] = [];
  for (let i = 0; i < steps; i++) {
    values.push((await execution.run(batch, foldIn(key(2), i))).loss!);
  }
  execution.dispose();
  tf.dispose(batch as never);
  return { losses: values, leaked: tf.memory().numTensors - before };
}
