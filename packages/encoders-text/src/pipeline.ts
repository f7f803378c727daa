import { ChainruleError, checkPositiveInteger } from '@chainrule/tensor';

/** What is used of a tensor of transformers.js. */
export interface PipelineTensor {
  readonly dims: readonly number[];
  readonly data: ArrayLike<number | bigint>;
}

/**
 * What is used of a `feature-extraction` or `image-feature-extraction` pipeline of transformers.js
 * (`@huggingface/transformers`); nothing of it is imported.
 */
export type FeaturePipeline<In = string> = (
  inputs: In[],
  options?: { readonly [name: string]: unknown },
) => Promise<PipelineTensor>;

export interface FromPipelineOptions {
  /**
   * Given to the pipeline at each call. Default `{ pooling: 'mean', normalize: true }`; of pictures
   * `{ pool: true }` where the model has a pooler.
   */
  readonly options?: { readonly [name: string]: unknown };
  /** Inputs that go through the pipeline together; default 16. */
  readonly batchSize?: number;
}

/**
 * A pipeline of transformers.js as a frozen encoder: a function from inputs to their vectors, one
 * `Float32Array` each. ONNX Runtime runs the model, so no gradient goes through it; compute the
 * vectors once and train on them.
 *
 * @throws ChainruleError from the function: `PIPELINE` where the pipeline does not give one vector an
 * input, and what to do; its own errors as they are.
 *
 * @example
 * import { pipeline } from '@huggingface/transformers';
 *
 * const extractor = await pipeline('feature-extraction', 'Xenova/all-MiniLM-L6-v2');
 * const embed = fromPipeline(extractor);
 * const [vector] = await embed(['a red fox']);
 */
export function fromPipeline<In = string>(
  pipeline: FeaturePipeline<In>,
  settings: FromPipelineOptions = {},
): (
  inputs: readonly In[],
  options?: { readonly signal?: AbortSignal | undefined },
) => Promise<Float32Array[]> {
  const where = 'encoders-text.fromPipeline';
  const { options = { pooling: 'mean', normalize: true }, batchSize = 16 } = settings;
  checkPositiveInteger(where, 'batchSize', batchSize);
  return async (inputs, { signal } = {}) => {
    const vectors: Float32Array[] = [];
    for (let start = 0; start < inputs.length; start += batchSize) {
      signal?.throwIfAborted();
      const some = inputs.slice(start, start + batchSize);
      const { dims, data } = await pipeline(some, options);
      const [count, width] = dims;
      if (dims.length !== 2 || count !== some.length || data.length !== count * width!) {
        throw new ChainruleError(
          'PIPELINE',
          `${where}: the pipeline must give [${some.length}, width], got [${dims.join(', ')}]; ` +
            "give it options that make one vector of an input's tokens, such as { pooling: 'mean' }",
        );
      }
      const numbers = Float32Array.from(data, Number);
      for (let i = 0; i < count; i++) vectors.push(numbers.slice(i * width!, (i + 1) * width!));
    }
    return vectors;
  };
}
