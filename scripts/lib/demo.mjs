// The demo app: its server and its page, built where they are out of date, and served.
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { root, run, step } from './run.mjs';
import { compile } from './setup.mjs';

const app = join(root, 'apps/demo');
// Not `dist`, which `pnpm demo:static` fills with data as well.
const page = join(app, 'server/dist/page');
const server = join(app, 'server/dist/server/server.js');

export function buildServer() {
  const compiled = () => compile('apps/demo/tsconfig.server.json');
  return existsSync(server) ? compiled() : step('Building the server', compiled);
}

/** Builds the page where one of its sources, or of the packages' that it bundles, is newer. */
async function buildPage() {
  const built = join(page, 'index.html');
  const sources = [
    ...['index.html', 'vite.config.ts', 'package.json'].map((name) => join(app, name)),
    ...[join(app, 'src'), join(app, 'public')].flatMap(filesOf),
    ...readdirSync(join(root, 'packages')).flatMap((name) =>
      filesOf(join(root, 'packages', name, 'src')),
    ),
  ];
  const changed = Math.max(...sources.map((path) => statSync(path).mtimeMs));
  if (existsSync(built) && statSync(built).mtimeMs > changed) return;
  const vite = join(root, 'node_modules/vite/bin/vite.js');
  await step('Building the page', () =>
    run(process.execPath, [vite, 'build', '--outDir', page], { cwd: app }),
  );
}

function filesOf(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name));
}

/** Starts the server in this process. */
export async function startServer(options = {}) {
  const { startServer } = await import(pathToFileURL(server).href);
  return startServer({ page, ...options });
}

/**
 * What `npm start` ends with: serves the app until the signal.
 *
 * @param {string} model the folder of the model that answers
 * @param {AbortSignal} signal
 */
export async function serve(model, signal) {
  await buildServer();
  await buildPage();
  if (signal.aborted) return;
  const demo = await startServer({ model });
  process.stdout.write(`\nSee it learn and ask it at ${demo.url} (Ctrl-C ends it)\n`);
  if (!signal.aborted) {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  }
  await demo.close();
}
