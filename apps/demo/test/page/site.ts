import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));
const types: { readonly [extension: string]: string } = {
  '.html': 'text/html',
  '.js': 'text/javascript',
  '.css': 'text/css',
  '.json': 'application/json',
  '.png': 'image/png',
  '.svg': 'image/svg+xml',
  '.wasm': 'application/wasm',
};

export interface Site {
  readonly folder: string;
  close(): Promise<void>;
}

/** Builds the static app as `pnpm demo:static` does, with few pictures, into a folder of its own. */
export async function build({ images = 96, model = 'none' } = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'chainrule-demo-'));
  const script = here('../../scripts/static.mjs');
  const args = [script, '--out', folder, '--images', String(images), '--model', model];
  // Vitest's own mode would be taken over by Vite.
  const env = { ...process.env, NODE_ENV: 'production', VITEST: undefined };
  await promisify(execFile)(process.execPath, args, { env });
  return { folder, close: () => rm(folder, { recursive: true, force: true }) };
}

/** A plain server of files; isolated, it sends the headers that shared memory needs. */
export async function serve(folder: string, { isolated }: { readonly isolated: boolean }) {
  const headers = isolated && {
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-embedder-policy': 'require-corp',
  };
  const server = createServer(async (request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://localhost');
    const path = pathname.endsWith('/') ? `${pathname}index.html` : pathname;
    const bytes = await readFile(join(folder, path)).catch(() => undefined);
    const type = types[extname(path)] ?? 'application/octet-stream';
    response.writeHead(bytes ? 200 : 404, { 'content-type': type, ...headers });
    response.end(bytes);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `http://127.0.0.1:${port}/`,
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

export async function launch(): Promise<Browser> {
  const path = new URL('../../../../scripts/lib/chromium.mjs', import.meta.url).href;
  const { launchChromium } = (await import(path)) as { launchChromium(): Promise<Browser> };
  return launchChromium();
}

/** A page in a context of its own, and what went wrong in it. */
export async function openPage(
  browser: Browser,
  address: string,
  prepare?: (page: Page) => unknown,
) {
  const context = await browser.newContext();
  const page = await context.newPage();
  await prepare?.(page);
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.goto(address);
  return { page, errors, close: () => context.close() };
}

/** What axe finds wrong, in words. */
export async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(' ')}`);
}

/** Pictures of the room at both sizes, light and dark, kept for whoever looks. */
export async function screenshots(page: Page, name: string): Promise<void> {
  const folder = here('../../test-results/');
  await mkdir(folder, { recursive: true });
  const sizes = [
    { width: 1280, height: 800, colorScheme: 'light' },
    { width: 390, height: 844, colorScheme: 'dark' },
  ] as const;
  for (const { colorScheme, ...size } of sizes) {
    await page.setViewportSize(size);
    await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
    await page.evaluate(() => scrollTo(0, 0));
    await page.screenshot({ path: join(folder, `${name}-${size.width}x${size.height}.png`) });
    // What is fixed to the screen would lie somewhere in the middle.
    const style = 'nav { visibility: hidden } .start { position: static !important }';
    const path = join(folder, `${name}-${size.width}-full.png`);
    await page.screenshot({ path, fullPage: true, style });
  }
  await page.setViewportSize({ width: 1280, height: 800 });
  await page.emulateMedia({ colorScheme: 'light' });
}
