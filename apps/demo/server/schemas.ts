import { z } from '@hono/zod-openapi';
import type { Catalog, Hit, Inspection, Reply, RunEvent } from '../src/lab/lab.js';
import { SIDE } from '../src/lab/sizes.js';

/** Bytes of one of them: RGB. */
export const PIXEL_BYTES = SIDE * SIDE * 3;
/** The same in base64, which fills up to whole groups of three bytes. */
const BASE64_LENGTH = Math.ceil(PIXEL_BYTES / 3) * 4;

const about = { run: z.string().describe('the id of the run') };
const step = z.int().min(1);
const share = z.number().min(0).max(1);

/** What a child may say of a run, and what the page hears of it. */
export const runEvent: z.ZodType<RunEvent> = z
  .discriminatedUnion('type', [
    z.strictObject({
      ...about,
      type: z.literal('loading'),
      loaded: z.number(),
      total: z.number(),
    }),
    z.strictObject({
      ...about,
      type: z.literal('start'),
      parameters: z.int(),
      epochs: z.int(),
      stepsPerEpoch: z.int(),
      executor: z.string(),
      backend: z.string(),
    }),
    z.strictObject({
      ...about,
      type: z.literal('step'),
      step,
      epoch: step,
      loss: z.number().describe('mean over the steps since the last such event'),
      accuracy: share.describe('on the training questions of the same steps'),
      msPerStep: z.number().describe('mean over the same steps, pauses not counted'),
      shares: z
        .record(z.string(), share)
        .describe('share of the squared gradient norm that each encoder receives'),
    }),
    z.strictObject({
      ...about,
      type: z.literal('epoch'),
      epoch: step,
      loss: z.number(),
      accuracy: share,
      testAccuracy: share.describe('on the test questions'),
      seconds: z.number(),
    }),
    z.strictObject({ ...about, type: z.literal('paused') }),
    z.strictObject({ ...about, type: z.literal('resumed') }),
    z.strictObject({
      ...about,
      type: z.literal('stop'),
      reason: z.enum(['completed', 'aborted', 'diverged']),
    }),
    z.strictObject({ ...about, type: z.literal('error'), message: z.string() }),
  ])
  .openapi('RunEvent');

const questionText = z
  .string()
  .trim()
  .min(1)
  .max(300)
  .describe('the question; the model knows the words of easy-VQA')
  .openapi({ example: 'what color is the circle?' });

export const question = z
  .strictObject({
    pixels: z
      .base64()
      .length(BASE64_LENGTH)
      .describe(`base64 of ${SIDE}×${SIDE} RGB pixels, row by row: ${PIXEL_BYTES} bytes`),
    text: questionText,
  })
  .openapi('Question');

export const pictureQuestion = z.strictObject({ text: questionText });

export const reply: z.ZodType<Reply> = z
  .object({
    answers: z
      .array(z.object({ label: z.string(), probability: z.number() }))
      .describe('every answer, the most probable first'),
    contributions: z
      .record(z.string(), z.number())
      .describe(
        'by how much the log-probability of the first answer falls when the embedding of a modality is replaced by the mean of the data, in nats',
      ),
    milliseconds: z.number().describe('of computing, waiting not counted'),
  })
  .openapi('Reply');

const sample = z.object({
  image: z.string().describe('the address of a PNG'),
  questions: z.array(z.object({ text: z.string(), answer: z.string() })),
});

export const catalog: z.ZodType<Catalog> = z
  .object({
    where: z.enum(['server', 'browser']),
    backend: z.string(),
    fusions: z.array(z.object({ name: z.string(), summary: z.string() })),
    model: z
      .object({ fusion: z.string(), accuracy: z.number().exactOptional() })
      .exactOptional()
      .describe('the trained model; absent before the first `npm start`'),
    samples: z.array(sample),
    search: z.object({ ready: z.boolean(), missing: z.string().exactOptional() }),
  })
  .openapi('Catalog');

const shape = z.array(z.int().nullable()).describe('null stands for the batch');

export const inspection: z.ZodType<Inspection> = z
  .object({
    config: z.unknown().describe('rebuilds the model: `modelFromConfig(config)`'),
    parameters: z.int(),
    parts: z.array(
      z.object({
        name: z.string(),
        type: z.string(),
        from: z.array(z.string()),
        input: z.array(shape),
        output: shape,
        parameters: z.int(),
      }),
    ),
  })
  .openapi('Inspection');

/** What a search finds. */
export interface Found {
  readonly pictures: readonly Hit[];
  readonly names: readonly Hit[];
}

const hit = z.object({
  image: z.string().describe('the address of the picture'),
  name: z.string(),
  similarity: z.number(),
});
export const hits: z.ZodType<Found> = z
  .object({ pictures: z.array(hit), names: z.array(hit) })
  .openapi('SearchResult');

export const searchText = z
  .strictObject({ text: z.string().trim().min(1).max(200) })
  .openapi('SearchQuery');

export const started = z.object({ id: z.string() }).openapi('StartedRun');

export const problem = z
  .object({
    type: z.literal('about:blank'),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('what is wrong, and what to do'),
  })
  .openapi('Problem');
