// From a fresh clone to something that runs: packages, build, native library. Each part looks first
// whether there is anything to do.
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { interrupted, root, run, step } from './run.mjs';

const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
/** `pnpm@VERSION`; fetched through npx, so nothing needs to be installed first. */
export const pnpmSpec = manifest.packageManager;

export function pnpm(args, options) {
  return run('npx', ['--yes', pnpmSpec, ...args], options);
}

/** Installs the workspace's packages when the lockfile is not the one last installed. */
export async function installPackages() {
  const lockfile = readFileSync(join(root, 'pnpm-lock.yaml'));
  const wanted = createHash('sha256')
    .update(`${process.platform}-${process.arch}`)
    .update(lockfile)
    .digest('hex');
  const stamp = join(root, 'node_modules', '.chainrule-installed');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return;
  await step(`Installing packages (${pnpmSpec})`, () =>
    pnpm(['install', '--frozen-lockfile', '--reporter=append-only']),
  );
  writeFileSync(stamp, wanted);
}

/** Compiles projects, all packages without any, and what they refer to. */
export const compile = (...projects) =>
  run(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '--build', ...projects]);

/**
 * One compiler process for all packages: the quickest build, and it looks for itself what is out of
 * date. `pnpm build` does the same through turbo and its cache.
 */
export function buildPackages() {
  const built = existsSync(join(root, 'packages/cli/dist/index.js'));
  return built ? compile() : step('Building packages', () => compile());
}

const installer = join(root, 'packages/backend-node/dist/install.js');

/**
 * Builds what provides the native library, so that this can start before all else is built. Also where it
 * is there: that of an earlier version would find its own operations, and not miss those of this one.
 */
export async function buildInstaller() {
  const build = () => compile('packages/backend-node');
  await (existsSync(installer)
    ? build()
    : step('Building the installer of native TensorFlow', build));
}

/**
 * Fetches libtensorflow and builds its binding, once for all projects of this user. Without Python,
 * a compiler or a network the programs still run, slower: that is said, and is no error.
 */
export async function provisionNative() {
  const cache = await import(pathToFileURL(join(dirname(installer), 'cache.js')).href);
  if (cache.isInstalled(cache.nativePaths())) return;
  const { installNative } = await import(pathToFileURL(installer).href);
  try {
    await step('Providing native TensorFlow', () =>
      installNative({ signal: interrupted, onProgress: progressLines() }),
    );
  } catch (error) {
    if (interrupted.aborted) throw error;
    process.stderr.write(`${error.message}\n`);
  }
}

/** One line for each stage, and for each quarter of one that takes seconds. */
function progressLines() {
  let last = { message: '', quarter: 0, at: 0 };
  return ({ message, fraction = 0, secondsLeft = 0 }) => {
    const next = { message, quarter: Math.floor(fraction * 4), at: performance.now() };
    const newStage = next.message !== last.message;
    if (!newStage && (next.quarter === last.quarter || next.at - last.at < 2000)) return;
    last = next;
    const share = newStage ? '' : ` ${next.quarter * 25} %`;
    const left = secondsLeft >= 1 ? `, ${Math.ceil(secondsLeft)} s left` : '';
    process.stderr.write(`    ${message}${share}${left}\n`);
  };
}
