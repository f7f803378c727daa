import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo } from 'node:net';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AxeBuilder } from '@axe-core/playwright';
import type { Browser, Page } from 'playwright-core';
import { preview } from 'vite';
import { launchChromium } from '../../../../scripts/lib/chromium.mjs';

const demo = fileURLToPath(new URL('../..', import.meta.url));
const packages = fileURLToPath(new URL('../../../../packages', import.meta.url));
/** Screenshots and built pages; git ignores it. */
const results = join(demo, 'test-results');

export interface Site {
  readonly url: string;
  close(): Promise<void>;
}

/** The page as it is built for a plain host of files, on a port of its own. */
export async function servePage(): Promise<Site> {
  const server = await preview({
    configFile: join(demo, 'vite.config.ts'),
    logLevel: 'error',
    build: { outDir: await builtPage() },
    preview: { host: '127.0.0.1', port: 0 },
  });
  const { port } = server.httpServer.address() as AddressInfo;
  return { url: `http://127.0.0.1:${port}/`, close: () => server.close() };
}

/** Builds the page once for each state of the sources, however many tests ask for it. */
export async function builtPage(): Promise<string> {
  const folder = join(results, `page-${stateOfSources()}`);
  if (existsSync(folder)) return folder;
  mkdirSync(results, { recursive: true });
  for (const name of readdirSync(results)) {
    const path = join(results, name);
    const hour = 3_600_000;
    if (name.startsWith('page-') && Date.now() - statSync(path).mtimeMs > hour) {
      rmSync(path, { recursive: true, force: true });
    }
  }
  const own = `${folder}.${process.pid}`;
  const vite = join(dirname(createRequire(import.meta.url).resolve('vite/package.json')), 'bin');
  // A process of its own: a test's environment would make it a build for development.
  await promisify(execFile)(
    process.execPath,
    [join(vite, 'vite.js'), 'build', '--outDir', own, '--logLevel', 'error'],
    { cwd: demo, env: { ...process.env, NODE_ENV: 'production' } },
  );
  try {
    renameSync(own, folder);
  } catch (error) {
    // Another test was quicker.
    if (!existsSync(folder)) throw error;
    rmSync(own, { recursive: true, force: true });
  }
  return folder;
}

function stateOfSources(): string {
  const hash = createHash('sha256');
  const add = (path: string) => {
    const { mtimeMs, size } = statSync(path);
    hash.update(`${path} ${mtimeMs} ${size}\n`);
  };
  const walk = (folder: string) => {
    if (!existsSync(folder)) return;
    for (const entry of readdirSync(folder, { withFileTypes: true })) {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile()) add(path);
    }
  };
  walk(join(demo, 'src'));
  walk(join(demo, 'public'));
  for (const name of ['index.html', 'vite.config.ts', 'package.json']) add(join(demo, name));
  for (const name of readdirSync(packages)) walk(join(packages, name, 'src'));
  return hash.digest('hex').slice(0, 16);
}

export const openBrowser = (): Promise<Browser> => launchChromium();

const sizes = {
  desktop: { width: 1280, height: 800 },
  phone: { width: 390, height: 844 },
} as const;

export interface Visit {
  /** What stands behind `#/`. */
  readonly room: string;
  readonly language?: 'en' | 'zh';
  readonly theme?: 'light' | 'dark';
  readonly size?: keyof typeof sizes;
  readonly reducedMotion?: boolean;
}

/** Opens a room as a new visitor; whatever goes wrong on the page is in `errors`. */
export async function visit(
  browser: Browser,
  site: Site,
  { room, language = 'en', theme = 'light', size = 'desktop', reducedMotion = false }: Visit,
): Promise<{ readonly page: Page; readonly errors: string[] }> {
  const context = await browser.newContext({
    viewport: sizes[size],
    colorScheme: theme,
    locale: language === 'zh' ? 'zh-CN' : 'en-GB',
    reducedMotion: reducedMotion ? 'reduce' : 'no-preference',
    hasTouch: size === 'phone',
  });
  const page = await context.newPage();
  const errors: string[] = [];
  page.on('pageerror', (error) => errors.push(String(error)));
  page.on('console', (message) => {
    if (message.type() === 'error') errors.push(message.text());
  });
  await page.addInitScript(() => {
    const shifts = { total: 0 };
    Object.assign(globalThis, { shifts });
    new PerformanceObserver((list) => {
      for (const entry of list.getEntries() as unknown as {
        value: number;
        hadRecentInput: boolean;
      }[]) {
        if (!entry.hadRecentInput) shifts.total += entry.value;
      }
    }).observe({ type: 'layout-shift', buffered: true });
  });
  await page.goto(`${site.url}#/${room}`);
  await page.locator('main h1').waitFor();
  return { page, errors };
}

/** Cumulative layout shift since the page was opened. */
export const layoutShift = (page: Page): Promise<number> =>
  page.evaluate(() => (globalThis as unknown as { shifts: { total: number } }).shifts.total);

/** What axe finds, one line a violation with the elements. */
export async function violations(page: Page): Promise<string[]> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  return violations.map(
    ({ id, help, nodes }) =>
      `${id}: ${help}\n  ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)}\n  ${failureSummary}`).join('\n  ')}`,
  );
}

/** Whether the page is wider than the screen. */
export const overflows = (page: Page): Promise<boolean> =>
  page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);

/** Keeps pictures: of the screen as `test-results/NAME.png`, of the whole page as `NAME-full.png`. */
export async function screenshot(page: Page, name: string): Promise<void> {
  await page.screenshot({ path: join(results, `${name}.png`) });
  // What is fixed to the screen would lie somewhere in the middle.
  const style = 'nav { visibility: hidden }';
  await page.screenshot({ path: join(results, `${name}-full.png`), fullPage: true, style });
}
