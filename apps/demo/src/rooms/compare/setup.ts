import { z } from 'zod';
import { type RunRequest, runRequest } from '../../lab/lab.js';

/** What is compared: a few strategies, and the rest the same for all. */
export const setupSchema = runRequest.omit({ fusion: true }).extend({
  fusions: z
    .array(runRequest.shape.fusion)
    .min(2)
    .max(4)
    .refine((names) => new Set(names).size === names.length, 'the same strategy twice'),
});
export type Setup = z.infer<typeof setupSchema>;

export const defaults: Setup = setupSchema.parse({ fusions: ['product', 'sum', 'concat'] });

const named = z.strictObject({
  fusions: z.string(),
  loss: z.string().exactOptional(),
  optimizer: z.string().exactOptional(),
  rate: z.coerce.number().exactOptional(),
  epochs: z.coerce.number().exactOptional(),
  seed: z.coerce.number().exactOptional(),
});

/** What a shared link says: a set-up, nothing, or what is wrong with it. */
export type Shared = { readonly setup: Setup } | { readonly problem: string } | undefined;

/**
 * The set-up in a link's query; links come from anywhere, so nothing in them is believed.
 *
 * @param known the strategies that there are.
 */
export function parseSetup(query: URLSearchParams, known: readonly string[]): Shared {
  if (query.size === 0) return undefined;
  const given = named.safeParse(Object.fromEntries(query));
  if (!given.success) return { problem: first(given.error) };
  const { fusions, rate, ...rest } = given.data;
  const parsed = setupSchema.safeParse({
    ...rest,
    fusions: fusions.split(','),
    ...(rate !== undefined && { learningRate: rate }),
  });
  if (!parsed.success) return { problem: first(parsed.error) };
  const unknown = parsed.data.fusions.find((name) => !known.includes(name));
  if (unknown !== undefined) return { problem: `fusions: "${unknown}"` };
  return { setup: parsed.data };
}

export function setupQuery({ fusions, learningRate, ...rest }: Setup): URLSearchParams {
  const { loss, optimizer, epochs, seed } = rest;
  return new URLSearchParams({
    fusions: fusions.join(','),
    loss,
    optimizer,
    rate: String(learningRate),
    epochs: String(epochs),
    seed: String(seed),
  });
}

export function requestsOf({ fusions, ...rest }: Setup): readonly RunRequest[] {
  return fusions.map((fusion) => ({ fusion, ...rest }));
}

function first(error: z.ZodError): string {
  const [issue] = error.issues;
  return issue === undefined ? '' : `${issue.path.join('.')}: ${issue.message}`;
}
