import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { build, launch, openPage, type Site, screenshots, serve, violations } from './site.js';

let site: Site;
let server: Awaited<ReturnType<typeof serve>>;
let browser: Browser;

beforeAll(async () => {
  site = await build({ images: 48 });
  server = await serve(site.folder, { isolated: false });
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  await site?.close();
});

test('says what is missing where there is no retrieval model', async () => {
  const { page, close } = await openPage(browser, `${server.address}?backend=wasm#/search`);
  await page.getByText('There is no retrieval model yet').waitFor({ timeout: 60_000 });
  expect(await page.getByRole('main').textContent()).toContain('pnpm retrieval');
  expect(await violations(page)).toEqual([]);
  await screenshots(page, 'search-missing');
  await close();
});

/** A server with a retrieval model, as far as the room can tell. */
async function answerAsServer(page: Page): Promise<string[]> {
  const asked: string[] = [];
  const hits = Array.from({ length: 12 }, (_, i) => ({
    image: `data/samples/${i}.png`,
    name: `shape number ${i}`,
    similarity: 0.91 - 0.05 * i,
  }));
  await page.route(server.address, async (route) => {
    const response = await route.fetch();
    const mark = '<head><meta name="chainrule-lab" content="server" />';
    await route.fulfill({ response, body: (await response.text()).replace('<head>', mark) });
  });
  await page.route('**/api/**', (route) => {
    const { pathname } = new URL(route.request().url());
    if (pathname.endsWith('/catalog')) {
      return route.fulfill({
        json: {
          where: 'server',
          backend: 'tensorflow',
          fusions: [],
          samples: [],
          search: { ready: true },
        },
      });
    }
    const { text } = pathname.endsWith('/picture')
      ? { text: 'a picture' }
      : (route.request().postDataJSON() as { text: string });
    asked.push(text);
    if (text === 'trouble')
      return route.fulfill({ status: 503, json: { detail: 'come back later' } });
    return route.fulfill({ json: { pictures: hits, names: hits.slice(0, 6) } });
  });
  return asked;
}

test('searches by words and by pictures, and shows what goes wrong', async () => {
  let asked: string[] = [];
  const { page, close } = await openPage(browser, `${server.address}#/search`, async (page) => {
    asked = await answerAsServer(page);
  });
  const words = page.getByRole('searchbox', { name: 'Words' });
  await words.waitFor({ timeout: 30_000 });
  expect(await violations(page)).toEqual([]);

  await page.getByRole('button', { name: 'Search', exact: true }).click();
  await page.getByText('Type at least one word.').waitFor();
  await words.fill('a small square');
  await page.keyboard.press('Enter');
  const pictures = page.getByRole('region', { name: 'Nearest pictures' });
  await pictures.getByRole('button').nth(11).waitFor();
  expect(await pictures.textContent()).toContain('cosine 0.91');
  expect(await violations(page)).toEqual([]);

  await pictures.getByRole('button', { name: 'shape number 2' }).click();
  await page.getByRole('img', { name: 'The picture that is searched by' }).waitFor();
  await screenshots(page, 'search');
  await page
    .getByLabel('Or search by a picture')
    .setInputFiles({ name: 'x.gif', mimeType: 'image/gif', buffer: Buffer.from('GIF89a') });
  await page.getByText('That file is not a PNG, JPEG or WebP picture.').waitFor();

  await words.fill('trouble');
  await page.keyboard.press('Enter');
  await page.getByText('come back later').waitFor();
  expect(asked).toEqual(['a small square', 'a picture', 'trouble']);
  await close();
});
