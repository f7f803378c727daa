import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { createApp } from './app.js';
import { asking } from './asking.js';
import { limitSilence, serverOptions } from './connections.js';
import { pages } from './pages.js';
import { runs } from './runs.js';
import { finder } from './search.js';

export interface ServerOptions {
  /** Default 127.0.0.1: this machine alone. */
  readonly host?: string | undefined;
  /** 0 takes any that is free. Default 4700, or any where that is taken. */
  readonly port?: number | undefined;
  /** A folder of a saved model, or of several. Default `models`. */
  readonly model?: string | undefined;
  /** A folder of a saved retrieval model. Default `models/retrieval`. */
  readonly retrieval?: string | undefined;
  /** The folder of the built page. */
  readonly page: string;
  /** Training runs at a time. Default 4, as many as the page compares. */
  readonly runs?: number | undefined;
  /** For what went wrong; default stderr. */
  readonly log?: (line: string) => void;
}

export interface DemoServer {
  readonly url: string;
  /** Ends runs and streams, answers what has been asked, and closes. */
  close(): Promise<void>;
}

const PORT = 4700;
const GRACE_MS = 1000;
const UNWATCHED_MS = 60_000;

/**
 * Starts the demo's server: training runs, answers, and the page.
 *
 * @example
 * const server = await startServer({ page: 'apps/demo/dist', port: 0 });
 * console.log(server.url);
 * await server.close();
 */
export async function startServer(options: ServerOptions): Promise<DemoServer> {
  const {
    host = '127.0.0.1',
    model = 'models',
    retrieval = 'models/retrieval',
    log = (line) => void process.stderr.write(`${line}\n`),
  } = options;
  const asked = asking({ model, log });
  const training = runs({ most: options.runs ?? 4, unwatchedMs: UNWATCHED_MS, log });
  const app = createApp({
    asking: asked,
    runs: training,
    finder: finder(asked, retrieval),
    pages: await pages(options.page),
    hosts: new Set(['localhost', host]),
    log,
  });
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions }) as Server;
  limitSilence(server);
  const port = await listen(server, host, options.port);
  // The first visitor should not have to wait for it.
  asked.model().catch((error: Error) => log(error.message));

  return {
    url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeIdleConnections();
      await Promise.all([training.close(), asked.close()]);
      const timer = setTimeout(() => server.closeAllConnections(), GRACE_MS);
      await closed;
      clearTimeout(timer);
    },
  };
}

async function listen(server: Server, host: string, port?: number): Promise<number> {
  const attempt = (port: number) =>
    new Promise<number>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port, backlog: 1024 }, () => {
        server.off('error', reject);
        resolve((server.address() as AddressInfo).port);
      });
    });
  if (port !== undefined) return attempt(port);
  return attempt(PORT).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EADDRINUSE') throw error;
    return attempt(0);
  });
}
