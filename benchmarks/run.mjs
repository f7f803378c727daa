// `pnpm bench NAME`: builds what is out of date, then runs the TypeScript beside this file.
import { register } from 'tsx/esm/api';
import { handleSignals, releaseSignals } from '../scripts/lib/run.mjs';
import { buildPackages } from '../scripts/lib/setup.mjs';

// pnpm passes the `--` of `pnpm bench NAME -- --json` on.
const args = process.argv.slice(2).filter((arg) => arg !== '--');

register();
try {
  if (args.length > 0 && !process.env.CHAINRULE_BENCH_NO_BUILD) {
    handleSignals();
    await buildPackages();
    releaseSignals();
  }
  const { main } = await import('./src/main.ts');
  process.exitCode = await main(args);
} catch (error) {
  console.error(error instanceof Error && error.name === 'ChainruleError' ? error.message : error);
  process.exitCode = 1;
}
