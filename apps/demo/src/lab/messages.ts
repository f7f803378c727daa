import { z } from 'zod';
import { type RunEvent, runRequest } from './lab.js';
import { SIDE } from './sizes.js';

export const backendName = z.enum(['webgpu', 'webgl', 'wasm', 'cpu']);
const run = z.string().max(40);
const pixels = z.custom<Uint8ClampedArray>(
  (value) => value instanceof Uint8ClampedArray && value.length === SIDE * SIDE * 3,
  `must be ${SIDE}×${SIDE} RGB pixels`,
);

/** What the page asks of the worker. Each message has a number, which its reply carries. */
export const labMessage = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('open'),
    id: z.int(),
    /** Where the packed data lie. */
    base: z.url(),
    /** Backends to try, in this order; default: the fastest that trains here. */
    prefer: z.array(backendName).exactOptional(),
    /** Pictures in a batch. */
    batchSize: z.int().min(1).max(512).exactOptional(),
  }),
  z.strictObject({ type: z.literal('catalog'), id: z.int() }),
  z.strictObject({ type: z.literal('inspect'), id: z.int(), fusion: z.string().max(40) }),
  z.strictObject({ type: z.literal('start'), id: z.int(), run, request: runRequest }),
  z.strictObject({ type: z.enum(['pause', 'resume', 'stop']), id: z.int(), run }),
  z.strictObject({
    type: z.literal('answer'),
    id: z.int(),
    question: z.strictObject({ pixels, text: z.string().trim().min(1).max(300) }),
  }),
]);
export type LabMessage = z.infer<typeof labMessage>;

/** What the worker says. */
export const labReply = z.discriminatedUnion('type', [
  z.strictObject({ type: z.literal('result'), id: z.int(), value: z.unknown() }),
  z.strictObject({
    type: z.literal('failure'),
    id: z.int(),
    code: z.string(),
    message: z.string(),
  }),
  // The worker is the same build as the page; its events are typed, not parsed one by one.
  z.strictObject({ type: z.literal('event'), event: z.custom<RunEvent>(isEvent) }),
]);
export type LabReply = z.infer<typeof labReply>;

function isEvent(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'run' in value && 'type' in value;
}
