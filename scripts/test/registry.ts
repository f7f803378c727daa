import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { run } from '../lib/run.mjs';

export interface Registry {
  readonly url: string;
  readonly folder: string;
  readonly env: { readonly [name: string]: string };
}

/** An empty project of a user, in a folder of its own; `run` runs a command in it. */
export function emptyProject(registry: Registry, name: string) {
  const folder = mkdtempSync(join(registry.folder, `${name}-`));
  const manifest = { name: 'consumer', private: true, type: 'module' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
  return {
    folder,
    run: (command: string, ...args: string[]): Promise<{ stdout: string; output: string }> =>
      run(command, args, { cwd: folder, env: registry.env }),
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}
