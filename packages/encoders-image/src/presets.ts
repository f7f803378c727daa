import type { ConvBlockOptions } from './block.js';
import { type CnnEncoder, type CnnOptions, cnn, defaultBlocks } from './cnn.js';

/** What a preset leaves open. */
export type PresetOptions = Omit<CnnOptions, 'blocks' | 'pool'>;

/**
 * The article's image encoder: image `[64, 64, 3]` → 32 filters of 3×3 with ReLU, not padded →
 * flatten (62·62·32 = 123,008) → dense 128 with ReLU: 15,746,048 parameters. Pixels go in as they
 * are.
 *
 * @example
 * const encoder = article();
 */
export function article(options: PresetOptions = {}): CnnEncoder {
  return cnn({
    pixels: 'none',
    ...options,
    blocks: [{ filters: 32, kernel: 3, padding: 'valid' }],
    pool: 'flatten',
  });
}

export interface SmallOptions extends PresetOptions {
  /** Norm of every block; default `none`. */
  readonly norm?: NonNullable<ConvBlockOptions['norm']>;
  /**
   * What halves the map in every block: max pooling after the convolution, or a convolution of stride
   * 2, which takes a quarter of the time. Default `pool`.
   */
  readonly downsample?: 'pool' | 'stride';
}

/**
 * Four conv blocks of 16, 32, 64 and 64 filters, each halving the map, then the maximum of each
 * channel over all positions: what a small picture needs, with a two-hundredth of the article's
 * parameters (68,832).
 *
 * @example
 * const encoder = small({ norm: 'batch', downsample: 'stride', augment: ['flip'] });
 */
export function small({
  norm = 'none',
  downsample = 'pool',
  ...options
}: SmallOptions = {}): CnnEncoder {
  const step = downsample === 'pool' ? { pool: 2 } : { stride: 2 };
  return cnn({
    ...options,
    blocks: defaultBlocks.map(({ filters }) => ({ filters, ...step, norm })),
    pool: 'globalMax',
  });
}
