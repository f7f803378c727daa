import { execFile } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { build, type Plugin } from 'esbuild';
import { afterAll } from 'vitest';

/** A folder that is gone after the tests of this file. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'chainrule-trainer-'));
  afterAll(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

export async function failure(action: () => unknown): Promise<Error & { code?: string }> {
  try {
    await action();
  } catch (error) {
    return error as Error;
  }
  throw new Error('expected an error');
}

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** `@chainrule/x/y` is packages/x/src/y.ts, so that a child process needs no build. */
const sources: Plugin = {
  name: 'sources',
  setup({ onResolve }) {
    onResolve({ filter: /^@chainrule\// }, ({ path }) => {
      const [, name, sub = 'index'] = path.split('/');
      return { path: join(packages, name!, 'src', `${sub}.ts`) };
    });
  },
};

/**
 * Runs a program, given as TypeScript, in a Node process of its own; gives what it prints as JSON
 * after the word RESULT.
 */
export async function inChild<T>(
  program: string,
  command = (node: string, file: string): readonly string[] => [node, file],
): Promise<T> {
  const outfile = join(packages, `trainer/.cache/child-${randomUUID()}.mjs`);
  await build({
    stdin: { contents: program, resolveDir: join(packages, 'trainer/test'), loader: 'ts' },
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: ['@tensorflow/*'],
    plugins: [sources],
    logLevel: 'error',
  });
  try {
    const [file, ...args] = command(process.execPath, outfile);
    const { stdout } = await promisify(execFile)(file!, args);
    return JSON.parse(stdout.slice(stdout.indexOf('RESULT') + 'RESULT'.length)) as T;
  } finally {
    await rm(outfile, { force: true });
  }
}
