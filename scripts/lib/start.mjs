import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { handleSignals, releaseSignals, root } from './run.mjs';
import { buildInstaller, buildPackages, installPackages, provisionNative } from './setup.mjs';

const args = process.argv.slice(2);

handleSignals();
await installPackages();
const asksForHelp = args.includes('--help') || args.includes('-h');
await buildInstaller();
await Promise.all([asksForHelp || provisionNative(), buildPackages()]);

// The command runs in this very process: it gets the terminal, the signals and the exit code as
// they are.
releaseSignals();
const command = join(root, 'packages/cli/bin/chainrule.mjs');
process.argv.splice(1, process.argv.length, command, 'start', ...args);
await import(pathToFileURL(command).href);
