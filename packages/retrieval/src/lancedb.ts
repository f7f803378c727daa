import { mkdir } from 'node:fs/promises';
import { ChainruleError, isChainruleError } from '@chainrule/tensor';
import { connect, Index, type Table } from '@lancedb/lancedb';
import {
  Table as ArrowTable,
  type DataType as ArrowType,
  Bool,
  Field,
  FixedSizeList,
  Float32,
  Float64,
  makeData,
  RecordBatch,
  Schema,
  Struct,
  Utf8,
  vectorFromArray,
} from 'apache-arrow';
import {
  type Condition,
  checkedIndex,
  checkName,
  checkOptions,
  type Driver,
  type Row,
} from './checked-index.js';
import { joined } from './rows.js';
import { serial } from './serial.js';
import type { Fields, IndexOptions, Metadata, MetadataOf, VectorIndex } from './vector-index.js';

export interface LancedbOptions<F extends Fields = Fields> extends IndexOptions<F> {
  /** Where it is kept; made where it is not there. */
  readonly folder: string;
  /** Several indexes may share a folder; default `vectors`. */
  readonly table?: string;
}

export interface LancedbIndex<M extends Metadata = Metadata> extends VectorIndex<M> {
  /**
   * Builds a graph (IVF-HNSW, scalar quantisation) over what is there, for more than about 100,000
   * vectors: searches then are approximate, and what the graph finds is compared anew in float32. What
   * is upserted later is compared in full until the next `build`.
   */
  build(): Promise<void>;
}

// Each write makes a version and a file: from time to time they are put together.
const WRITES_A_TIDYING = 64;
const KEPT_MS = 3_600_000;
// Values of one IN (…), so that no predicate outgrows its parser.
const LISTED = 1000;

/**
 * An index in a folder by LanceDB, embedded in the process: exact until {@link LancedbIndex.build}.
 * What was upserted is on disk when `upsert` resolves; several processes may read.
 *
 * @throws ChainruleError `INDEX_FILE` for a folder that can not be opened, `INDEX_OPTIONS` for a table
 *   of another width or other fields.
 *
 * @example
 * ```ts
 * import { mkdtemp } from 'node:fs/promises';
 * import { tmpdir } from 'node:os';
 * import { lancedbIndex } from '@chainrule/retrieval/lancedb';
 *
 * const folder = await mkdtemp(`${tmpdir()}/index-`);
 * const index = await lancedbIndex({ folder, width: 2 });
 * await index.upsert([{ id: 'fox', vector: new Float32Array([1, 0]) }]);
 * console.log(await index.search([new Float32Array([1, 1])]));
 * await index.close();
 * ```
 */
export async function lancedbIndex<const F extends Fields = Record<never, never>>(
  options: LancedbOptions<F>,
): Promise<LancedbIndex<MetadataOf<F>>> {
  const where = 'lancedbIndex';
  checkOptions(where, options);
  const { folder, table: name = 'vectors', width, fields = {} } = options;
  checkName(where, name, 'a table');
  const schema = schemaOf(width, fields);
  const { connection, table } = await calling(folder, async () => {
    await mkdir(folder, { recursive: true });
    const connection = await connect(folder);
    const there = (await connection.tableNames()).includes(name);
    const table = there
      ? await connection.openTable(name)
      : await connection.createEmptyTable(name, schema, { mode: 'create', existOk: true });
    return { connection, table };
  });
  const found = describe(await calling(folder, () => table.schema()));
  if (found !== describe(schema)) {
    table.close();
    connection.close();
    throw new ChainruleError(
      'INDEX_OPTIONS',
      `${where}: the table ${name} in ${folder} has the columns ${found}; asked for were ` +
        `${describe(schema)}; name another table or folder`,
    );
  }
  const driver = driverOf({ folder, table, schema, width, fields });
  const close = async () => {
    await driver.close();
    connection.close();
  };
  return {
    ...checkedIndex<MetadataOf<F>>(where, options, { ...driver, close }),
    build: driver.build,
  };
}

function driverOf({
  folder,
  table,
  schema,
  width,
  fields,
}: {
  folder: string;
  table: Table;
  schema: Schema;
  width: number;
  fields: Fields;
}): Driver & { build(): Promise<void> } {
  const writeInTurn = serial();
  let writes = 0;
  const columns = ['id', ...Object.keys(fields)];

  const write = (work: () => Promise<unknown>) =>
    writeInTurn(() =>
      calling(folder, async () => {
        await work();
        writes += 1;
        if (writes % WRITES_A_TIDYING === 0) await tidyUp();
      }),
    );
  const tidyUp = () => table.optimize({ cleanupOlderThan: new Date(Date.now() - KEPT_MS) });
  const hasGraph = async () => (await table.listIndices()).length > 0;

  return {
    upsert: (rows) =>
      write(() =>
        table
          .mergeInsert('id')
          .whenMatchedUpdateAll()
          .whenNotMatchedInsertAll()
          .execute(arrowOf(rows, schema, width)),
      ),
    delete: (ids) => write(() => table.delete(predicate([['id', ids]]))),
    count: () => calling(folder, () => table.countRows()),
    search: (queries, { k, conditions, signal }) =>
      calling(folder, async () => {
        const graph = await hasGraph();
        const found: Awaited<ReturnType<Driver['search']>> = [];
        for (const query of queries) {
          signal?.throwIfAborted();
          const run = async (exact: boolean): Promise<Record<string, unknown>[]> => {
            let search = table.vectorSearch(query).distanceType('cosine').limit(k);
            search = search.select([...columns, '_distance']);
            if (conditions.length > 0) search = search.where(predicate(conditions));
            search = exact ? search.bypassVectorIndex() : search.refineFactor(4).ef(4 * k + 100);
            return search.toArray();
          };
          let rows = await run(!graph);
          // The graph may not reach all that pass a filter.
          if (graph && rows.length < k) rows = await run(true);
          found.push(
            rows.map((row) => ({
              id: String(row.id),
              similarity: Math.max(-1, Math.min(1, 1 - Number(row._distance))),
              metadata: Object.fromEntries(
                Object.keys(fields).map((field) => [field, row[field] as string]),
              ),
            })),
          );
        }
        return found;
      }),
    build: () =>
      write(async () => {
        await table.createIndex('vector', {
          config: Index.hnswSq({ distanceType: 'cosine', m: 16, efConstruction: 200 }),
          replace: true,
        });
      }),
    close: () =>
      writeInTurn(async () => {
        table.close();
      }),
  };
}

function schemaOf(width: number, fields: Fields): Schema {
  const types = {
    string: () => new Utf8(),
    number: () => new Float64(),
    boolean: () => new Bool(),
  };
  return new Schema([
    new Field('id', new Utf8(), false),
    new Field('vector', new FixedSizeList(width, new Field('item', new Float32(), true)), false),
    ...Object.entries(fields)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([field, type]) => new Field(field, types[type](), false)),
  ]);
}

const describe = (schema: Schema): string =>
  schema.fields.map(({ name, type }) => `${name} ${type}`).join(', ');

/** Arrow columns, the vectors without a detour through arrays of numbers. */
function arrowOf(rows: readonly Row[], schema: Schema, width: number): ArrowTable {
  const numbers = makeData({
    type: new Float32(),
    data: joined(
      rows.map(({ vector }) => vector),
      width,
    ),
  });
  const column = (field: Field) => {
    if (field.name === 'vector') {
      return makeData({ type: field.type as FixedSizeList, length: rows.length, child: numbers });
    }
    const values = rows.map(({ id, metadata }) =>
      field.name === 'id' ? id : metadata[field.name],
    );
    return vectorFromArray(values, field.type as ArrowType).data[0]!;
  };
  const data = makeData({
    type: new Struct(schema.fields),
    length: rows.length,
    nullCount: 0,
    children: schema.fields.map(column),
  });
  return new ArrowTable(schema, [new RecordBatch(schema, data)]);
}

/**
 * SQL, which LanceDB takes as text only: names passed {@link checkName}, numbers and booleans are
 * written by this program, and in strings only the quote has a meaning.
 */
function predicate(conditions: readonly Condition[]): string {
  const literal = (value: string | number | boolean) =>
    typeof value === 'string' ? `'${value.replaceAll("'", "''")}'` : String(value);
  return conditions
    .map(([field, values]) => {
      const parts: string[] = [];
      for (let from = 0; from < values.length; from += LISTED) {
        const some = values.slice(from, from + LISTED).map(literal);
        parts.push(`\`${field}\` IN (${some.join(', ')})`);
      }
      return `(${parts.join(' OR ')})`;
    })
    .join(' AND ');
}

async function calling<T>(folder: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isChainruleError(cause) || (cause as Error).name === 'AbortError') throw cause;
    const { message } = cause as Error;
    throw new ChainruleError(
      'INDEX_FILE',
      `lancedbIndex: LanceDB can not work with ${folder}: ${message.split('\n')[0]}; see whether it is a folder that you may write to, and whole`,
      { cause },
    );
  }
}
