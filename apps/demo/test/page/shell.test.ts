import { gzipSync } from 'node:zlib';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openBrowser, overflows, type Site, servePage, visit } from './support.js';

const rooms = ['learn', 'compare', 'ask', 'search', 'inspect'];
let site: Site;
let browser: Browser;
beforeAll(async () => {
  [site, browser] = await Promise.all([servePage(), openBrowser()]);
});
afterAll(async () => {
  await browser?.close();
  await site?.close();
});

describe('the first load', () => {
  it('is at most 400 kB of JavaScript, gzipped, and brings no backend', async () => {
    const context = await browser.newContext();
    const page = await context.newPage();
    const scripts: Promise<number>[] = [];
    page.on('response', (response) => {
      if (/javascript/.test(response.headers()['content-type'] ?? '')) {
        scripts.push(response.body().then((body) => gzipSync(body).length));
      }
    });
    await page.goto(site.url, { waitUntil: 'networkidle' });
    const bytes = (await Promise.all(scripts)).reduce((sum, size) => sum + size, 0);
    console.log(`first load: ${scripts.length} scripts, ${(bytes / 1000).toFixed(1)} kB gzipped`);
    expect(bytes).toBeGreaterThan(10_000);
    expect(bytes).toBeLessThanOrEqual(400_000);
    await context.close();
  });

  it('can be used within two seconds', async () => {
    const times: number[] = [];
    for (let i = 0; i < 3; i += 1) {
      const context = await browser.newContext();
      const page = await context.newPage();
      const before = performance.now();
      await page.goto(site.url);
      await page.getByRole('button', { name: 'Step', exact: true }).first().click();
      await page.getByText('Step 1', { exact: true }).first().waitFor();
      times.push(performance.now() - before);
      await context.close();
    }
    console.log(`usable after ${times.map((ms) => `${Math.round(ms)} ms`).join(', ')}`);
    expect(Math.min(...times)).toBeLessThan(2000);
  });
});

describe('the rooms', () => {
  it('are reached by links, and say where one is', async () => {
    const { page, errors } = await visit(browser, site, { room: 'learn' });
    for (const name of ['Compare', 'Ask', 'Search', 'Inspect', 'Learn']) {
      await page.getByRole('link', { name, exact: true }).click();
      await page.locator('main h1').waitFor();
      expect(await page.title()).toBe(`${name} · Chainrule`);
      expect(await page.locator('nav [aria-current=page]').textContent()).toContain(name);
      expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    }
    // There are no data beside this page.
    expect(errors.filter((error) => !/Failed to load resource/.test(error))).toEqual([]);
    await page.context().close();
  });

  it.each(rooms)('%s fits screens of 1280, 390 and 320 pixels', async (room) => {
    const { page } = await visit(browser, site, { room, size: 'phone' });
    for (const width of [390, 320, 1280]) {
      await page.setViewportSize({ width, height: 800 });
      await page.waitForTimeout(100);
      expect(await overflows(page), `${room} at ${width}`).toBe(false);
    }
    await page.context().close();
  });

  it('are the first where the address is unknown', async () => {
    const { page } = await visit(browser, site, { room: 'nowhere?x=<script>' });
    expect(await page.title()).toBe('Learn · Chainrule');
    await page.context().close();
  });
});

describe('the reader’s choices', () => {
  it('keep the language from visit to visit', async () => {
    const { page } = await visit(browser, site, { room: 'learn' });
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('en');
    await page.getByRole('button', { name: '切换到中文' }).click();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh');
    expect(await page.locator('nav [aria-current=page]').textContent()).toContain('学习');
    expect(await page.title()).toBe('学习 · Chainrule');
    await page.reload();
    await page.getByRole('link', { name: '比较' }).waitFor();
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh');
    await page.context().close();
  });

  it('speak Chinese to a Chinese browser', async () => {
    const { page } = await visit(browser, site, { room: 'learn', language: 'zh' });
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('zh');
    await page.context().close();
  });

  it('keep the theme from visit to visit, and follow the system where none is chosen', async () => {
    const { page } = await visit(browser, site, { room: 'learn', theme: 'dark' });
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    const dark = await ground();
    await page.getByRole('button', { name: 'Theme: As the system' }).click();
    const light = await ground();
    expect(light).not.toBe(dark);
    await page.reload();
    await page.getByRole('button', { name: 'Theme: Light' }).waitFor();
    expect(await ground()).toBe(light);
    await page.context().close();
  });
});

describe('the keyboard', () => {
  it('skips to the content first', async () => {
    const { page } = await visit(browser, site, { room: 'learn' });
    await page.keyboard.press('Tab');
    expect(await page.evaluate(() => document.activeElement?.textContent)).toBe('Skip to content');
    await page.keyboard.press('Enter');
    expect(await page.evaluate(() => document.activeElement?.id)).toBe('main');
    expect(page.url()).toContain('#/learn');
    await page.context().close();
  });
});
