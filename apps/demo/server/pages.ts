import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { extname, join, relative, sep } from 'node:path';
import { promisify } from 'node:util';
import { gzip } from 'node:zlib';
import type { Context } from 'hono';
import { problem } from './problems.js';

const TYPES: { readonly [extension: string]: string } = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.mjs': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.json': 'application/json',
  '.webmanifest': 'application/manifest+json',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.jpg': 'image/jpeg',
  '.webp': 'image/webp',
  '.ico': 'image/x-icon',
  '.woff2': 'font/woff2',
  '.wasm': 'application/wasm',
  '.txt': 'text/plain; charset=utf-8',
};
const COMPRESSIBLE = new Set(['.html', '.js', '.mjs', '.css', '.json', '.svg', '.wasm', '.txt']);
/** Names that vite puts a hash of the content in. */
const HASHED = /\/assets\/.*-[\w-]{8,}\.\w+$/;

interface File {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly extension: string;
  readonly etag: string;
  gzipped?: Promise<Uint8Array<ArrayBuffer>>;
}

export interface Pages {
  /** Hashes of the inline scripts of the page, for the content security policy. */
  readonly scripts: readonly string[];
  serve(c: Context): Promise<Response>;
}

/** Tells the page that whoever serves it trains and answers, too: `src/lab/index.ts` looks for it. */
const MARK = '<meta name="chainrule-lab" content="server" />';

/**
 * The files of a built page, all read at the start: a request looks up a name among them and never
 * reaches the file system.
 */
export async function pages(folder: string): Promise<Pages> {
  const files = await readAll(folder);
  const index = files.get('/index.html');
  return {
    scripts: index === undefined ? [] : inlineScripts(Buffer.from(index.bytes).toString()),
    async serve(c) {
      const path = decoded(c.req.path);
      const name = path === '/' ? '/index.html' : path;
      const file = name === undefined ? undefined : files.get(name);
      if (file !== undefined) return respond(c, file, HASHED.test(name!));
      if (index === undefined && path === '/') {
        return problem(
          503,
          'the page is not built; `npm start` builds it, or name a built one with --page',
        );
      }
      return problem(404, 'there is nothing at this address');
    },
  };
}

async function respond(c: Context, file: File, hashed: boolean): Promise<Response> {
  const headers: { [name: string]: string } = {
    etag: file.etag,
    'cache-control': hashed ? 'public, max-age=31536000, immutable' : 'no-cache',
    vary: 'accept-encoding',
  };
  if (c.req.header('if-none-match') === file.etag) {
    return new Response(null, { status: 304, headers });
  }
  headers['content-type'] = TYPES[file.extension] ?? 'application/octet-stream';
  const accepts = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
  if (!accepts || !COMPRESSIBLE.has(file.extension)) return new Response(file.bytes, { headers });
  file.gzipped ??= promisify(gzip)(file.bytes).then((buffer) => new Uint8Array(buffer));
  headers['content-encoding'] = 'gzip';
  return new Response(await file.gzipped, { headers });
}

async function readAll(folder: string): Promise<Map<string, File>> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  const files = entries
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const read = await readFile(path);
      const name = `/${relative(folder, path).split(sep).join('/')}`;
      const bytes = new Uint8Array(name === '/index.html' ? marked(read) : read);
      const etag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
      return [name, { bytes, extension: extname(path), etag }] as const;
    });
  return new Map<string, File>(await Promise.all(files));
}

const marked = (html: Buffer) => Buffer.from(html.toString().replace('<head>', `<head>${MARK}`));

function decoded(path: string): string | undefined {
  try {
    return decodeURIComponent(path);
  } catch {
    return undefined;
  }
}

function inlineScripts(html: string): string[] {
  return [...html.matchAll(/<script(?![^>]*\ssrc=)[^>]*>([\s\S]*?)<\/script>/g)].map(
    ([, code]) => `'sha256-${createHash('sha256').update(code!).digest('base64')}'`,
  );
}
