import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { nativeModel } from './native-model.js';
import { build, launch, openPage, type Site, serve } from './site.js';

let site: Site;
let browser: Browser;
let models: string;
let native: Awaited<ReturnType<typeof nativeModel>>;

beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'chainrule-model-'));
  native = await nativeModel(join(models, 'tiny'), 12);
  site = await build({ model: join(models, 'tiny') });
  browser = await launch();
});

afterAll(async () => {
  await browser?.close();
  await site?.close();
  await rm(models, { recursive: true, force: true });
});

describe.each([true, false])('from a server of files (isolated: %s)', (isolated) => {
  let server: Awaited<ReturnType<typeof serve>>;
  beforeAll(async () => {
    server = await serve(site.folder, { isolated });
  });
  afterAll(() => server.close());

  test('a model trained in Node answers in the browser as it does there', async () => {
    const { page, errors, close } = await openPage(browser, `${server.address}?backend=wasm#/ask`);
    await page.getByRole('textbox', { name: 'Your question' }).waitFor({ timeout: 60_000 });
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(isolated);
    const replies = await askWorker(page, native.questions);
    for (const [i, { answers }] of replies.entries()) {
      const { logits } = native.questions[i]!;
      const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
      for (const { label, probability } of answers) {
        const expected = logits[native.labels.indexOf(label)]! - total;
        expect(Math.abs(Math.log(probability) - expected)).toBeLessThan(1e-4);
      }
    }
    expect(errors).toEqual([]);
    await close();
  });

  test('Ask answers and Compare trains', async () => {
    const { page, errors, close } = await openPage(browser, `${server.address}?backend=wasm#/ask`);
    await page.getByRole('button', { name: 'is there' }).first().click({ timeout: 60_000 });
    await page.getByText('Probabilities').waitFor({ timeout: 60_000 });
    await page.getByRole('link', { name: 'Compare' }).click();
    await page.getByRole('button', { name: 'Train 3 side by side' }).click();
    const card = page.getByRole('article', { name: 'product' });
    await expect.poll(() => card.textContent(), { timeout: 60_000 }).toMatch(/[2-9] of 10/);
    await page.getByRole('button', { name: 'Reset' }).click();
    expect(await page.getByRole('article').count()).toBe(0);
    expect(errors).toEqual([]);
    await close();
  });
});

test('the first load is small: no model code before a room needs it', async () => {
  const server = await serve(site.folder, { isolated: true });
  const loaded: string[] = [];
  const { page, close } = await openPage(browser, server.address, (page) =>
    page.on('request', (request) => loaded.push(new URL(request.url()).pathname)),
  );
  await page.waitForLoadState('networkidle');
  const scripts = loaded.filter((path) => path.endsWith('.js'));
  const sizes = await Promise.all(
    scripts.map(async (path) => gzipSync(await readFile(join(site.folder, path))).length),
  );
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(400_000);
  expect(loaded.filter((path) => /worker|\.wasm$/.test(path))).toEqual([]);
  await close();
  await server.close();
});

test('the data stand in the build with their licence', async () => {
  const data = join(site.folder, 'data');
  expect(await readFile(join(data, 'LICENCE.txt'), 'utf8')).toContain('MIT');
  expect((await readdir(join(data, 'model'))).sort()).toEqual([
    'config.json',
    'model.safetensors',
    'vocabulary.json',
  ]);
  expect((await stat(join(data, 'train.pixels'))).size).toBeGreaterThan(1000);
});

/** Puts questions to a worker of the page's own, which shows more digits than the page does. */
function askWorker(page: Page, questions: readonly { pixels: number[]; text: string }[]) {
  const url = page
    .workers()
    .find((worker) => worker.url().includes('/worker'))!
    .url();
  return page.evaluate(
    async ({ url, questions }) => {
      const worker = new Worker(url, { type: 'module' });
      const ask = (id: number, message: object) =>
        new Promise<unknown>((resolve, reject) => {
          const listen = ({ data }: MessageEvent) => {
            if (data.id !== id) return;
            worker.removeEventListener('message', listen);
            if (data.type === 'result') resolve(data.value);
            else reject(new Error(data.message));
          };
          worker.addEventListener('message', listen);
          worker.postMessage({ ...message, id });
        });
      const base = new URL('data/', document.baseURI).href;
      await ask(0, { type: 'open', base, prefer: ['wasm'] });
      const replies = [];
      for (const [i, { pixels, text }] of questions.entries()) {
        const question = { pixels: new Uint8ClampedArray(pixels), text };
        replies.push(await ask(i + 1, { type: 'answer', question }));
      }
      worker.terminate();
      return replies as { answers: { label: string; probability: number }[] }[];
    },
    { url, questions },
  );
}
