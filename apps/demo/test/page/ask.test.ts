import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { dragged, strokeTo, undone } from '../../src/rooms/ask/drawing.js';
import { nativeModel } from './native-model.js';
import { build, launch, openPage, type Site, screenshots, serve, violations } from './site.js';

let site: Site;
let server: Awaited<ReturnType<typeof serve>>;
let browser: Browser;
let models: string;

beforeAll(async () => {
  models = await mkdtemp(join(tmpdir(), 'chainrule-model-'));
  await nativeModel(join(models, 'tiny'), 12);
  site = await build({ images: 64, model: join(models, 'tiny') });
  server = await serve(site.folder, { isolated: true });
  browser = await launch();
});
afterAll(async () => {
  await browser?.close();
  await server?.close();
  await site?.close();
  await rm(models, { recursive: true, force: true });
});

test('answers about a sample, with probabilities and contributions', async () => {
  const { page, errors, close } = await openPage(browser, `${server.address}?backend=wasm#/ask`);
  const ask = page.getByRole('button', { name: 'Ask', exact: true });
  await ask.click({ timeout: 60_000 });
  await page.getByText('Type a question, or choose').waitFor();
  expect(await violations(page)).toEqual([]);

  await page.getByRole('radio', { name: 'Sample 3' }).check();
  await page.getByRole('textbox', { name: 'Your question' }).fill('is there a circle?');
  await page.keyboard.press('Enter');
  await page.getByRole('heading', { name: 'Probabilities' }).waitFor({ timeout: 60_000 });
  const reply = (await page.getByRole('region', { name: 'Question' }).textContent()) ?? '';
  expect(reply).toMatch(/Picture\s*[+−]?\d+\.\d\d nats/);
  expect(reply).toMatch(/by the strategy “product” on wasm/);
  expect(reply).toContain('It answers 50.0 % of the test questions right.');
  expect(await violations(page)).toEqual([]);
  await screenshots(page, 'ask');

  await page.getByRole('radio', { name: 'Sample 4' }).check();
  await page.getByText('The answer appears here.').waitFor();
  expect(errors).toEqual([]);
  await close();
});

test('answers about a drawing, made by pointer or by keyboard', async () => {
  const { page, errors, close } = await openPage(browser, `${server.address}?backend=wasm#/ask`);
  await page.getByRole('button', { name: 'Draw' }).click({ timeout: 60_000 });
  const paper = page.getByRole('application');
  const colourAt = (x: number, y: number) =>
    page.evaluate(
      ([x, y]) => {
        const context = document.querySelector('canvas')!.getContext('2d')!;
        return [...context.getImageData(x, y, 1, 1).data.slice(0, 3)];
      },
      [x, y] as const,
    );
  await page.getByRole('button', { name: 'Clear' }).click();

  await page.getByRole('radio', { name: 'Rectangle' }).check();
  await page.getByRole('radio', { name: 'Teal' }).check();
  const { x, y, width } = (await paper.boundingBox())!;
  await page.mouse.move(x + 0.2 * width, y + 0.2 * width);
  await page.mouse.down();
  await page.mouse.move(x + 0.5 * width, y + 0.4 * width, { steps: 3 });
  await page.mouse.up();
  expect(await colourAt(20, 18)).toEqual([0, 128, 128]);

  await page.getByRole('radio', { name: 'Triangle' }).check();
  await page.getByRole('radio', { name: 'Red' }).check();
  await paper.focus();
  for (const key of ['ArrowDown', 'ArrowDown', 'ArrowRight', 'Enter']) {
    await page.keyboard.press(key);
  }
  expect(await colourAt(36, 44)).toEqual([255, 0, 0]);
  await page.keyboard.press('Backspace');
  expect(await colourAt(36, 44)).not.toEqual([255, 0, 0]);
  await page.keyboard.press('Enter');

  await page.getByRole('button', { name: 'what color is the shape?' }).click();
  await page.getByRole('heading', { name: 'Probabilities' }).waitFor({ timeout: 60_000 });
  expect(await violations(page)).toEqual([]);
  await screenshots(page, 'ask-draw');
  expect(errors).toEqual([]);
  await close();
});

test('a dragged circle stays round, whatever the direction', () => {
  const mark = dragged('circle', 'red', { x: 40, y: 40 }, { x: 20, y: 30 });
  expect(mark).toMatchObject({ x: 30, y: 30, width: 20, height: 20 });
  const box = dragged('rectangle', 'red', { x: 10, y: 10 }, { x: 30, y: 20 });
  expect(box).toMatchObject({ x: 20, y: 15, width: 20, height: 10 });
});

test('a stroke has no gaps, and is undone as a whole', () => {
  const circle = dragged('circle', 'red', { x: 10, y: 10 }, { x: 20, y: 20 });
  const dot = { ...circle, shape: 'brush', x: 0, y: 0, stroke: 2 } as const;
  const further = strokeTo(dot, { x: 3, y: 4 });
  expect(further).toHaveLength(5);
  expect(further.at(-1)).toEqual({ ...dot, x: 3, y: 4 });
  expect(strokeTo(dot, dot)).toEqual([]);
  expect(undone([circle, dot, ...further])).toEqual([circle]);
  expect(undone([circle])).toEqual([]);
});
