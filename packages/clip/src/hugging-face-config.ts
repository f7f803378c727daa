import { ChainruleError } from '@chainrule/tensor';
import { issues } from '@chainrule/tensor/registry';
import { z } from 'zod';
import type { ImageTowerOptions } from './image-tower.js';
import type { TextTowerOptions } from './text-tower.js';

const size = z.number().int().positive();
const id = z.number().int().min(0);
const activation = z.enum(['gelu', 'gelu_pytorch_tanh', 'quick_gelu']);
/** What the files leave out is what the Python library has as its defaults. */
const tower = (
  width: number,
  feedForward: number,
  heads: number,
  act: z.output<typeof activation>,
  epsilon: number,
) => ({
  hidden_size: size.default(width),
  intermediate_size: size.default(feedForward),
  num_hidden_layers: size.default(12),
  num_attention_heads: size.default(heads),
  hidden_act: activation.default(act),
  layer_norm_eps: z.number().positive().default(epsilon),
});
const clipSchema = z.object({
  model_type: z.literal('clip'),
  projection_dim: size.default(512),
  text_config: z
    .object({
      ...tower(512, 2048, 8, 'quick_gelu', 1e-5),
      vocab_size: size.default(49_408),
      max_position_embeddings: size.default(77),
      eos_token_id: id.default(49_407),
    })
    .prefault({}),
  vision_config: z
    .object({
      ...tower(768, 3072, 12, 'quick_gelu', 1e-5),
      image_size: size.default(224),
      patch_size: size.default(32),
      num_channels: z.literal(3).default(3),
    })
    .prefault({}),
});
const siglipSchema = z.object({
  model_type: z.literal('siglip'),
  text_config: z
    .object({
      ...tower(768, 3072, 12, 'gelu_pytorch_tanh', 1e-6),
      vocab_size: size.default(32_000),
      max_position_embeddings: size.default(64),
      eos_token_id: id.default(49_407),
      pad_token_id: id.default(1),
      projection_size: size.optional(),
    })
    .prefault({}),
  vision_config: z
    .object({
      ...tower(768, 3072, 12, 'gelu_pytorch_tanh', 1e-6),
      image_size: size.default(224),
      patch_size: size.default(16),
      num_channels: z.literal(3).default(3),
      vision_use_head: z.literal(true).default(true),
    })
    .prefault({}),
});
const channels = z.array(z.number()).length(3);
const preprocessorSchema = z.object({
  image_mean: channels.optional(),
  image_std: channels.optional(),
});

export interface TowerConfigs {
  readonly kind: 'clip' | 'siglip';
  readonly image: ImageTowerOptions;
  readonly text: Omit<TextTowerOptions, 'offset'>;
}

/**
 * The towers that `config.json` (and `preprocessor_config.json`, where there is one) describe.
 *
 * @throws ChainruleError `CONFIG` that names what is wrong.
 */
export function towerConfigs(config: unknown, preprocessor: unknown = {}): TowerConfigs {
  const parsed = z.discriminatedUnion('model_type', [clipSchema, siglipSchema]).safeParse(config);
  const pixels = preprocessorSchema.safeParse(preprocessor);
  if (!parsed.success || !pixels.success) {
    const [file, error] = parsed.success
      ? (['preprocessor_config.json', pixels.error!] as const)
      : (['config.json', parsed.error] as const);
    throw new ChainruleError(
      'CONFIG',
      `clip: ${file} is not that of a CLIP or SigLIP model: ${issues(error)}`,
      { cause: error },
    );
  }
  const { data } = parsed;
  const { text_config: text, vision_config: vision, model_type: kind } = data;
  const isClip = data.model_type === 'clip';
  const common = (of: typeof text | typeof vision) => ({
    width: of.hidden_size,
    layers: of.num_hidden_layers,
    heads: of.num_attention_heads,
    feedForward: of.intermediate_size,
    activation: of.hidden_act,
    epsilon: of.layer_norm_eps,
  });
  const mean = isClip ? [0.48145466, 0.4578275, 0.40821073] : [0.5, 0.5, 0.5];
  const deviation = isClip ? [0.26862954, 0.26130258, 0.27577711] : [0.5, 0.5, 0.5];
  return {
    kind,
    image: {
      ...common(vision),
      imageSize: vision.image_size,
      patchSize: vision.patch_size,
      projection: isClip ? data.projection_dim : vision.hidden_size,
      pooling: isClip ? 'class' : 'attention',
      mean: pixels.data.image_mean ?? mean,
      deviation: pixels.data.image_std ?? deviation,
    },
    text: {
      ...common(text),
      vocabulary: text.vocab_size,
      maxLength: text.max_position_embeddings,
      projection: isClip
        ? data.projection_dim
        : ((text as { projection_size?: number }).projection_size ?? text.hidden_size),
      pooling: isClip ? 'end' : 'last',
      end: text.eos_token_id,
      padding: isClip ? 0 : (text as { pad_token_id: number }).pad_token_id,
    },
  };
}
