import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { defaults, parseSetup, setupQuery } from '../../src/rooms/compare/setup.js';
import { build, launch, openPage, type Site, screenshots, serve, violations } from './site.js';

describe('a set-up as a link', () => {
  const known = ['sum', 'product', 'concat', 'gated', 'film'];

  test('comes back as it was', () => {
    const setup = { ...defaults, fusions: ['gated', 'sum'], learningRate: 0.025, seed: 7 };
    const query = new URLSearchParams(setupQuery(setup).toString());
    expect(parseSetup(query, known)).toEqual({ setup });
  });

  test('no query is no set-up', () => {
    expect(parseSetup(new URLSearchParams(), known)).toBeUndefined();
  });

  test.each([
    ['fusions=sum', /fusions/],
    ['fusions=sum,sum', /twice/],
    ['fusions=sum,product,concat,gated,film', /fusions/],
    ['fusions=sum,nonsense', /nonsense/],
    ['fusions=sum,product&rate=-1', /learningRate/],
    ['fusions=sum,product&rate=quick', /rate/],
    ['fusions=sum,product&epochs=1e9', /epochs/],
    ['fusions=sum,product&loss=made-up', /loss/],
    ['fusions=sum,product&other=1', /other/],
    ['loss=crossEntropy', /fusions/],
  ])('"%s" is refused with a reason', (query, reason) => {
    const parsed = parseSetup(new URLSearchParams(query), known);
    expect(parsed && 'problem' in parsed ? parsed.problem : '').toMatch(reason);
  });
});

describe('the room', () => {
  let site: Site;
  let server: Awaited<ReturnType<typeof serve>>;
  let browser: Browser;
  const at = (hash: string) => `${server.address}?backend=wasm${hash}`;

  beforeAll(async () => {
    site = await build({ images: 64 });
    server = await serve(site.folder, { isolated: true });
    browser = await launch();
  });
  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await site?.close();
  });

  test('trains a shared set-up side by side, to be paused, resumed, stopped and reset', async () => {
    const link = '#/compare?fusions=gated,sum&epochs=30&seed=3';
    const { page, errors, close } = await openPage(browser, at(link));
    const start = page.getByRole('button', { name: 'Train 2 side by side' });
    await start.waitFor({ timeout: 60_000 });
    expect(await page.getByRole('checkbox', { name: /^gated / }).isChecked()).toBe(true);
    expect(await page.getByRole('checkbox', { name: /^product / }).isChecked()).toBe(false);
    expect(await violations(page)).toEqual([]);

    await start.click();
    const gated = page.getByRole('article', { name: 'gated' });
    const sum = page.getByRole('article', { name: 'sum' });
    const step = async (card: typeof gated) =>
      Number(/(\d+) of 30/.exec((await card.textContent()) ?? '')?.[1] ?? 0);
    // One step an epoch, and both runs go on by turns.
    await expect.poll(() => step(sum), { timeout: 60_000 }).toBeGreaterThan(3);
    expect(Math.abs((await step(gated)) - (await step(sum)))).toBeLessThanOrEqual(2);
    expect(await gated.textContent()).toMatch(/\d ms/);
    expect(await gated.getByRole('img').getAttribute('aria-label')).toMatch(
      /picture \d+ %, question \d+ %/,
    );

    const all = page.getByRole('region', { name: 'Runs' });
    await all.getByRole('button', { name: 'Pause', exact: true }).click();
    await gated.getByText('Paused').waitFor({ timeout: 30_000 });
    await sum.getByText('Paused').waitFor({ timeout: 30_000 });
    const before = [await step(gated), await step(sum)];
    await page.waitForTimeout(800);
    expect([await step(gated), await step(sum)]).toEqual(before);
    expect(await violations(page)).toEqual([]);
    await screenshots(page, 'compare');

    await page.getByRole('button', { name: 'Resume: gated' }).click();
    await expect.poll(() => step(gated), { timeout: 30_000 }).toBeGreaterThan(before[0]!);
    await all.getByRole('button', { name: 'Stop', exact: true }).click();
    await gated.getByText('Stopped').waitFor({ timeout: 20_000 });
    await sum.getByText('Stopped').waitFor({ timeout: 20_000 });
    await all.getByRole('button', { name: 'Reset' }).click();
    await page.getByText('No run yet').waitFor();
    expect(errors).toEqual([]);
    await close();
  });

  test('a run that completes answers in Ask, where there was no model', async () => {
    const { page, close } = await openPage(browser, at('#/ask'));
    await page.getByText('No trained model yet').waitFor({ timeout: 60_000 });
    expect(await violations(page)).toEqual([]);
    await screenshots(page, 'ask-empty');
    await page.goto(at('#/compare?fusions=sum,product&epochs=1'));
    await page.getByRole('button', { name: 'Train 2 side by side' }).click();
    await page.getByRole('article', { name: 'product' }).getByText('Completed').waitFor({
      timeout: 60_000,
    });
    await page.getByRole('link', { name: 'Ask' }).click();
    await page.getByRole('button', { name: 'is there' }).first().click();
    await page.getByText(/by the strategy “(sum|product)”/).waitFor();
    await close();
  });

  test('says what is wrong with a bad link and starts from the usual set-up', async () => {
    const { page, close } = await openPage(browser, at('#/compare?fusions=sum,magic'));
    await page.getByText('not a valid set-up (fusions: "magic")').waitFor({ timeout: 60_000 });
    expect(await page.getByRole('checkbox', { name: /^product / }).isChecked()).toBe(true);
    await page.goto(at('#/compare?fusions=film,gated'));
    await expect.poll(() => page.getByRole('checkbox', { name: /^film / }).isChecked()).toBe(true);
    expect(await page.getByRole('alert').count()).toBe(0);
    await page.goto(at('#/compare?fusions=film'));
    await page.getByRole('alert').waitFor();
    expect(await page.getByRole('checkbox', { name: /^film / }).isChecked()).toBe(false);
    await close();
  });

  test('is there in Chinese, too', async () => {
    const { page, close } = await openPage(browser, at('#/compare'));
    await page.getByRole('button', { name: '切换到中文' }).click();
    await page.getByRole('heading', { name: '比较融合策略' }).waitFor();
    await page.getByText('逐元素相加').waitFor({ timeout: 60_000 });
    await page.getByRole('button', { name: '同时训练 3 种' }).click();
    await page.getByRole('article', { name: 'sum' }).getByText('训练中').waitFor();
    expect(await violations(page)).toEqual([]);
    await screenshots(page, 'compare-zh');
    await close();
  });
});
