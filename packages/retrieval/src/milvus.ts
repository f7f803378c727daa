import { ChainruleError, isChainruleError } from '@chainrule/tensor';
import {
  type ClientConfig,
  ConsistencyLevelEnum,
  DataType,
  type FieldType,
  MilvusClient,
} from '@zilliz/milvus2-sdk-node';
import {
  type Condition,
  checkedIndex,
  checkName,
  checkOptions,
  type Driver,
} from './checked-index.js';
import { serial } from './serial.js';
import type { Fields, IndexOptions, MetadataOf, VectorIndex } from './vector-index.js';

export interface MilvusOptions<F extends Fields = Fields> extends IndexOptions<F> {
  /** `host:port`, a URL, or the client's own options (token, TLS, database). */
  readonly connection: string | ClientConfig;
  /** Made where it is not there; default `vectors`. */
  readonly collection?: string;
}

const LONGEST_ID = 512;
const LONGEST_STRING = 65_535;
const MOST = 16_384;
// Well below the 64 MB that a message may have.
const BYTES_A_MESSAGE = 16_777_216;
const QUERIES_A_MESSAGE = 64;
const LISTED = 500;
const CONNECT_MS = 10_000;

/**
 * An index in a collection of Milvus (2.4 or later, or Milvus Lite), for more vectors than one machine
 * holds: HNSW (M = 16, efConstruction = 200), read with strong consistency. An upsert of more than
 * 16 MB goes in several messages, each of which happens as a whole.
 *
 * @throws ChainruleError `INDEX_SERVER` where Milvus does not answer or refuses, `INDEX_OPTIONS` for a
 *   collection with other fields, `INDEX_K` for more than 16,384 neighbours.
 *
 * @example
 * ```text
 * import { milvusIndex } from '@chainrule/retrieval/milvus';
 *
 * const index = await milvusIndex({
 *   connection: 'localhost:19530',
 *   width: 384,
 *   fields: { artist: 'string' },
 * });
 * ```
 */
export async function milvusIndex<const F extends Fields = Record<never, never>>(
  options: MilvusOptions<F>,
): Promise<VectorIndex<MetadataOf<F>>> {
  const where = 'milvusIndex';
  checkOptions(where, options);
  const { connection, collection = 'vectors', width, fields = {} } = options;
  checkName(where, collection, 'a collection');
  const config = typeof connection === 'string' ? { address: connection } : connection;
  const driver = await calling(async () => {
    const client = new MilvusClient({
      timeout: CONNECT_MS,
      maxRetries: 2,
      logLevel: 'error',
      ...config,
    });
    try {
      await client.connectPromise;
      await prepare(client, collection, layout(width, fields));
    } catch (error) {
      await client.closeConnection().catch(() => undefined);
      throw error;
    }
    return driverOf(client, collection, width, Object.keys(fields));
  });
  return checkedIndex(where, options, driver);
}

function layout(width: number, fields: Fields): FieldType[] {
  const types = {
    string: { data_type: DataType.VarChar, max_length: LONGEST_STRING },
    number: { data_type: DataType.Double },
    boolean: { data_type: DataType.Bool },
  };
  return [
    { name: 'id', data_type: DataType.VarChar, is_primary_key: true, max_length: LONGEST_ID },
    { name: 'vector', data_type: DataType.FloatVector, dim: width },
    ...Object.entries(fields).map(([name, type]) => ({ name, ...types[type] })),
  ];
}

async function prepare(client: MilvusClient, name: string, fields: FieldType[]): Promise<void> {
  const collection_name = name;
  const there = async () => {
    const { status, value } = await client.hasCollection({ collection_name });
    return accepted(status) && Boolean(value);
  };
  if (!(await there())) {
    const made = await client.createCollection({
      collection_name,
      fields,
      consistency_level: 'Strong',
      index_params: [
        {
          field_name: 'vector',
          index_type: 'HNSW',
          metric_type: 'COSINE',
          params: { M: 16, efConstruction: 200 },
        },
      ],
    });
    // Another process may have been the first.
    if (made.error_code !== 'Success' && !(await there())) accepted(made);
  }
  const { status, schema } = await client.describeCollection({ collection_name });
  accepted(status);
  const line = (field: string, type: unknown, dim: unknown) =>
    `${field} ${type}${dim === undefined ? '' : `(${dim})`}`;
  const found = schema.fields.map((field) => {
    const dim = field.type_params.find(({ key }) => key === 'dim')?.value;
    return line(field.name, field.data_type, dim);
  });
  const wanted = fields.map(({ name: field, data_type, dim }) =>
    line(field, DataType[data_type as DataType], dim),
  );
  if (found.sort().join(', ') !== wanted.sort().join(', ')) {
    throw new ChainruleError(
      'INDEX_OPTIONS',
      `milvusIndex: the collection ${name} has the fields ${found.join(', ')}; asked for were ` +
        `${wanted.join(', ')}; name another collection`,
    );
  }
  accepted(await client.loadCollectionSync({ collection_name }));
}

function driverOf(
  client: MilvusClient,
  collection_name: string,
  width: number,
  names: readonly string[],
): Driver {
  const inTurn = serial();
  const consistency_level = ConsistencyLevelEnum.Strong;
  return {
    upsert: (rows) =>
      inTurn(() =>
        calling(async () => {
          const data = rows.map(({ id, vector, metadata }) => ({
            id,
            vector: Array.from(vector),
            ...metadata,
          }));
          for (const some of inMessages(data, width)) {
            accepted((await client.upsert({ collection_name, data: some })).status);
          }
        }),
      ),
    delete: (ids) =>
      inTurn(() =>
        calling(async () => {
          for (let from = 0; from < ids.length; from += LISTED) {
            const filter = expression([['id', ids.slice(from, from + LISTED)]]);
            accepted((await client.delete({ collection_name, filter })).status);
          }
        }),
      ),
    count: () =>
      calling(async () => {
        const { status, data } = await client.query({
          collection_name,
          filter: '',
          output_fields: ['count(*)'],
          consistency_level,
        });
        accepted(status);
        return Number(data[0]?.['count(*)'] ?? 0);
      }),
    async search(queries, { k, conditions, signal }) {
      if (k > MOST) {
        throw new ChainruleError(
          'INDEX_K',
          `milvusIndex: Milvus gives at most ${MOST} neighbours, asked for were ${k}`,
        );
      }
      return calling(async () => {
        const found: Awaited<ReturnType<Driver['search']>> = [];
        for (let from = 0; from < queries.length; from += QUERIES_A_MESSAGE) {
          signal?.throwIfAborted();
          const some = queries.slice(from, from + QUERIES_A_MESSAGE);
          const { status, results } = await client.search({
            collection_name,
            anns_field: 'vector',
            data: some.map((query) => Array.from(query)),
            limit: k,
            filter: expression(conditions),
            output_fields: ['id', ...names],
            consistency_level,
            params: { ef: Math.max(100, 2 * k) },
          });
          accepted(status);
          const lists = (some.length === 1 ? [results] : results) as unknown as Hit[][];
          for (let i = 0; i < some.length; i++) {
            found.push(
              [...(lists[i] ?? [])].map((hit) => ({
                id: String(hit.id),
                similarity: Math.max(-1, Math.min(1, Number(hit.score))),
                metadata: Object.fromEntries(names.map((name) => [name, hit[name]!])),
              })),
            );
          }
        }
        return found;
      });
    },
    async close() {
      await client.closeConnection();
    },
  };
}

type Hit = { readonly [field: string]: string | number | boolean };

function* inMessages<T extends object>(rows: readonly T[], width: number): Generator<T[]> {
  let some: T[] = [];
  let bytes = 0;
  for (const row of rows) {
    const strings = Object.values(row).filter((value) => typeof value === 'string');
    const size = 4 * width + 64 + strings.reduce((sum, text) => sum + 3 * text.length, 0);
    if (some.length > 0 && bytes + size > BYTES_A_MESSAGE) {
      yield some;
      [some, bytes] = [[], 0];
    }
    some.push(row);
    bytes += size;
  }
  yield some;
}

const ESCAPES: { readonly [letter: string]: string } = {
  '\\': '\\\\',
  '"': '\\"',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
};

/**
 * Milvus's expressions as text, because Milvus Lite knows no templates: names passed
 * {@link checkName}, numbers and booleans are written by this program, and in strings whatever could
 * end them is escaped.
 */
function expression(conditions: readonly Condition[]): string {
  const literal = (value: string | number | boolean) =>
    typeof value === 'string'
      ? `"${value.replace(/[\\"\n\r\t]/g, (letter) => ESCAPES[letter]!)}"`
      : String(value);
  return conditions
    .map(([field, values]) => `${field} in [${values.map(literal).join(', ')}]`)
    .join(' and ');
}

function accepted(status: { readonly error_code: unknown; readonly reason: string }): true {
  if (status.error_code === 'Success' || status.error_code === 0) return true;
  throw new Error(status.reason);
}

async function calling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (isChainruleError(cause) || (cause as Error).name === 'AbortError') throw cause;
    const { message } = cause as Error;
    throw new ChainruleError(
      'INDEX_SERVER',
      `milvusIndex: Milvus: ${message}; see whether the server runs and lets you in`,
      { cause },
    );
  }
}
