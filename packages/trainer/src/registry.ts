import { clipEncoders } from '@chainrule/clip/registry';
import { imageEncoders } from '@chainrule/encoders-image/registry';
import { textEncoders } from '@chainrule/encoders-text/registry';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { ChainruleError, type Encoder, lookUp, mlp } from '@chainrule/tensor';
import { entry, issues, type Registry, registry } from '@chainrule/tensor/registry';
import { z } from 'zod';
import { contrastive } from './contrastive.js';
import { type DualEncoder, type DualOutput, dualEncoder } from './dual-encoder.js';
import { identity, scaledMlp } from './heads.js';
import { matching } from './matching.js';
import { type Head, type Multimodal, multimodal } from './multimodal.js';
import { classification, type Objective, regression } from './objectives.js';

const mlpSchema = z.object({
  in: z.int().positive().describe('width of the input'),
  hidden: z.array(z.int().positive()).default([]).describe('widths of the hidden layers'),
  out: z.int().positive().describe('width of the output'),
  activation: z.enum(['linear', 'relu', 'tanh', 'sigmoid', 'gelu']).default('relu'),
  dropout: z.number().min(0).lt(1).default(0).describe('before each layer but the first'),
});

/** Heads by name. */
export const heads = registry<Head>('heads', {
  identity: entry(
    'leaves z as it is, for strategies that give logits already',
    z.object({ in: z.int().positive().describe('width of the input') }),
    identity,
  ),
  mlp: entry('a multilayer perceptron; without hidden layers a linear layer', mlpSchema, mlp),
  scaledMlp: entry(
    'y = shift + scale ⊙ mlp(x): numbers in the units of their targets',
    mlpSchema.extend({
      shift: z.array(z.number()).describe('mean of the targets'),
      scale: z.array(z.number().positive()).describe('standard deviation of the targets'),
    }),
    scaledMlp,
  ),
});

/** Objectives by name. */
export const objectives = registry<Objective>('objectives', {
  classification: entry(
    'cross-entropy over classes; reports accuracy',
    z.object({ labelSmoothing: z.number().min(0).lt(1).default(0) }),
    classification,
  ),
  matching: entry(
    'whether the parts belong together; reports accuracy and Brier score',
    z.object({}),
    matching,
  ),
  regression: entry(
    'real targets; reports the mean absolute error',
    z.object({
      loss: z.enum(['meanSquaredError', 'meanAbsoluteError', 'huber']).default('meanSquaredError'),
      delta: z.number().positive().default(1).describe('of the Huber loss'),
    }),
    regression,
  ),
});

/** Objectives of dual encoders by name. */
export const dualObjectives = registry<Objective<DualOutput>>('dualObjectives', {
  contrastive: entry(
    'each side is to find the other in the batch; reports recall both ways',
    z.object({
      loss: z.enum(['infoNce', 'siglip']).default('infoNce').describe('which loss'),
      positives: z
        .enum(['target', 'pair'])
        .default('target')
        .describe('what belongs together: equal targets, or the sides of one example'),
    }),
    contrastive,
  ),
});

const typed = z.looseObject({ type: z.string() });
const modelSchema = z.strictObject({
  type: z.literal('multimodal'),
  encoders: z.record(z.string(), typed),
  fusion: typed,
  head: typed,
});

/** Every encoder of `@chainrule/encoders-image`, `encoders-text` and `clip`, by its config's type. */
export function encoderFromConfig(config: { readonly type: string }): Encoder {
  const owners = Object.fromEntries(
    [imageEncoders, textEncoders, clipEncoders].flatMap((owner) =>
      owner.names.map((name) => [name, owner]),
    ),
  ) as { [name: string]: Registry<Encoder> };
  return lookUp('encoders', owners, config.type).fromConfig(config);
}

/**
 * The model that a config describes, built from the registries alone: a config never runs code.
 *
 * @throws ChainruleError `CONFIG`, `UNKNOWN_NAME` or `OPTION` that says where the config is wrong.
 */
export function modelFromConfig(config: unknown): Multimodal {
  const parsed = modelSchema.safeParse(config);
  if (!parsed.success) {
    throw new ChainruleError('CONFIG', `model: ${issues(parsed.error)}`, { cause: parsed.error });
  }
  const { encoders, fusion, head } = parsed.data;
  return multimodal({
    encoders: Object.fromEntries(
      Object.entries(encoders).map(([name, encoder]) => [name, encoderFromConfig(encoder)]),
    ),
    fusion: strategies.fromConfig(fusion),
    head: () => heads.fromConfig(head),
  });
}

const dualSchema = z.strictObject({
  type: z.literal('dualEncoder'),
  encoders: z.record(z.string(), typed),
  width: z.int().positive().optional(),
  projections: z
    .record(
      z.string(),
      z.union([z.literal(false), mlpSchema.omit({ in: true, out: true }).partial().strict()]),
    )
    .default({}),
  scale: z.number().positive().optional(),
  maxScale: z.number().positive().optional(),
  bias: z.number().optional(),
});

/**
 * The dual encoder that a config describes, built from the registries alone.
 *
 * @throws ChainruleError `CONFIG`, `UNKNOWN_NAME` or `OPTION` that says where the config is wrong.
 */
export function dualEncoderFromConfig(config: unknown): DualEncoder {
  const parsed = dualSchema.safeParse(config);
  if (!parsed.success) {
    throw new ChainruleError('CONFIG', `model: ${issues(parsed.error)}`, { cause: parsed.error });
  }
  const { type: _, encoders, ...options } = parsed.data;
  return dualEncoder({
    ...(options as object),
    encoders: Object.fromEntries(
      Object.entries(encoders).map(([name, encoder]) => [name, encoderFromConfig(encoder)]),
    ),
  });
}
