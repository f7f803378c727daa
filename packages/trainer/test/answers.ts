import { small } from '@chainrule/encoders-image';
import { fitWordTokenizer, lstm } from '@chainrule/encoders-text';
import { gated } from '@chainrule/fusion';
import { key, mlp, uniformArray } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { multimodal } from '../src/index.js';

const tokenizer = fitWordTokenizer(['is there a circle?', 'what color is the circle?']);

/** A model of pictures and questions, with parameters that no training has touched. */
export function trainedModel() {
  const model = multimodal({
    encoders: {
      image: small({ size: [16, 16], width: 8, norm: 'batch' }),
      text: lstm({ vocabulary: tokenizer.vocabulary.length, embedding: 4, width: 8 }),
    },
    fusion: gated,
    head: (width) => mlp({ in: width, hidden: [6], out: 3 }),
  });
  return {
    model,
    params: model.init(key(11)),
    tokenizer: tokenizer.config,
    labels: ['yes', 'no', 'red'],
    imageSize: [16, 16],
    example: Uint8Array.of(137, 80, 78, 71),
    about: { task: 'test', accuracy: 0.5 },
  } as const;
}

export function queries() {
  const pixels = uniformArray(key(3), 2 * 16 * 16 * 3);
  return {
    image: tf.tensor4d(pixels, [2, 16, 16, 3]),
    text: ['is there a circle?', 'what colour is it'],
  };
}
