import { existsSync } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { join } from 'node:path';
import { ChainruleError } from '@chainrule/tensor';
import type { Index } from 'usearch';
import { type Change, openChangeLog, readChanges, writeChanges } from './change-log.js';
import { lockFolder } from './folder-lock.js';
import type { MemoryTable } from './memory-table.js';
import { checksum, readManifest, writeManifest } from './usearch-manifest.js';
import type { Fields } from './vector-index.js';

interface Parts {
  readonly folder: string;
  readonly width: number;
  readonly fields: Fields;
  readonly table: MemoryTable;
  readonly graph: Index;
  /** Adds slots of the table to the graph. */
  add(slots: readonly number[]): Promise<void>;
  change(what: Change): Promise<void>;
}

const ROWS_A_RECORD = 1024;

/**
 * The folder of an index: `index.json`, a log of changes and a graph. Fills the table and the graph
 * from it.
 */
export async function openFolder(parts: Parts) {
  const { folder } = parts;
  await writing(folder, () => mkdir(folder, { recursive: true }));
  const unlock = await writing(folder, () => lockFolder(folder));
  try {
    const opened = await openLocked(parts);
    return { ...opened, close: () => opened.close().finally(unlock) };
  } catch (error) {
    await unlock();
    throw error;
  }
}

async function openLocked(parts: Parts) {
  const { folder, width, fields, table, graph } = parts;
  const about = { format: 'chainrule-usearch', version: 1, width, fields } as const;
  const inFolder = (file: string) => join(folder, file);

  let manifest = await readManifest(folder, { width, fields });
  if (manifest === undefined) {
    manifest = { ...about, log: 'log-0.bin', graph: null };
    await writing(folder, () => writeChanges(inFolder('log-0.bin'), []));
    await writing(folder, () => writeManifest(folder, manifest!));
  }
  const log = inFolder(manifest.log);
  const covered = manifest.graph?.rows ?? 0;
  const later: Change[] = [];
  const end = await readChanges(log, width, (change) => {
    if (table.size >= covered || 'delete' in change) later.push(change);
    else change.upsert.forEach((row, i) => void table.put(row, change.slots?.[i]));
  });
  if (table.size !== covered) {
    throw broken(log, `it has ${table.size} of ${covered} rows`);
  }
  await loadGraph();
  for (const change of later) await parts.change(change);

  async function loadGraph(): Promise<void> {
    const file = manifest?.graph && inFolder(manifest.graph.file);
    if (!file || !existsSync(file)) return parts.add([...table.slots()]);
    const advice = '; delete this file to have the graph built anew';
    if ((await checksum(file)) !== manifest?.graph?.crc32) {
      throw broken(file, 'its checksum does not fit', advice);
    }
    try {
      graph.load(file);
    } catch (cause) {
      throw broken(file, (cause as Error).message, advice, cause);
    }
  }

  let changes = await writing(folder, () => openChangeLog(log, end));
  let generation = Number(/\d+/.exec(manifest.log)?.[0] ?? 0);
  let dirty = later.length > 0;
  return {
    async append(change: Change) {
      await changes.append(change);
      dirty = true;
    },
    async save() {
      if (!dirty) return;
      generation += 1;
      const next = `log-${generation}.bin`;
      const file = `graph-${generation}.usearch`;
      await writing(folder, async () => {
        const length = await writeChanges(inFolder(next), rowsOf(table));
        graph.save(inFolder(file));
        const handle = await open(inFolder(file), 'r+');
        await handle.sync().finally(() => handle.close());
        const saved = { file, rows: table.size, crc32: await checksum(inFolder(file)) };
        const opened = await openChangeLog(inFolder(next), length);
        await writeManifest(folder, { ...about, log: next, graph: saved });
        await changes.close();
        changes = opened;
      });
      dirty = false;
    },
    close: () => changes.close(),
  };
}

function* rowsOf(table: MemoryTable): Generator<Change> {
  const slots = [...table.slots()];
  for (let from = 0; from < slots.length; from += ROWS_A_RECORD) {
    const some = slots.slice(from, from + ROWS_A_RECORD);
    const upsert = some.map((slot) => ({
      id: table.id(slot)!,
      vector: table.vector(slot),
      metadata: table.metadata(slot),
    }));
    yield { upsert, slots: some };
  }
}

async function writing<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof ChainruleError) throw cause;
    const { message } = cause as Error;
    throw new ChainruleError(
      'INDEX_FILE',
      `usearchIndex: can not write to ${folder}: ${message}; name a folder that you may write to`,
      { cause },
    );
  }
}

function broken(path: string, why: string, advice = '', cause?: unknown): ChainruleError {
  return new ChainruleError(
    'INDEX_FILE',
    `usearchIndex: ${path} is broken: ${why}; restore the folder from a copy${advice}`,
    { cause },
  );
}
