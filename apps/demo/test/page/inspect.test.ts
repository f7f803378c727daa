import '@tensorflow/tfjs';
import { fusion as strategies } from '@chainrule/fusion/registry';
import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inspectHere } from '../../src/rooms/inspect/inspect.js';
import { configToTypeScript } from '../../src/rooms/inspect/source.js';
import {
  layoutShift,
  openBrowser,
  overflows,
  type Site,
  screenshot,
  servePage,
  violations,
  visit,
} from './support.js';

let site: Site;
let browser: Browser;
beforeAll(async () => {
  [site, browser] = await Promise.all([servePage(), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

const composed = (page: Page) => page.locator('svg .node').first().waitFor();

it('offers every strategy, and shows the one that the address names', async () => {
  const { page } = await visit(browser, site, { room: 'inspect?fusion=mutan' });
  await composed(page);
  const select = page.getByLabel('Fusion strategy');
  expect(await select.inputValue()).toBe('mutan');
  expect(await select.locator('option').count()).toBe(strategies.names.length);
  await select.selectOption('crossAttention');
  await page.getByRole('button', { name: /^Fusion\s*crossAttention/ }).waitFor();
  expect(page.url()).toContain('fusion=crossAttention');
  await page.context().close();
});

it('says so where a link names a strategy that there is not, and follows the next link', async () => {
  const { page } = await visit(browser, site, { room: 'inspect?fusion=nonsense' });
  await composed(page);
  expect(await page.getByRole('alert').textContent()).toContain('no strategy named “nonsense”');
  expect(await page.getByLabel('Fusion strategy').inputValue()).toBe('gated');
  await page.evaluate(() => {
    location.hash = '#/inspect?fusion=film';
  });
  await page.getByRole('button', { name: /^Fusion\s*film/ }).waitFor();
  expect(await page.getByRole('alert').count()).toBe(0);
  await page.context().close();
});

it('counts the parameters and gives the shapes of the very model', async () => {
  const expected = await inspectHere('gated');
  const { page, errors } = await visit(browser, site, { room: 'inspect?fusion=gated' });
  await composed(page);
  const format = (count: number) => count.toLocaleString('en');
  for (const { type, parameters } of expected.parts) {
    const part = page.getByRole('button', {
      name: new RegExp(`${type}\\s*${format(parameters)} parameters$`),
    });
    expect(await part.count(), type).toBe(1);
  }
  expect(await page.getByText(`${format(expected.parameters)} Parameters`).count()).toBe(1);

  const details = page.getByRole('region', { name: /^Details/ });
  await page.getByRole('button', { name: /^Head/ }).focus();
  expect(await details.textContent()).toContain('[batch, 13]');
  await page.getByRole('button', { name: /^Image encoder/ }).hover();
  expect(await details.textContent()).toContain('[batch, 64, 64, 3]');
  // What a host without the server answers with is no error of the page.
  expect(errors.filter((error) => !/Failed to load resource/.test(error))).toEqual([]);
  await page.context().close();
});

it('copies the code that builds the model', async () => {
  const { page } = await visit(browser, site, { room: 'inspect?fusion=sum' });
  await page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await composed(page);
  await page.getByRole('button', { name: 'Copy' }).click();
  await page.getByText('Copied').waitFor();
  const copied = await page.evaluate(() => navigator.clipboard.readText());
  expect(copied).toBe(configToTypeScript((await inspectHere('sum')).config));
  await page.context().close();
});

describe('for everyone', () => {
  const looks = (['en', 'zh'] as const).flatMap((language) =>
    (['light', 'dark'] as const).flatMap((theme) =>
      (['desktop', 'phone'] as const).map((size) => ({ language, theme, size })),
    ),
  );

  it.each(looks)('axe finds nothing: $language, $theme, $size', async (look) => {
    const { page } = await visit(browser, site, { room: 'inspect', ...look });
    await composed(page);
    await page.waitForTimeout(300);
    expect(await layoutShift(page)).toBeLessThan(0.005);
    expect(await overflows(page)).toBe(false);
    await screenshot(page, `inspect-${look.language}-${look.theme}-${look.size}`);
    expect(await violations(page)).toEqual([]);
    await page.context().close();
  });
});
