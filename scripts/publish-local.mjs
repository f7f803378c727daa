// `pnpm publish:local`: publishes all packages to a registry on this machine, and keeps it running
// until Ctrl-C, to try an install as a user would: `npm install @chainrule/fusion --registry URL`.
import { join } from 'node:path';
import { packAll, publishAll, startRegistry } from './lib/local-registry.mjs';
import { step } from './lib/run.mjs';
import { pnpm } from './lib/setup.mjs';

await step('Building packages', () => pnpm(['build']));
const registry = await startRegistry();
const tarballs = await step('Packing', () => packAll(join(registry.folder, 'tarballs')));
await step('Publishing', () => publishAll(tarballs, registry));
console.log(`${Object.keys(tarballs).join('\n')}\nare at ${registry.url} until Ctrl-C.`);

for (const signal of ['SIGINT', 'SIGTERM']) {
  process.once(signal, async () => {
    await registry.close();
    process.exit(0);
  });
}
