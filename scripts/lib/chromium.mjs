// Finds a Chromium for the browser tests, or gets one.
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium } from 'playwright-core';
import { root, run, step } from './run.mjs';

const names = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable', 'chrome'];
const places = [
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
  '/Applications/Chromium.app/Contents/MacOS/Chromium',
];

/** Path of an installed browser, or undefined. `CHROME_PATH` comes first. */
function findChromium() {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return [
    process.env.CHROME_PATH,
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
    ...places,
    chromium.executablePath(),
  ].find((path) => path && existsSync(path));
}

/** As `findChromium`, and installs one where there is none. */
export async function provideChromium() {
  const found = findChromium();
  if (found) return found;
  const canInstall = process.getuid?.() === 0 && existsSync('/usr/bin/apt-get');
  await step('Installing Chromium for the browser tests', async () => {
    if (canInstall) {
      await run('apt-get', ['update']);
      await run('apt-get', ['install', '-y', '--no-install-recommends', 'chromium'], {
        env: { DEBIAN_FRONTEND: 'noninteractive' },
      });
    } else {
      await run(process.execPath, [
        join(root, 'node_modules/playwright-core/cli.js'),
        'install',
        'chromium',
      ]);
    }
  });
  const installed = findChromium();
  if (!installed) {
    throw new Error(
      'no Chromium found; install one (`apt-get install chromium`) or set CHROME_PATH',
    );
  }
  return installed;
}

/** Starts a headless browser that talks to nothing but the page it is given. */
export async function launchChromium() {
  const executablePath = findChromium();
  if (!executablePath) {
    throw new Error('no Chromium found; run `npm test`, which gets one, or set CHROME_PATH');
  }
  return chromium.launch({
    executablePath,
    args: [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
}
