import { ChainruleError, isChainruleError } from '@chainrule/tensor';
import { Pool, type PoolClient, type PoolConfig } from 'pg';
import {
  type Condition,
  checkedIndex,
  checkName,
  checkOptions,
  type Driver,
  type Row,
} from './checked-index.js';
import type { Fields, IndexOptions, MetadataOf, VectorIndex } from './vector-index.js';

export interface PgvectorOptions<F extends Fields = Fields> extends IndexOptions<F> {
  /** A URL (`postgres://user@host/database`) or `pg`'s options, `max` connections among them. */
  readonly connection: string | PoolConfig;
  /** Made where it is not there, in the first schema of the search path; default `vectors`. */
  readonly table?: string;
  /**
   * Whether the table gets a graph (HNSW, m = 16, ef_construction = 64), which finds quickly and not
   * always everything; default true, up to pgvector's 2,000 numbers a vector. Searches with a filter
   * compare all that pass it.
   */
  readonly graph?: boolean;
}

const SQL_TYPES = { string: 'text', number: 'double precision', boolean: 'boolean' } as const;
const ROWS_A_STATEMENT = 500;
const QUERIES_A_STATEMENT = 32;
const WIDEST_GRAPH = 2000;
const LARGEST_EF = 1000;

/**
 * An index in a table of PostgreSQL with pgvector (0.5 or later), for vectors that several machines
 * share. Values travel as parameters only.
 *
 * @throws ChainruleError `INDEX_SERVER` with PostgreSQL's own error as its cause, `INDEX_OPTIONS` for a
 *   table with other columns.
 *
 * @example
 * ```text
 * import { pgvectorIndex } from '@chainrule/retrieval/pgvector';
 *
 * const index = await pgvectorIndex({
 *   connection: 'postgres://localhost/pictures',
 *   width: 384,
 *   fields: { artist: 'string' },
 * });
 * ```
 */
export async function pgvectorIndex<const F extends Fields = Record<never, never>>(
  options: PgvectorOptions<F>,
): Promise<VectorIndex<MetadataOf<F>>> {
  const where = 'pgvectorIndex';
  checkOptions(where, options);
  const { connection, table = 'vectors', width, fields = {}, graph = true } = options;
  checkName(where, table, 'a table');
  if (graph && width > WIDEST_GRAPH) {
    throw new ChainruleError(
      'INDEX_OPTIONS',
      `${where}: pgvector's graph takes at most ${WIDEST_GRAPH} numbers a vector, got ${width}; pass graph: false`,
    );
  }
  const pool = new Pool(
    typeof connection === 'string' ? { connectionString: connection } : connection,
  );
  // An idle connection that breaks is replaced by the next call.
  pool.on('error', () => {});
  try {
    await prepare(pool, { table, width, fields, graph });
  } catch (error) {
    await pool.end();
    throw error;
  }
  return checkedIndex(where, options, driverOf(pool, { table, fields, graph }));
}

interface Layout {
  readonly table: string;
  readonly fields: Fields;
  readonly graph: boolean;
}

/** Makes extension, table and graph; one process at a time, because IF NOT EXISTS does not wait. */
async function prepare(pool: Pool, layout: Layout & { readonly width: number }): Promise<void> {
  const { table, width, fields, graph } = layout;
  const wanted = [
    ['id', 'text'],
    ['vector', `vector(${width})`],
    ...Object.entries(fields).map(([field, type]) => [field, SQL_TYPES[type]]),
  ];
  const columns = wanted.map(([name, type]) => `"${name}" ${type} NOT NULL`).join(', ');
  await inTransaction(pool, async (client) => {
    await client.query("SELECT pg_advisory_xact_lock(hashtext('chainrule retrieval'))");
    const { rowCount } = await client.query("SELECT 1 FROM pg_extension WHERE extname = 'vector'");
    if (rowCount === 0) await client.query('CREATE EXTENSION vector');
    await client.query(`CREATE TABLE IF NOT EXISTS "${table}" (${columns}, PRIMARY KEY ("id"))`);
    const { rows } = await client.query<{ name: string; type: string }>(
      `SELECT attname AS name, format_type(atttypid, atttypmod) AS type FROM pg_attribute
       WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped`,
      [`"${table}"`],
    );
    const describe = (all: readonly (readonly (string | undefined)[])[]) =>
      all
        .map((pair) => pair.join(' '))
        .sort()
        .join(', ');
    const found = describe(rows.map(({ name, type }) => [name, type]));
    if (found !== describe(wanted)) {
      throw new ChainruleError(
        'INDEX_OPTIONS',
        `pgvectorIndex: the table "${table}" has the columns ${found}; asked for were ` +
          `${describe(wanted)}; name another table`,
      );
    }
    if (!graph) return;
    await client.query(
      `CREATE INDEX IF NOT EXISTS "${table}_hnsw" ON "${table}" USING hnsw (vector vector_cosine_ops)`,
    );
  });
}

function driverOf(pool: Pool, { table, fields, graph }: Layout): Driver {
  const names = Object.keys(fields);
  const columns = ['id', 'vector', ...names];
  const quoted = columns.map((name) => `"${name}"`);
  const arrays = ['text[]', 'text[]', ...names.map((name) => `${SQL_TYPES[fields[name]!]}[]`)];
  const upsert = `
    INSERT INTO "${table}" (${quoted.join(', ')})
    SELECT ${quoted.map((name) => (name === '"vector"' ? `${name}::vector` : name)).join(', ')}
    FROM unnest(${arrays.map((type, i) => `$${i + 1}::${type}`).join(', ')}) AS new (${quoted.join(', ')})
    ON CONFLICT ("id") DO UPDATE
    SET ${quoted
      .slice(1)
      .map((name) => `${name} = excluded.${name}`)
      .join(', ')}`;

  // An expression that is not the graph's own keeps the planner from using it.
  const select = (conditions: readonly Condition[], exact: boolean) => `
    SELECT asked.place, found.* FROM unnest($1::text[]) WITH ORDINALITY AS asked (vector, place),
    LATERAL (
      SELECT ${['id', ...names].map((name) => `"${name}"`).join(', ')},
        1 - (vector <=> asked.vector::vector) AS "chainrule_similarity"
      FROM "${table}"
      ${conditions.length === 0 ? '' : 'WHERE '}${conditions
        .map(([field], i) => `"${field}" = ANY($${i + 3}::${SQL_TYPES[fields[field]!]}[])`)
        .join(' AND ')}
      ORDER BY (vector <=> asked.vector::vector)${exact ? ' + 0' : ''} LIMIT $2
    ) AS found
    ORDER BY asked.place, "chainrule_similarity" DESC`;

  async function find(
    client: PoolClient,
    queries: readonly Float32Array[],
    k: number,
    conditions: readonly Condition[],
    exact: boolean,
  ) {
    const values = [queries.map(textOf), k, ...conditions.map(([, list]) => list)];
    const { rows } = await client.query<Record<string, string | number | boolean>>(
      select(conditions, exact),
      values,
    );
    const found: Awaited<ReturnType<Driver['search']>> = queries.map(() => []);
    for (const row of rows) {
      found[Number(row.place) - 1]!.push({
        id: String(row.id),
        similarity: Math.max(-1, Math.min(1, Number(row.chainrule_similarity))),
        metadata: Object.fromEntries(names.map((name) => [name, row[name]!])),
      });
    }
    return found;
  }

  return {
    async upsert(rows) {
      // In one order everywhere, so that overlapping upserts wait for each other in a line.
      const sorted = rows.toSorted((a, b) => (a.id < b.id ? -1 : 1));
      const partOf = (row: Row, name: string) =>
        name === 'id' ? row.id : name === 'vector' ? textOf(row.vector) : row.metadata[name];
      await inTransaction(pool, async (client) => {
        for (let from = 0; from < sorted.length; from += ROWS_A_STATEMENT) {
          const some = sorted.slice(from, from + ROWS_A_STATEMENT);
          await client.query(
            upsert,
            columns.map((name) => some.map((row) => partOf(row, name))),
          );
        }
      });
    },
    delete: (ids) =>
      inTransaction(pool, async (client) => {
        await client.query(`DELETE FROM "${table}" WHERE "id" = ANY($1::text[])`, [ids]);
      }),
    count: () =>
      inTransaction(pool, async (client) => {
        const { rows } = await client.query<{ count: string }>(`SELECT count(*) FROM "${table}"`);
        return Number(rows[0]!.count);
      }),
    search: (queries, { k, conditions, signal }) =>
      inTransaction(pool, async (client) => {
        const exact = !graph || conditions.length > 0 || k > LARGEST_EF / 2;
        if (!exact) {
          const ef = Math.max(100, 2 * k);
          await client.query("SELECT set_config('hnsw.ef_search', $1, true)", [String(ef)]);
        }
        const found: Awaited<ReturnType<Driver['search']>> = [];
        for (let from = 0; from < queries.length; from += QUERIES_A_STATEMENT) {
          signal?.throwIfAborted();
          const some = queries.slice(from, from + QUERIES_A_STATEMENT);
          const lists = await find(client, some, k, conditions, exact);
          // Places of deleted rows in the graph may leave fewer than there are.
          const short = lists.flatMap((list, i) => (exact || list.length >= k ? [] : [i]));
          if (short.length > 0) {
            const again = short.map((i) => some[i]!);
            const whole = await find(client, again, k, conditions, true);
            short.forEach((i, place) => {
              lists[i] = whole[place]!;
            });
          }
          found.push(...lists);
        }
        return found;
      }),
    close: () => pool.end(),
  };
}

const textOf = (vector: Float32Array): string => `[${vector.join(',')}]`;

async function inTransaction<T>(pool: Pool, work: (client: PoolClient) => Promise<T>): Promise<T> {
  let client: PoolClient | undefined;
  try {
    client = await pool.connect();
    await client.query('BEGIN');
    const result = await work(client);
    await client.query('COMMIT');
    client.release();
    return result;
  } catch (cause) {
    const rolledBack = await client?.query('ROLLBACK').then(
      () => true,
      () => false,
    );
    // A connection in an unknown state is closed.
    client?.release(rolledBack !== true);
    if (isChainruleError(cause) || (cause as Error).name === 'AbortError') throw cause;
    // Where a name has several addresses, the message is in the errors of each.
    const { message, errors } = cause as AggregateError;
    const text = message || errors?.map((error) => error.message).join('; ');
    throw new ChainruleError(
      'INDEX_SERVER',
      `pgvectorIndex: PostgreSQL: ${text}; see whether the server runs, has pgvector and lets you in`,
      { cause },
    );
  }
}
