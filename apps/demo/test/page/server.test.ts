import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type Served, serve, temporaryFolder, untrained } from '../server/support.js';
import { builtPage, openBrowser, visit } from './support.js';

const model = join(temporaryFolder(), 'easy-vqa-product');
let server: Served;
let browser: Browser;

beforeAll(async () => {
  await tf.setBackend('cpu');
  const [page] = await Promise.all([builtPage(), untrained(model)]);
  [server, browser] = await Promise.all([
    serve('--model', model, '--page', page, '--retrieval', join(model, 'none')),
    openBrowser(),
  ]);
});
afterAll(() => browser?.close());

const site = () => ({ url: `${server.url}/`, close: async () => {} });

it('trains on the server, and a page that is loaded again finds its runs', async () => {
  const room = 'compare?fusions=sum,gated&epochs=30&seed=1';
  const { page, errors } = await visit(browser, site(), { room });
  await page.getByText('Trains on the server').waitFor({ timeout: 60_000 });
  await page.getByRole('button', { name: 'Train 2 side by side' }).click();
  const card = page.getByRole('article', { name: 'gated' });
  const step = async () =>
    Number(
      /([\d,]+) of 1,890/.exec((await card.textContent()) ?? '')?.[1]?.replace(/\D/g, '') ?? 0,
    );
  await expect.poll(step, { timeout: 60_000 }).toBeGreaterThan(2);
  const before = await step();

  await page.reload();
  await expect.poll(step, { timeout: 30_000 }).toBeGreaterThanOrEqual(before);
  expect(await page.getByRole('article').count()).toBe(2);
  const runs = page.getByRole('region', { name: 'Runs' });
  await runs.getByRole('button', { name: 'Stop', exact: true }).click();
  await card.getByText('Stopped').waitFor({ timeout: 30_000 });

  await runs.getByRole('button', { name: 'Reset' }).click();
  await page.reload();
  await page.getByText('No run yet').waitFor({ timeout: 30_000 });
  // The content security policy among them.
  expect(errors).toEqual([]);
  await page.context().close();
});

it('answers, composes, and says how to get a model to search with', async () => {
  const { page, errors } = await visit(browser, site(), { room: 'ask' });
  await page.getByRole('button', { name: 'is there' }).first().click({ timeout: 60_000 });
  await page.getByText(/by the strategy “product” on tensorflow/).waitFor({ timeout: 60_000 });
  await page.getByRole('link', { name: 'Inspect' }).click();
  await page.getByRole('button', { name: /^Fusion\s*gated/ }).waitFor({ timeout: 60_000 });
  await page.getByRole('link', { name: 'Search' }).click();
  await page.getByText('There is no retrieval model yet').waitFor();
  await page.getByRole('button', { name: 'Look again' }).click();
  expect(await page.getByRole('main').textContent()).toContain('pnpm retrieval');
  expect(errors).toEqual([]);
  await page.context().close();
});
