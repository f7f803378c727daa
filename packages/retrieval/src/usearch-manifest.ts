import { createReadStream } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import { ChainruleError } from '@chainrule/tensor';
import type { Fields, IndexOptions } from './vector-index.js';

/** `index.json` of a folder: which files belong to it. What it does not name is left over. */
export interface Manifest {
  readonly format: 'chainrule-usearch';
  readonly version: 1;
  readonly width: number;
  readonly fields: Fields;
  readonly log: string;
  /** The graph over the first `rows` rows of the log; null before the first save. */
  readonly graph: null | {
    readonly file: string;
    readonly rows: number;
    readonly crc32: number;
  };
}

const NAME = 'index.json';

/** Reads `index.json`, undefined in an empty or new folder. */
export async function readManifest(
  folder: string,
  { width, fields = {} }: IndexOptions,
): Promise<Manifest | undefined> {
  let text: string;
  try {
    const files = await readdir(folder);
    if (!files.includes(NAME)) {
      // A first log, whose index.json was not written any more.
      if (files.every((file) => /^(lock$|(log|graph|index)-?\d*\.)/.test(file))) return undefined;
      throw new ChainruleError(
        'INDEX_FILE',
        `usearchIndex: ${folder} has files in it but no ${NAME}; name an empty folder, or one of an index`,
      );
    }
    text = await readFile(join(folder, NAME), 'utf8');
  } catch (cause) {
    if (cause instanceof ChainruleError) throw cause;
    const { message } = cause as Error;
    throw new ChainruleError(
      'INDEX_FILE',
      `usearchIndex: can not open the folder ${folder}: ${message}`,
      { cause },
    );
  }
  const manifest = parse(text);
  if (manifest?.format !== 'chainrule-usearch' || manifest.version !== 1 || !manifest.log) {
    throw new ChainruleError(
      'INDEX_FILE',
      `usearchIndex: ${join(folder, NAME)} is not that of an index (version 1); name another folder, or restore this one from a copy`,
    );
  }
  if (manifest.width !== width || !sameFields(manifest.fields, fields)) {
    const describe = (w: number, f: Fields) => `width ${w} and fields ${JSON.stringify(f)}`;
    throw new ChainruleError(
      'INDEX_OPTIONS',
      `usearchIndex: the index in ${folder} has ${describe(manifest.width, manifest.fields)}, asked for was ${describe(width, fields)}; name another folder`,
    );
  }
  return manifest;
}

/** Writes `index.json` so that it is the old one or the new one, whenever the process is killed. */
export async function writeManifest(folder: string, manifest: Manifest): Promise<void> {
  const partial = join(folder, 'index.partial');
  const file = await open(partial, 'w');
  try {
    await file.writeFile(`${JSON.stringify(manifest, null, 2)}\n`);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(partial, join(folder, NAME));
  for (const name of await readdir(folder)) {
    const kept = [NAME, manifest.log, manifest.graph?.file].includes(name);
    if (!kept && /^(log|graph)-\d+\./.test(name)) await rm(join(folder, name), { force: true });
  }
}

export async function checksum(path: string): Promise<number> {
  let sum = 0;
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    sum = crc32(chunk as Buffer, sum);
  }
  return sum;
}

function sameFields(a: Fields, b: Fields): boolean {
  const plain = (fields: Fields) => JSON.stringify(Object.entries(fields).sort());
  return plain(a) === plain(b);
}

function parse(text: string): Manifest | undefined {
  try {
    return JSON.parse(text) as Manifest;
  } catch {
    return undefined;
  }
}
