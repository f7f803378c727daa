import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { handleSignals, releaseSignals, root } from './run.mjs';
import { buildInstaller, buildPackages, installPackages, provisionNative } from './setup.mjs';

const [command, ...args] = process.argv.slice(2);

handleSignals();
await installPackages();
// Nothing is computed to print help or the catalogue.
const computes = command !== 'catalog' && !args.includes('--help') && !args.includes('-h');
await buildInstaller();
await Promise.all([computes && provisionNative(), buildPackages()]);

// The command runs in this very process: it gets the terminal, the signals and the exit code as
// they are.
releaseSignals();
const program = join(root, 'packages/cli/bin/chainrule.mjs');
process.argv.splice(1, process.argv.length, program, command, ...args);
await import(pathToFileURL(program).href);
