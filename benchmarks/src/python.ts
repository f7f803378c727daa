import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { cacheFolder } from '@chainrule/data/node';
import { ChainruleError } from '@chainrule/tensor';
import { run } from '../../scripts/lib/run.mjs';
import { say } from './harness.js';

export const peersFolder = fileURLToPath(new URL('../peers', import.meta.url));
const requirements = join(peersFolder, 'requirements.txt');

/** One environment for each state of the requirements file. */
function environment(): string {
  const hash = createHash('sha256').update(readFileSync(requirements)).digest('hex').slice(0, 12);
  return join(cacheFolder(), 'bench', `python-${hash}`);
}

const pythonIn = (folder: string): string =>
  process.platform === 'win32' ? join(folder, 'Scripts', 'python.exe') : join(folder, 'bin/python');

export type Family = 'torch' | 'tensorflow';

/**
 * The interpreter that runs the peers of a family: `CHAINRULE_BENCH_TORCH` or
 * `CHAINRULE_BENCH_TENSORFLOW`, else the environment that `pnpm bench setup` makes; undefined where
 * there is none.
 */
export function interpreter(family: Family): string | undefined {
  const own = process.env[`CHAINRULE_BENCH_${family.toUpperCase()}`];
  const python = own || pythonIn(environment());
  if (existsSync(python)) return python;
  if (own) throw new ChainruleError('BENCH_PYTHON', `there is no ${python}`);
  return undefined;
}

/** Makes the environment, once. What is interrupted is made anew. */
export async function provide(): Promise<string> {
  const folder = environment();
  const done = join(folder, 'complete');
  if (existsSync(done)) return folder;
  const python = supportedPython();
  await rm(folder, { recursive: true, force: true });
  await mkdir(join(folder, '..'), { recursive: true });
  say(`making ${folder} with ${python}`);
  await run(python, ['-m', 'venv', folder]);
  const pip = ['-m', 'pip', '--disable-pip-version-check', 'install', '--progress-bar=off'];
  // Every package is listed: PyTorch asks for more of CUDA than it needs to start without a GPU.
  const wanted = ['--only-binary=:all:', '--no-deps', '--requirement', requirements];
  await run(pythonIn(folder), [...pip, ...wanted], { show: true });
  await writeFile(`${done}.partial`, '');
  await rename(`${done}.partial`, done);
  return folder;
}

/** PyTorch 2.5.1 has wheels up to 3.12, TensorFlow 2.21.0 from 3.10 on. */
function supportedPython(): string {
  const candidates = ['python3', 'python3.12', 'python3.11', 'python3.10', 'python'];
  const found = candidates.find((command) => {
    const { stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
    return /^Python 3\.1[0-2]\./.test(stdout ?? '');
  });
  if (found !== undefined) return found;
  throw new ChainruleError(
    'BENCH_PYTHON',
    'the peers need Python 3.10, 3.11 or 3.12 with venv; install one and run `pnpm bench setup` again',
  );
}
