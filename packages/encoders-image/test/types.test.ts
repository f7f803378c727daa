import {
  article,
  type CnnConfig,
  type CnnEncoder,
  type CnnParams,
  cnn,
  small,
} from '@chainrule/encoders-image';
import { imageEncoders } from '@chainrule/encoders-image/registry';
import type { Config, Embedding, Encoder, Module, Params } from '@chainrule/tensor';
import type { Tensor4D } from '@tensorflow/tfjs-core';
import { expectTypeOf, it } from 'vitest';

it('types encoders, parameters and configs', () => {
  expectTypeOf(cnn).returns.toEqualTypeOf<CnnEncoder>();
  expectTypeOf(article).returns.toEqualTypeOf<CnnEncoder>();
  expectTypeOf(small).returns.toEqualTypeOf<CnnEncoder>();
  expectTypeOf<CnnEncoder>().toExtend<Encoder<Tensor4D, CnnParams, CnnConfig>>();
  // What a model of any encoders holds.
  expectTypeOf<CnnEncoder>().toExtend<Encoder>();
  expectTypeOf<CnnEncoder>().toExtend<Module<Tensor4D, Embedding>>();
  expectTypeOf<CnnParams>().toExtend<Params>();
  expectTypeOf<CnnConfig>().toExtend<Config>();
  expectTypeOf(imageEncoders.create).returns.toEqualTypeOf<Encoder<Tensor4D>>();
});

it('knows wrong options at compile time', () => {
  expectTypeOf(cnn).parameter(0).not.toExtend<{ size: number }>();
  // @ts-expect-error a block needs filters
  expectTypeOf(() => cnn({ blocks: [{ kernel: 3 }] })).toBeFunction();
  // @ts-expect-error a preset's blocks are fixed
  expectTypeOf(() => article({ blocks: [] })).toBeFunction();
});
