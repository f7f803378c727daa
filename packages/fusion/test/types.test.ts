import {
  concat,
  type Fusion,
  type FusionFactory,
  film,
  type GatedConfig,
  type GatedParams,
  gated,
  max,
  mean,
  product,
  sum,
} from '@chainrule/fusion';
import { fusion } from '@chainrule/fusion/registry';
import type { Embeddings, Module, Params } from '@chainrule/tensor';
import type { Tensor2D } from '@tensorflow/tfjs-core';
import { expect, expectTypeOf, it } from 'vitest';

it('lets any strategy stand where another stood', () => {
  const factories = { concat, film, gated, max, mean, product, sum };
  expectTypeOf(factories).toExtend<{ [name: string]: FusionFactory }>();
  for (const create of Object.values(factories)) {
    const module: Fusion = create({ widths: { image: 128, text: 128 } });
    expect(module.width).toBe(create === concat ? 256 : 128);
  }
});

it('types modules, parameters and configs', () => {
  const module = gated({ widths: { image: 2, text: 3 } });
  expectTypeOf(module).toEqualTypeOf<Fusion<GatedParams, GatedConfig>>();
  expectTypeOf(module).toExtend<Module<Embeddings, Tensor2D>>();
  expectTypeOf(module.init).returns.toEqualTypeOf<GatedParams>();
  expectTypeOf(module.config.type).toEqualTypeOf<'gated'>();
  expectTypeOf<GatedParams>().toExtend<Params>();
  expectTypeOf(sum({ widths: { image: 2 } }).config.type).toEqualTypeOf<'sum'>();
  expectTypeOf(fusion.create).returns.toEqualTypeOf<Fusion>();
});

it('knows wrong options at compile time', () => {
  expectTypeOf(sum).parameter(0).not.toExtend<{ condition: string }>();
  expectTypeOf<{ widths: { image: string } }>().not.toExtend<Parameters<typeof sum>[0]>();
  expectTypeOf<{ width: number }>().not.toExtend<Parameters<typeof gated>[0]>();
  expectTypeOf<Parameters<typeof film>[0]['condition']>().toEqualTypeOf<string | undefined>();
});
