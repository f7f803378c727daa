import { join } from 'node:path';
import { buildServer, startServer } from './demo.mjs';
import { handleSignals, releaseSignals, root, run } from './run.mjs';
import { buildInstaller, buildPackages, installPackages, provisionNative } from './setup.mjs';

const app = join(root, 'apps/demo');

/** Vite's server, which shows each change of the page at once, with the API behind it. */
export async function develop() {
  handleSignals();
  await installPackages();
  await buildInstaller();
  await Promise.all([provisionNative(), buildPackages()]);
  await buildServer();
  releaseSignals();
  const api = await startServer({ port: 0 });
  process.env.CHAINRULE_API = api.url;
  // Installed by now.
  const { createServer } = await import('vite');
  const vite = await createServer({ configFile: join(app, 'vite.config.ts') });
  await vite.listen();
  vite.printUrls();
  const close = async () => {
    await Promise.all([vite.close(), api.close()]);
    process.exit();
  };
  process.once('SIGINT', close).once('SIGTERM', close);
}

/** The app as files for any host: page, data and, where there is one, the trained model. */
export async function buildStatic(args) {
  handleSignals();
  await installPackages();
  await buildPackages();
  await run(process.execPath, [join(app, 'scripts/static.mjs'), ...args], { show: true });
}
