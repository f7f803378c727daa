import { fileURLToPath } from 'node:url';
import { svelte } from '@sveltejs/vite-plugin-svelte';
import { defineConfig, type Plugin } from 'vite';
import { wasmThreads } from './scripts/wasm-threads.mjs';

const packages = fileURLToPath(new URL('../../packages/', import.meta.url));
// Shared memory, and with it threads in WebAssembly, is for pages that isolate themselves.
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
};
// In development `CHAINRULE_API=http://127.0.0.1:PORT` names the server that trains.
const api = process.env.CHAINRULE_API;

/** Marks the page as the server does that trains and answers. */
const mark: Plugin = {
  name: 'chainrule:lab',
  transformIndexHtml: () => [
    { tag: 'meta', attrs: { name: 'chainrule-lab', content: 'server' }, injectTo: 'head' },
  ],
};

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  // Relative addresses: the built page runs from any folder of any host.
  base: './',
  plugins: [svelte(), ...(api ? [mark] : [])],
  resolve: {
    alias: [
      { find: /^@chainrule\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
      { find: /^@chainrule\/([^/]+)\/([^.]+)$/, replacement: `${packages}$1/src/$2.ts` },
    ],
  },
  worker: { format: 'es', plugins: () => [wasmThreads()] },
  build: {
    outDir: 'dist',
    target: ['chrome123', 'firefox128', 'safari17.5'],
    chunkSizeWarningLimit: 2000,
  },
  server: { headers, ...(api && { proxy: { '/api': api } }) },
  preview: { headers },
});
