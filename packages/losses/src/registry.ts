import { entry, type Registry, registry } from '@chainrule/tensor/registry';
import type { Tensor1D, Tensor2D } from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { binaryCrossEntropy } from './losses/binary-cross-entropy.js';
import { cosine } from './losses/cosine.js';
import { crossEntropy } from './losses/cross-entropy.js';
import { halfSquaredError } from './losses/half-squared-error.js';
import { huber } from './losses/huber.js';
import { infoNce } from './losses/info-nce.js';
import { meanAbsoluteError } from './losses/mean-absolute-error.js';
import { meanSquaredError } from './losses/mean-squared-error.js';
import { siglip } from './losses/siglip.js';
import { triplet } from './losses/triplet.js';
import type { Loss } from './types.js';

const reductions = z.enum(['mean', 'sum']);
const mean = reductions.default('mean').describe('Over the examples: their weighted mean, or sum');

/**
 * Every loss by name: from options to `(prediction, target, weight?) => Scalar`. The functions
 * check the shapes of what they are given.
 *
 * @example
 * import { losses } from '@chainrule/losses/registry';
 *
 * const loss = losses.create('crossEntropy', { labelSmoothing: 0.1 });
 */
export const losses: Registry<Loss> = registry<Loss>('losses', {
  halfSquaredError: entry(
    '½‖z − y‖², whose gradient is z − y',
    z.object({
      reduction: reductions
        .default('sum')
        .describe('Over the examples: their sum, or weighted mean'),
    }),
    (options) => (prediction, target, weight) =>
      halfSquaredError(prediction, target, { ...options, weight }),
  ),
  meanSquaredError: entry(
    'Mean of (z − y)²',
    z.object({ reduction: mean }),
    (options) => (prediction, target, weight) =>
      meanSquaredError(prediction, target, { ...options, weight }),
  ),
  meanAbsoluteError: entry(
    'Mean of |z − y|',
    z.object({ reduction: mean }),
    (options) => (prediction, target, weight) =>
      meanAbsoluteError(prediction, target, { ...options, weight }),
  ),
  huber: entry(
    'Squared near the target, linear far from it',
    z.object({
      delta: z.number().positive().default(1).describe('Where the square turns into a line'),
      reduction: mean,
    }),
    (options) => (prediction, target, weight) => huber(prediction, target, { ...options, weight }),
  ),
  crossEntropy: entry(
    'Cross-entropy between the softmax of logits and labels',
    z.object({
      labelSmoothing: z
        .number()
        .min(0)
        .max(1)
        .default(0)
        .describe('The share of the target that is spread evenly over all classes'),
      reduction: mean,
    }),
    (options) => (prediction, target, weight) =>
      crossEntropy(prediction as Tensor2D, target as Tensor1D | Tensor2D, { ...options, weight }),
  ),
  binaryCrossEntropy: entry(
    'Cross-entropy between the sigmoid of logits and yes-or-no targets',
    z.object({ reduction: mean }),
    (options) => (prediction, target, weight) =>
      binaryCrossEntropy(prediction, target, { ...options, weight }),
  ),
  cosine: entry(
    'One minus the cosine of the angle between two vectors',
    z.object({ reduction: mean }),
    (options) => (prediction, target, weight) =>
      cosine(prediction as Tensor2D, target as Tensor2D, { ...options, weight }),
  ),
  infoNce: entry(
    'Contrastive, of all pairs in the batch: a softmax over texts and one over images',
    z.object({
      scale: z
        .number()
        .positive()
        .default(1 / 0.07)
        .describe('The inverse of the temperature'),
      reduction: mean,
    }),
    (options) => (prediction, target, weight) =>
      infoNce(prediction as Tensor2D, target as Tensor2D, { ...options, weight }),
  ),
  siglip: entry(
    'Contrastive, of all pairs in the batch: a sigmoid for each pair',
    z.object({
      scale: z.number().positive().default(10).describe('The inverse of the temperature'),
      bias: z.number().default(-10).describe('Added to every logit'),
      reduction: mean,
    }),
    (options) => (prediction, target, weight) =>
      siglip(prediction as Tensor2D, target as Tensor2D, { ...options, weight }),
  ),
  triplet: entry(
    'Contrastive: a pair must beat the hardest other of the batch by a margin',
    z.object({
      margin: z.number().positive().default(0.2).describe('By how much'),
      negatives: z
        .enum(['hardest', 'all'])
        .default('hardest')
        .describe('Whether the hardest other counts, or the sum over all'),
      reduction: mean,
    }),
    (options) => (prediction, target, weight) =>
      triplet(prediction as Tensor2D, target as Tensor2D, { ...options, weight }),
  ),
});
