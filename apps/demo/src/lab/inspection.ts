import { countParams, disposeTree, type Embedding, key, tidy } from '@chainrule/tensor';
import type { Multimodal } from '@chainrule/trainer';
import * as tf from '@tensorflow/tfjs-core';
import type { Inspection } from './lab.js';

/** The parts of a composed model with their shapes, found by running it on one empty example. */
export function inspectModel(
  model: Multimodal,
  inputs: {
    readonly [modality: string]: {
      readonly shape: readonly number[];
      readonly dtype: 'float32' | 'int32';
    };
  },
): Inspection {
  const params = model.init(key(0));
  const shapeOf = ({ shape }: tf.Tensor) => [null, ...shape.slice(1)];
  try {
    return tidy(() => {
      const examples = Object.fromEntries(
        Object.entries(inputs).map(([name, { shape, dtype }]) => [
          name,
          tf.ones([1, ...shape], dtype),
        ]),
      );
      const embeddings = model.embed(params, { inputs: examples });
      const fused = model.fusion.apply(params.fusion, embeddings);
      const output = model.head.apply(params.head, fused);
      const vectors = Object.values<Embedding>(embeddings).map(({ vector }) => shapeOf(vector));
      return {
        config: model.config,
        parameters: countParams(params),
        parts: [
          ...Object.entries(model.encoders).map(([name, { config }]) => ({
            name,
            type: config.type,
            from: [],
            input: [shapeOf(examples[name]!)],
            output: shapeOf(embeddings[name]!.vector),
            parameters: countParams(params.encoders[name]!),
          })),
          {
            name: 'fusion',
            type: model.fusion.config.type,
            from: Object.keys(model.encoders),
            input: vectors,
            output: shapeOf(fused),
            parameters: countParams(params.fusion),
          },
          {
            name: 'head',
            type: model.head.config.type,
            from: ['fusion'],
            input: [shapeOf(fused)],
            output: shapeOf(output),
            parameters: countParams(params.head),
          },
        ],
      };
    });
  } finally {
    disposeTree(params);
  }
}
