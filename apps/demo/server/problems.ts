import type { Context } from 'hono';
import { HTTPException } from 'hono/http-exception';

const TITLES: { readonly [status: number]: string } = {
  400: 'Bad request',
  403: 'Forbidden',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported media type',
  422: 'Not processable',
  429: 'Too many',
  500: 'Internal error',
  503: 'Not available',
};

/** A refusal on purpose: what the client hears of it. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly headers: { readonly [name: string]: string } = {},
  ) {
    super(detail);
  }
}

/** A problem description (RFC 9457). */
export function problem(
  status: number,
  detail: string,
  headers: { readonly [name: string]: string } = {},
): Response {
  const body = { type: 'about:blank', title: TITLES[status] ?? 'Error', status, detail };
  return new Response(JSON.stringify(body), {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'cache-control': 'no-store',
      ...headers,
    },
  });
}

/** What a thrown error becomes. Only refusals speak; others are logged, and may name paths. */
export function onError(log: (line: string) => void): (error: Error, c: Context) => Response {
  return (error, c) => {
    if (error instanceof Refusal) return problem(error.status, error.message, error.headers);
    if (error instanceof HTTPException) return problem(error.status, error.message);
    log(`${c.req.method} ${c.req.path}: ${error.stack ?? error.message}`);
    return problem(500, 'something went wrong here; the terminal of the server says what');
  };
}

/** Zod's complaints in one line: `body.epochs: Too big: expected number to be <=30`. */
export function issuesOf(
  where: string,
  issues: readonly { readonly path: readonly PropertyKey[]; readonly message: string }[],
): string {
  return issues
    .slice(0, 5)
    .map(({ path, message }) => `${[where, ...path].map(String).join('.')}: ${message}`)
    .join('; ');
}
