import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Pinned: what these tests read our files with. */
const REQUIREMENT = 'safetensors==0.8.0';

/**
 * Runs a script of this folder with Python 3 and the pinned package, which `pip` puts into the cache
 * on first use (`CHAINRULE_CACHE`, by default `~/.cache/chainrule`).
 */
export async function runPython(script: string, ...args: string[]): Promise<string> {
  const packages = await provision();
  const path = fileURLToPath(new URL(script, import.meta.url));
  const { stdout } = await run('python3', [path, ...args], {
    env: { ...process.env, PYTHONPATH: packages },
    maxBuffer: 64 * 2 ** 20,
  });
  return stdout;
}

async function provision(): Promise<string> {
  const version = await run('python3', [
    '-c',
    'import sys, platform; print(f"{sys.version_info[0]}.{sys.version_info[1]}-{platform.machine()}")',
  ]).catch((cause) => {
    throw new Error('this test needs Python 3.10 or newer as "python3" on the PATH', { cause });
  });
  const cache = process.env.CHAINRULE_CACHE ?? join(homedir(), '.cache', 'chainrule');
  const parent = join(cache, 'python-test');
  const folder = join(parent, `${REQUIREMENT.replace('==', '-')}-py${version.stdout.trim()}`);
  if (existsSync(folder)) return folder;
  await mkdir(parent, { recursive: true });
  const unfinished = await mkdtemp(`${folder}-`);
  try {
    const pip = ['-m', 'pip', 'install', '--quiet', '--no-deps', '--only-binary=:all:'];
    await run('python3', [...pip, '--target', unfinished, REQUIREMENT]).catch((cause) => {
      throw new Error(`this test needs pip to install ${REQUIREMENT}: ${cause.stderr ?? cause}`, {
        cause,
      });
    });
    // Another process may have been quicker: then its folder serves as well.
    await rename(unfinished, folder).catch((error) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(unfinished, { recursive: true, force: true });
  }
  return folder;
}
