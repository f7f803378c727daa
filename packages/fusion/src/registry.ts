import { entry, type Registry, type RegistryEntry, registry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { modalityDropout } from './modality-dropout.js';
import { concat } from './strategies/concat.js';
import { film } from './strategies/film.js';
import { gated } from './strategies/gated.js';
import { max } from './strategies/max.js';
import { mean } from './strategies/mean.js';
import { product } from './strategies/product.js';
import { sum } from './strategies/sum.js';
import type { Fusion } from './types.js';

const size = z.int().positive();
const widths = z
  .record(z.string(), size)
  .describe('The width of each modality, for example { image: 128, text: 128 }');
const width = (meaning: string) => size.exactOptional().describe(meaning);

const elementwise = z.object({
  widths,
  width: width('Project each modality linearly to this width first; needed where widths differ'),
});

const entries: { readonly [name: string]: RegistryEntry<Fusion> } = {
  sum: entry('z = x + y', elementwise, sum),
  mean: entry('z = (x + y) / 2', elementwise, mean),
  max: entry('z = max(x, y), element by element', elementwise, max),
  product: entry('z = x ⊙ y, the element-wise product', elementwise, product),
  concat: entry(
    'z = [x, y], the vectors one after the other',
    z.object({ widths, width: width('Follow with a dense layer to this width') }),
    concat,
  ),
  gated: entry(
    'Gated multimodal unit: a learned gate weighs the modalities, element by element',
    z.object({ widths, width: width('The width of z; by default the widest modality') }),
    gated,
  ),
  film: entry(
    'Feature-wise linear modulation: one modality scales and shifts the others',
    z.object({
      widths,
      condition: z
        .string()
        .exactOptional()
        .describe('The modality that modulates the others; by default the last in the alphabet'),
      width: width('Project the modulated features linearly to this width first'),
    }),
    film,
  ),
};
const strategies = registry<Fusion>('fusion', entries);

const modalityDropoutConfig = z.object({
  type: z.literal('modalityDropout'),
  fusion: z.unknown(),
  rate: z.number(),
});

/**
 * Every strategy by name. `fromConfig` rebuilds strategies within modality dropout, too.
 *
 * @example
 * import { fusion } from '@chainrule/fusion/registry';
 *
 * const gated = fusion.create('gated', { widths: { image: 128, text: 128 } });
 * const again = fusion.fromConfig(gated.config);
 */
export const fusion: Registry<Fusion> = {
  ...strategies,
  // Swapping a strategy that reads tokens for one that does not is one word here, too.
  create: (name, options) => {
    const reads = Object.hasOwn(entries, name) && 'tokenWidths' in entries[name]!.schema.shape;
    return strategies.create(name, reads ? options : withoutTokenWidths(options));
  },
  fromConfig: (config) => {
    const wrapper = modalityDropoutConfig.safeParse(config);
    if (!wrapper.success) return strategies.fromConfig(config);
    return modalityDropout(fusion.fromConfig(wrapper.data.fusion), { rate: wrapper.data.rate });
  },
};

function withoutTokenWidths(options: unknown): unknown {
  if (typeof options !== 'object' || options === null) return options;
  const { tokenWidths: _, ...others } = options as { readonly tokenWidths?: unknown };
  return others;
}
