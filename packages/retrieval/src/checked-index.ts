import { ChainruleError, lookUp } from '@chainrule/tensor';
import { unit } from './unit.js';
import type { Entry, Fields, IndexOptions, Metadata, VectorIndex } from './vector-index.js';

type Value = string | number | boolean;

/** An entry that passed the checks; its vector has length 1. */
export type Row = Required<Entry>;

/** One condition of a filter: the field has one of the values. */
export type Condition = readonly [field: string, values: readonly Value[]];

/** What an index has to do; {@link checkedIndex} does the rest, the same for all of them. */
export interface Driver {
  upsert(rows: readonly Row[]): Promise<void>;
  delete(ids: readonly string[]): Promise<void>;
  count(): Promise<number>;
  search(
    queries: readonly Float32Array[],
    options: {
      readonly k: number;
      readonly conditions: readonly Condition[];
      readonly signal: AbortSignal | undefined;
    },
  ): Promise<{ id: string; similarity: number; metadata: Metadata }[][]>;
  close(): Promise<void>;
}

const encoder = new TextEncoder();
const LONGEST_ID = 512;
// Milvus holds no longer string, and what moves between indexes must fit in each.
const LONGEST_STRING = 65_535;

/**
 * Puts the rules that every index shares around a driver: widths, numbers, ids, fields, `k`, closing.
 *
 * @param where names the index in messages, such as `exactIndex`.
 */
export function checkedIndex<M extends Metadata>(
  where: string,
  options: IndexOptions,
  driver: Driver,
): VectorIndex<M> {
  const { width, fields = {} } = options;
  let closing: Promise<void> | undefined;
  // Calls that are under way when the index closes come to their end first.
  const running = new Set<Promise<unknown>>();

  function open<T>(call: () => Promise<T>): Promise<T> {
    if (closing !== undefined) {
      throw new ChainruleError('INDEX_CLOSED', `${where}: the index is closed; open it anew`);
    }
    const promise = call();
    running.add(promise);
    const done = () => running.delete(promise);
    promise.then(done, done);
    return promise;
  }

  const normal = (vector: Float32Array, what: string) => {
    if (!(vector instanceof Float32Array) || vector.length !== width) {
      const got =
        vector instanceof Float32Array ? `one of width ${vector.length}` : String(typeof vector);
      throw new ChainruleError(
        'INDEX_WIDTH',
        `${where}: ${what} must be a Float32Array of width ${width}, got ${got}`,
      );
    }
    const normalised = unit(vector);
    if (normalised !== undefined) return normalised;
    const broken = vector.findIndex((value) => !Number.isFinite(value));
    const why =
      broken < 0
        ? 'all its numbers are 0: it has no direction'
        : `[${broken}] is ${vector[broken]}`;
    throw new ChainruleError('INDEX_VECTOR', `${where}: ${what} can not be compared, ${why}`);
  };

  return {
    width,
    async upsert(entries) {
      const seen = new Set<string>();
      const rows = entries.map(({ id, vector, metadata }, i): Row => {
        checkId(where, id, `entries[${i}].id`);
        if (seen.has(id)) {
          throw new ChainruleError(
            'INDEX_ID',
            `${where}: id "${id}" comes twice in one upsert; leave one of the two out`,
          );
        }
        seen.add(id);
        const checked = checkMetadata(where, fields, metadata ?? {}, `entry "${id}"`);
        return { id, vector: normal(vector, `the vector of "${id}"`), metadata: checked };
      });
      await open(async () => {
        if (rows.length > 0) await driver.upsert(rows);
      });
    },
    async delete(ids) {
      ids.forEach((id, i) => {
        checkId(where, id, `ids[${i}]`);
      });
      const distinct = [...new Set(ids)];
      await open(async () => {
        if (distinct.length > 0) await driver.delete(distinct);
      });
    },
    async count() {
      return open(() => driver.count());
    },
    async search(queries, { k = 10, filter = {}, signal } = {}) {
      if (!Number.isSafeInteger(k) || k < 1) {
        throw new ChainruleError('INDEX_K', `${where}: k must be an integer from 1 on, got ${k}`);
      }
      const conditions = Object.entries(filter)
        .filter(([, values]) => values !== undefined)
        .map(([field, values]) => checkCondition(where, fields, field, values));
      const units = queries.map((query, i) => normal(query, `queries[${i}]`));
      signal?.throwIfAborted();
      return open(async () => {
        const nothing = conditions.some(([, values]) => values.length === 0);
        if (units.length === 0 || nothing) return units.map(() => []);
        const found = await driver.search(units, { k, conditions, signal });
        signal?.throwIfAborted();
        return found as unknown as Awaited<ReturnType<VectorIndex<M>['search']>>;
      });
    },
    close() {
      closing ??= Promise.allSettled(running).then(() => driver.close());
      return closing;
    },
  };
}

/** Checks what an index is made with. */
export function checkOptions(where: string, { width, fields = {} }: IndexOptions): void {
  if (!Number.isSafeInteger(width) || width < 1) {
    throw new ChainruleError(
      'INDEX_OPTIONS',
      `${where}: width must be a positive integer, got ${width}`,
    );
  }
  for (const [field, type] of Object.entries(fields)) {
    checkName(where, field, 'a field');
    if (field === 'id' || field === 'vector') {
      throw new ChainruleError(
        'INDEX_FIELD',
        `${where}: "${field}" is not free for a field; take another name`,
      );
    }
    if (type !== 'string' && type !== 'number' && type !== 'boolean') {
      throw new ChainruleError(
        'INDEX_FIELD',
        `${where}: field "${field}" must be 'string', 'number' or 'boolean', got ${String(type)}`,
      );
    }
  }
}

/** Names become part of SQL and of expressions, so they are letters and digits only. */
export function checkName(where: string, name: string, what: string): void {
  if (/^[a-z][a-z0-9_]{0,47}$/i.test(name) && !name.startsWith('chainrule_')) return;
  throw new ChainruleError(
    'INDEX_FIELD',
    `${where}: ${what} must be named by a letter, then at most 47 letters, digits and _ ` +
      `(and not begin with chainrule_), got "${name}"`,
  );
}

function checkId(where: string, id: string, what: string): void {
  const length = typeof id === 'string' && plain(id) ? encoder.encode(id).length : 0;
  if (length >= 1 && length <= LONGEST_ID) return;
  throw new ChainruleError(
    'INDEX_ID',
    `${where}: ${what} must be a string of 1 to ${LONGEST_ID} bytes of UTF-8 without NUL, got ` +
      (typeof id === 'string' ? `${JSON.stringify(id.slice(0, 40))} (${length} bytes)` : typeof id),
  );
}

// NUL ends strings in some databases, and half a surrogate pair is no Unicode.
const plain = (text: string): boolean => !/[\0\p{Surrogate}]/u.test(text);

function checkMetadata(where: string, fields: Fields, metadata: Metadata, what: string): Metadata {
  const own: { [field: string]: Value } = {};
  for (const field of Object.keys(metadata)) lookUp(`${where}: field of ${what}`, fields, field);
  for (const [field, type] of Object.entries(fields)) {
    if (!Object.hasOwn(metadata, field)) {
      throw new ChainruleError(
        'INDEX_FIELD',
        `${where}: ${what} must have metadata.${field}, a ${type}; every entry has every field`,
      );
    }
    own[field] = checkValue(where, type, metadata[field], `metadata.${field} of ${what}`);
  }
  return own;
}

function checkCondition(
  where: string,
  fields: Fields,
  field: string,
  values: Value | readonly Value[] | undefined,
): Condition {
  const type = lookUp(`${where}: filter`, fields, field);
  const list: readonly unknown[] = Array.isArray(values) ? values : [values];
  return [field, list.map((value) => checkValue(where, type, value, `filter.${field}`))];
}

function checkValue(where: string, type: string, value: unknown, what: string): Value {
  const fits =
    typeof value === type &&
    (typeof value !== 'number' || Number.isFinite(value)) &&
    (typeof value !== 'string' || (plain(value) && encoder.encode(value).length <= LONGEST_STRING));
  // −0 and 0 are one number to some databases and two to others.
  if (fits) return value === 0 ? 0 : (value as Value);
  const got = typeof value === type ? String(value).slice(0, 40) : typeof value;
  const expected = {
    string: `a string of at most ${LONGEST_STRING} bytes without NUL`,
    number: 'a finite number',
    boolean: 'a boolean',
  }[type as Fields[string]];
  throw new ChainruleError('INDEX_FIELD', `${where}: ${what} must be ${expected}, got ${got}`);
}
