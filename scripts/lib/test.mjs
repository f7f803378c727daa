import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { handleSignals, root, run, step } from './run.mjs';
import { buildInstaller, installPackages, pnpm, provisionNative } from './setup.mjs';

// Arguments go to vitest: `npm test -- packages/fusion` runs those tests alone, without the checks.
const args = process.argv.slice(2);
const everything = args.length === 0;
let failedSteps = 0;

/** A step whose failure is counted, and does not keep the tests from running. */
async function check(label, work) {
  try {
    return await step(label, work);
  } catch (error) {
    failedSteps += 1;
    process.stderr.write(`${error.message}\n`);
    return undefined;
  }
}

const bin = (path, ...options) =>
  run(process.execPath, [join(root, 'node_modules', path), ...options]);

handleSignals();
await installPackages();
await buildInstaller();
const building = check('Building packages', () => pnpm(['build']));
await Promise.all([building, provisionNative()]);
const { provideChromium } = await import('./chromium.mjs');
process.env.CHROME_PATH = await provideChromium();

if (everything) {
  await check('Format and lint', () => bin('@biomejs/biome/bin/biome', 'ci', '.', '--colors=off'));
  await check('Types of tests and examples', () =>
    bin('typescript/bin/tsc', '-p', 'tsconfig.tests.json'),
  );
  await check('Types and accessibility of the demo page', () =>
    pnpm(['--filter', '@chainrule/demo', 'check']),
  );
  await check('Unused files, exports and dependencies', () => bin('knip/bin/knip.js'));
}

const folder = mkdtempSync(join(tmpdir(), 'chainrule-test-'));
const report = join(folder, 'report.json');
const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`];
const vitest = join(root, 'node_modules/vitest/vitest.mjs');
const { code } = await run(process.execPath, [vitest, 'run', ...reporters, ...args], {
  show: true,
  check: false,
});
const [passed, failedTests] = countTests(report);
rmSync(folder, { recursive: true, force: true });

// vitest also fails where no test did: an error outside the tests, or no test at all.
const failed = failedSteps + (code === 0 ? failedTests : Math.max(failedTests, 1));
console.log(`\n${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

function countTests(path) {
  if (!existsSync(path)) return [0, 1];
  const { numPassedTests, numFailedTests, testResults } = JSON.parse(readFileSync(path, 'utf8'));
  const broken = testResults.filter(
    ({ status, assertionResults }) => status === 'failed' && assertionResults.length === 0,
  );
  return [numPassedTests, numFailedTests + broken.length];
}
