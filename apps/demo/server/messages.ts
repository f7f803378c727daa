import { z } from 'zod';
import { runRequest } from '../src/lab/lab.js';
import { hits, inspection, PIXEL_BYTES, reply, runEvent } from './schemas.js';

/** To a child that trains. */
export const trainCommand = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('train'), run: z.string(), request: runRequest }),
  z.strictObject({ type: z.literal('pause') }),
  z.strictObject({ type: z.literal('resume') }),
  z.strictObject({ type: z.literal('stop') }),
]);
export type TrainCommand = z.infer<typeof trainCommand>;

/** From it: the run's events as the page gets them. */
export const trainMessage = runEvent;

const bytes = z.custom<Uint8Array>((value) => value instanceof Uint8Array);
const pixels = bytes.refine(({ length }) => length === PIXEL_BYTES);
const id = z.int();

/** To the child that answers. */
export const askCommand = z.discriminatedUnion('type', [
  z.strictObject({ id, type: z.literal('samples') }),
  z.strictObject({ id, type: z.literal('load'), folder: z.string() }),
  z.strictObject({ id, type: z.literal('inspect'), fusion: z.string() }),
  z.strictObject({
    id,
    type: z.literal('answer'),
    questions: z.array(z.strictObject({ pixels, text: z.string() })).min(1),
  }),
  z.strictObject({ id, type: z.literal('openSearch'), folder: z.string() }),
  z.strictObject({
    id,
    type: z.literal('search'),
    query: z.union([z.strictObject({ text: z.string() }), z.strictObject({ pixels: bytes })]),
  }),
  z.strictObject({ id, type: z.literal('drawing'), index: z.int().min(0) }),
]);
export type AskCommand = z.infer<typeof askCommand>;

const samples = z.array(
  z.strictObject({
    id: z.string(),
    png: bytes,
    questions: z.array(z.strictObject({ text: z.string(), answer: z.string() })),
  }),
);

const loaded = z.strictObject({
  fusion: z.string(),
  accuracy: z.number().exactOptional(),
});
export type Loaded = z.infer<typeof loaded>;

/** What the child answers to each command. */
export const results = {
  samples: z.strictObject({ backend: z.string(), samples }),
  load: loaded,
  inspect: inspection,
  answer: z.array(reply),
  openSearch: z.strictObject({ imageSize: z.tuple([z.int(), z.int()]).readonly() }),
  search: hits,
  drawing: bytes.nullable(),
} as const;

export type Results = { readonly [K in keyof typeof results]: z.infer<(typeof results)[K]> };

/** From that child: the outcome of the command with the same id. */
export const askMessage = z.union([
  z.strictObject({ id, result: z.unknown() }),
  z.strictObject({ id, error: z.string() }),
]);
