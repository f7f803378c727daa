import type { IncomingMessage } from 'node:http';
import type { HttpBindings } from '@hono/node-server';
import type { Context, MiddlewareHandler } from 'hono';
import { bodyLimit } from 'hono/body-limit';
import { problem } from './problems.js';

/** How much of a refused body is read, and for how long, so that its sender can hear why. */
const LINGER_BYTES = 16 * 2 ** 20;
const LINGER_MS = 2000;

/** Refuses bodies that are too large or of another type, before anything reads them. */
export function bodies(maxSize: number, ...types: string[]): MiddlewareHandler {
  const refuse = async (c: Context, status: number, detail: string) => {
    const { incoming } = c.env as HttpBindings;
    const isRead = await discard(incoming);
    return problem(status, detail, isRead ? {} : { connection: 'close' });
  };
  const size = bodyLimit({
    maxSize,
    onError: (c) => refuse(c, 413, `a body may have ${maxSize} bytes here, not more`),
  });
  return async (c, next) => {
    if (c.req.method === 'GET' || c.req.method === 'HEAD') return next();
    const { incoming } = c.env as HttpBindings;
    const { 'content-length': length = '0', 'transfer-encoding': coding } = incoming.headers;
    const type = c.req.header('content-type')?.split(';')[0]?.trim().toLowerCase();
    const isEmpty = length === '0' && coding === undefined;
    if (!isEmpty && !types.includes(type ?? '')) {
      return refuse(c, 415, `send ${types.join(' or ')}, with its content-type`);
    }
    return size(c, next);
  };
}

/**
 * Reads what still comes and forgets it. A connection that is closed while its client sends breaks
 * before the answer is heard. Gives whether all of it has come.
 */
function discard(incoming: IncomingMessage): Promise<boolean> {
  return new Promise((resolve) => {
    if (incoming.complete || incoming.destroyed) return resolve(incoming.complete);
    let bytes = 0;
    const count = (chunk: Uint8Array) => {
      bytes += chunk.length;
      if (bytes > LINGER_BYTES) stop();
    };
    const stop = () => {
      clearTimeout(timer);
      incoming.off('data', count);
      resolve(incoming.complete);
    };
    const timer = setTimeout(stop, LINGER_MS);
    incoming.on('data', count).once('end', stop).once('close', stop).resume();
  });
}
