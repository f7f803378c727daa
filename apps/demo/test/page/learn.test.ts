import type { Browser, Page } from 'playwright-core';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  layoutShift,
  openBrowser,
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

/** The card of the descent on z, and what is in it. */
function descent(page: Page) {
  const card = page.getByRole('region', { name: 'The sum goes downhill' });
  const formula = (name: string) =>
    card.locator('dl > div', { has: page.getByText(name, { exact: true }) }).locator('math');
  return {
    card,
    rate: card.getByRole('slider', { name: 'Learning rate α' }),
    x: card.getByRole('slider', { name: /^Tip of x/ }),
    y: card.getByRole('slider', { name: /^Tip of y/ }),
    step: card.getByRole('button', { name: 'Step', exact: true }),
    play: card.getByRole('button', { name: 'Play' }),
    loss: async () => Number((await formula('Loss').textContent())?.split('=').at(-1)),
    verdict: () => card.locator('.verdict').textContent(),
  };
}

describe('the descent', () => {
  it.each([
    ['0', 'nothing moves', (before: number, after: number) => after === before],
    ['0.05', 'crawls', (before: number, after: number) => after < before && after > 0.8 * before],
    ['0.5', '50 %', (before: number, after: number) => Math.abs(after - before / 4) < 1e-3],
    ['1', 'exactly on y', (_: number, after: number) => after === 0],
    ['1.5', 'swings', (before: number, after: number) => Math.abs(after - before / 4) < 1e-3],
    ['2', 'for ever', (before: number, after: number) => Math.abs(after - before) < 1e-3],
    ['2.5', 'diverges', (before: number, after: number) => after > 2 * before],
  ])('with α = %s: %s', async (rate, words, holds) => {
    const { page, errors } = await visit(browser, site, { room: 'learn' });
    const at = descent(page);
    await at.rate.fill(rate);
    expect(await at.verdict()).toContain(words);
    const before = await at.loss();
    await at.step.click();
    expect(holds(before, await at.loss())).toBe(true);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it('plays to the end, and can be seen again', async () => {
    const { page } = await visit(browser, site, { room: 'learn' });
    const at = descent(page);
    await at.rate.fill('2.5');
    await at.play.click();
    await at.card.getByText('has left the picture').waitFor();
    await at.card.getByRole('button', { name: 'Reset' }).click();
    await at.card.getByText('Step 0', { exact: true }).waitFor();
    await page.context().close();
  });

  it('follows x and y, by mouse and by keyboard', async () => {
    const { page } = await visit(browser, site, { room: 'learn' });
    const at = descent(page);
    const read = async (of: 'x' | 'y') => (await at[of].getAttribute('aria-valuetext'))!;
    expect(await read('y')).toBe('(−0.60, 1.20)');
    await at.y.focus();
    await page.keyboard.press('ArrowRight');
    await page.keyboard.press('Shift+ArrowDown');
    expect(await read('y')).toBe('(−0.50, 0.70)');

    const box = (await at.x.boundingBox())!;
    const before = await read('x');
    await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width / 2 - 120, box.y + box.height / 2 + 60, { steps: 4 });
    await page.mouse.up();
    expect(await read('x')).not.toBe(before);
    expect(await at.card.locator('math').nth(1).textContent()).toContain('−0.50');

    await at.card.getByRole('button', { name: 'Take the encoder’s again' }).click();
    expect(await read('x')).toBe(before);
    await page.context().close();
  });

  it('starts anew with another picture and another sentence', async () => {
    const { page } = await visit(browser, site, { room: 'learn' });
    const at = descent(page);
    const before = await at.x.getAttribute('aria-valuetext');
    await page.getByRole('radio', { name: 'blue square' }).check({ force: true });
    expect(await at.x.getAttribute('aria-valuetext')).not.toBe(before);
    await page.getByRole('radio', { name: 'green', exact: true }).check({ force: true });
    expect(await at.y.getAttribute('aria-valuetext')).not.toBe('(−0.60, 1.20)');
    await page.context().close();
  });
});

describe('the chain rule', () => {
  it('brings the loss down by the parameters of both encoders', async () => {
    const { page } = await visit(browser, site, { room: 'learn' });
    const card = page.getByRole('region', { name: 'The arrow reaches the networks' });
    const first = card.locator('dd .numbers').first();
    const before = Number((await first.textContent())?.replace('−', '-'));
    for (let i = 0; i < 5; i += 1) {
      await card.getByRole('button', { name: 'Step', exact: true }).click();
    }
    const after = Number((await first.textContent())?.replace('−', '-'));
    expect(Math.abs(after)).toBeLessThan(0.5 * Math.abs(before));
    await card.getByText('Numbers as a table').click();
    expect(await card.locator('details').getByRole('row').count()).toBe(32);
    await page.context().close();
  });
});

describe('for everyone', () => {
  const looks = (['en', 'zh'] as const).flatMap((language) =>
    (['light', 'dark'] as const).flatMap((theme) =>
      (['desktop', 'phone'] as const).map((size) => ({ language, theme, size })),
    ),
  );

  it.each(looks)('axe finds nothing: $language, $theme, $size', async (look) => {
    const { page, errors } = await visit(browser, site, { room: 'learn', ...look });
    await page.locator('.u-wrap').nth(1).waitFor();
    await page.waitForTimeout(300);
    expect(await layoutShift(page)).toBeLessThan(0.005);
    await screenshot(page, `learn-${look.language}-${look.theme}-${look.size}`);
    expect(await violations(page)).toEqual([]);
    expect(errors).toEqual([]);
    await page.context().close();
  });

  it('nothing glides where the reader wants less motion', async () => {
    const still = await visit(browser, site, { room: 'learn', reducedMotion: true });
    const now = still.page.locator('svg .now').first();
    expect(await now.evaluate((dot) => getComputedStyle(dot).transitionDuration)).toBe('0s');
    await still.page.context().close();
  });
});
