import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { type Entry, openPromise } from 'yauzl';

export interface ExtractOptions {
  /** Path below `folder` for an entry, or undefined to leave the entry out. */
  readonly place: (name: string) => string | undefined;
  readonly folder: string;
  readonly onBytes: (written: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Streams the chosen entries of a zip file into a folder; returns how many files it wrote. */
export async function extractZip(path: string, options: ExtractOptions): Promise<number> {
  const { place, folder, signal, onBytes } = options;
  const zip = await openPromise(path, { lazyEntries: true, autoClose: false });
  try {
    const chosen: { entry: Entry; target: string }[] = [];
    for await (const entry of zip.eachEntry()) {
      const target = entry.fileName.endsWith('/') ? undefined : place(entry.fileName);
      if (target !== undefined) chosen.push({ entry, target: join(folder, target) });
    }
    const total = chosen.reduce((sum, { entry }) => sum + entry.uncompressedSize, 0);
    let written = 0;
    for (const { entry, target } of chosen) {
      await mkdir(dirname(target), { recursive: true });
      const source = await zip.openReadStreamPromise(entry);
      source.on('data', (chunk: Buffer) => {
        written += chunk.length;
        onBytes(written, total);
      });
      await pipeline(source, createWriteStream(target, { highWaterMark: 1 << 20 }), { signal });
    }
    return chosen.length;
  } finally {
    zip.close();
  }
}
