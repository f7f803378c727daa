import type { Server } from 'node:http';
import type { Socket } from 'node:net';

/** Connections that have not sent a whole head yet; beyond, the oldest of them makes room. */
const WAITING = 256;

/** Limits that keep slow or silent clients from holding on to what others need. */
export const serverOptions = {
  /** For the head of a request, and for all of it, in ms. */
  headersTimeout: 5_000,
  requestTimeout: 20_000,
  keepAliveTimeout: 5_000,
  connectionsCheckingInterval: 1_000,
  maxHeaderSize: 16_384,
} as const;

/**
 * Keeps clients out who open connections and say nothing: of those, only the latest stay, so that
 * however many there are, who comes next and speaks is heard.
 */
export function limitSilence(server: Server, most = WAITING): void {
  // In the order in which they came.
  const silent = new Set<Socket>();
  server.on('connection', (socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
    if (silent.size <= most) return;
    const [oldest] = silent;
    silent.delete(oldest!);
    oldest!.destroy();
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  server.maxConnections = 4096;
}
