// A page in real Chromium, cross-origin isolated, whose worker is a bundled module of ours.
import { createServer } from 'node:http';
import { build } from 'esbuild';
import { chromium } from 'playwright-core';
import { provideChromium } from './chromium.mjs';

/** Draws and computes WebGL and WebGPU on the processor, as machines without a GPU can. */
export const softwareGpu = [
  '--use-gl=angle',
  '--use-angle=swiftshader',
  '--enable-unsafe-swiftshader',
  '--enable-unsafe-webgpu',
  '--use-webgpu-adapter=swiftshader',
];

const HTML = `<!doctype html><title>worker</title><script type="module">
  const worker = new Worker('/worker.js', { type: 'module' });
  const waiting = new Map();
  worker.onerror = (event) => console.error(event.message);
  worker.onmessage = ({ data }) => {
    if (data.log !== undefined) return globalThis.log?.(data.log);
    const { resolve, reject } = waiting.get(data.id);
    if (data.error === undefined) resolve(data.value);
    else reject(new Error(data.error));
  };
  globalThis.call = (name, args) => new Promise((resolve, reject) => {
    const id = waiting.size;
    waiting.set(id, { resolve, reject });
    worker.postMessage({ id, name, args });
  });
</script>`;

const HEADERS = {
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-embedder-policy': 'require-corp',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

const TYPES = { html: 'text/html', js: 'text/javascript', wasm: 'application/wasm' };

/**
 * @param {object} options
 * @param {string} options.worker Path of the worker's module, which hands its functions to
 *   `answer` of worker.mjs.
 * @param {{ [address: string]: Uint8Array | string }} [options.files] Served beside it.
 * @param {readonly string[]} [options.args] Chromium's.
 * @param {boolean} [options.isolated] Default true.
 * @param {(line: string) => void} [options.log] Gets what the worker says.
 */
export async function openPage({ worker, files = {}, args = [], isolated = true, log }) {
  const { outputFiles } = await build({
    entryPoints: [worker],
    outdir: '/',
    entryNames: 'worker',
    bundle: true,
    splitting: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    logLevel: 'error',
  });
  const served = new Map([
    ['/', Buffer.from(HTML)],
    ...Object.entries(files).map(([address, data]) => [address, Buffer.from(data)]),
    ...outputFiles.map(({ path, contents }) => [path.replaceAll('\\', '/'), Buffer.from(contents)]),
  ]);
  const server = createServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const body = served.get(pathname);
    const type = TYPES[pathname === '/' ? 'html' : pathname.split('.').at(-1)];
    response.writeHead(body ? 200 : 404, {
      ...(isolated && HEADERS),
      'content-type': type ?? 'application/octet-stream',
    });
    response.end(body);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  const port = typeof address === 'object' && address ? address.port : 0;
  const browser = await chromium.launch({
    executablePath: await provideChromium(),
    args: ['--headless', '--no-sandbox', '--no-first-run', '--disable-quic', ...args],
  });
  const page = await browser.newPage();
  /** @type {string[]} */
  const errors = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  if (log) await page.exposeFunction('log', log);
  await page.goto(`http://127.0.0.1:${port}/`);
  return {
    /** What went wrong in the page, by its own account. */
    errors,
    /** Calls a function of the worker. @param {string} name @param {unknown[]} args */
    call: (name, ...args) =>
      page.evaluate(([name, args]) => globalThis.call(name, args), [name, args]),
    async close() {
      await browser.close();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
