import { ChainruleError } from '@chainrule/tensor';
import type { z } from 'zod';

/** Bytes that have come, of how many in all. */
export type OnProgress = (loaded: number, total: number) => void;

async function get(url: URL): Promise<Response> {
  const response = await fetch(url).catch((cause: Error) => {
    throw new ChainruleError('FETCH', `can not fetch ${url.pathname}: ${cause.message}`, { cause });
  });
  if (response.ok) return response;
  throw new ChainruleError(
    'FETCH',
    `can not fetch ${url.pathname}: ${response.status}; was the app built with pnpm demo:static?`,
  );
}

export async function fetchJson<S extends z.ZodType>(url: URL, schema: S): Promise<z.infer<S>> {
  const response = await get(url);
  const value: unknown = await response.json().catch((cause: Error) => {
    throw new ChainruleError(
      'FETCH',
      `${url.pathname} is not JSON; was the app built with pnpm demo:static?`,
      { cause },
    );
  });
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ChainruleError('FETCH', `${url.pathname}: ${parsed.error.issues[0]?.message}`, {
    cause: parsed.error,
  });
}

export async function fetchBytes(url: URL): Promise<Uint8Array> {
  return new Uint8Array(await (await get(url)).arrayBuffer());
}

/** A gzip file, unpacked on the way. */
export async function fetchGzip(
  url: URL,
  onBytes: (loaded: number) => void = () => {},
): Promise<Uint8Array> {
  const { body } = await get(url);
  if (body === null) throw new ChainruleError('FETCH', `${url.pathname} is empty`);
  let loaded = 0;
  const counted = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    transform(chunk, controller) {
      loaded += chunk.length;
      onBytes(loaded);
      controller.enqueue(chunk);
    },
  });
  const unpacked = body.pipeThrough(counted).pipeThrough(new DecompressionStream('gzip'));
  return new Uint8Array(await new Response(unpacked).arrayBuffer());
}
