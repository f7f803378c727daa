import { isIP } from 'node:net';
import type { MiddlewareHandler } from 'hono';
import { secureHeaders } from 'hono/secure-headers';
import { problem } from './problems.js';

/**
 * Refuses requests that name another host than this one. A page elsewhere can have its own name
 * lead here (DNS rebinding), but it can not send a `Host` of ours; an address needs no name.
 */
export function hostCheck(allowed: ReadonlySet<string>): MiddlewareHandler {
  return async (c, next) => {
    const name = hostName(c.req.header('host'));
    if (name !== undefined && (allowed.has(name) || isIP(name.replace(/^\[|\]$/g, '')) !== 0)) {
      return next();
    }
    return problem(403, 'this name is not served here; use localhost, or start with --host NAME');
  };
}

function hostName(host: string | undefined): string | undefined {
  if (host === undefined || !/^[\w.:[\]-]+$/.test(host)) return undefined;
  return URL.parse(`http://${host}`)?.hostname;
}

/**
 * Only pages of this very server may have anything done. A browser says where a request comes from,
 * which its pages can not change; programs that are none say nothing.
 */
export const sameOrigin: MiddlewareHandler = async (c, next) => {
  if (c.req.method === 'GET' || c.req.method === 'HEAD') return next();
  const site = c.req.header('sec-fetch-site');
  const origin = c.req.header('origin');
  const host = c.req.header('host');
  const isOurs =
    site === undefined
      ? origin === undefined || origin === `http://${host}` || origin === `https://${host}`
      : site === 'same-origin' || site === 'none';
  return isOurs ? next() : problem(403, 'only pages of this server may send this request');
};

/**
 * The usual headers. Cross-origin isolation (COOP and COEP) is what gives wasm its threads, whose
 * workers and their scripts are blobs.
 *
 * @param scripts hashes of the page's inline scripts, as in `'sha256-…'`.
 */
export function headers(scripts: readonly string[]): MiddlewareHandler {
  return secureHeaders({
    contentSecurityPolicy: {
      defaultSrc: ["'self'"],
      scriptSrc: ["'self'", "'wasm-unsafe-eval'", 'blob:', ...scripts],
      // Svelte and the charts set style attributes.
      styleSrc: ["'self'", "'unsafe-inline'"],
      imgSrc: ["'self'", 'data:', 'blob:'],
      fontSrc: ["'self'", 'data:'],
      connectSrc: ["'self'", 'data:', 'blob:'],
      workerSrc: ["'self'", 'blob:'],
      objectSrc: ["'none'"],
      baseUri: ["'none'"],
      formAction: ["'none'"],
      frameAncestors: ["'none'"],
    },
    crossOriginOpenerPolicy: 'same-origin',
    crossOriginEmbedderPolicy: 'require-corp',
    crossOriginResourcePolicy: 'same-origin',
    referrerPolicy: 'no-referrer',
    xFrameOptions: 'DENY',
    // It is served on loopback, without TLS.
    strictTransportSecurity: false,
    permissionsPolicy: { camera: [], microphone: [], geolocation: [] },
  });
}
