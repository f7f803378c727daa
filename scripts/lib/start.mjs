import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { handleSignals, releaseSignals, root } from './run.mjs';
import { buildInstaller, buildPackages, installPackages, provisionNative } from './setup.mjs';

const [command, ...given] = process.argv.slice(2);
// pnpm passes the `--` of `pnpm retrieval -- --json` on, npm does not.
const args = given[0] === '--' ? given.slice(1) : given;

handleSignals();
await installPackages();
// Nothing is computed to print help or the catalogue.
const computes = command !== 'catalog' && !args.includes('--help') && !args.includes('-h');
await buildInstaller();
await Promise.all([computes && provisionNative(), buildPackages()]);

// The command runs in this very process: it gets the terminal, the signals and the exit code as
// they are.
releaseSignals();
// `pnpm catalog | head` closes the pipe early, which is no failure.
process.stdout.on('error', (error) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});
const { main } = await import(pathToFileURL(join(root, 'packages/cli/dist/main.js')).href);
const serve = async (...given) => (await import('./demo.mjs')).serve(...given);
process.exitCode = await main([command, ...args], { serve });
