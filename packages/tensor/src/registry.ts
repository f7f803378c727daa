import { z } from 'zod';
import { ChainruleError } from './errors.js';
import { lookUp, nearestName } from './names.js';

/** One entry: a zod schema of the options with their defaults, and the factory that takes them. */
export interface RegistryEntry<Out> {
  /** One line that says what it is. */
  readonly summary: string;
  readonly schema: z.ZodObject;
  create(options: never): Out;
}

/** What `pnpm catalog` prints of an option. */
export interface OptionDescription {
  readonly name: string;
  readonly type: string;
  readonly required: boolean;
  readonly default?: unknown;
  readonly description?: string;
}

export interface Registry<Out> {
  readonly names: readonly string[];
  /** Makes an entry from its name and options that may come from outside: they are validated. */
  create(name: string, options?: unknown): Out;
  /** Rebuilds a module from its `config`, whose `type` is the entry's name. */
  fromConfig(config: unknown): Out;
  /** Every entry with its options and their defaults. */
  describe(): readonly {
    readonly name: string;
    readonly summary: string;
    readonly options: readonly OptionDescription[];
  }[];
}

/** Ties a schema to the factory whose options it describes, so that TypeScript checks the pair. */
export function entry<S extends z.ZodObject, Out>(
  summary: string,
  schema: S,
  create: (options: z.output<S>) => Out,
): RegistryEntry<Out> {
  return { summary, schema, create };
}

/**
 * An explicit value that maps names to factories: nothing registers itself on import.
 *
 * @throws ChainruleError from `create`: `UNKNOWN_NAME` with the nearest name; `OPTION` that names
 * the option that is wrong, missing or unknown.
 */
export function registry<Out>(
  where: string,
  entries: { readonly [name: string]: RegistryEntry<Out> },
): Registry<Out> {
  const create = (name: string, options: unknown = {}): Out => {
    const { schema, create } = lookUp(where, entries, name);
    const parsed = schema.strict().safeParse(options);
    if (!parsed.success) {
      throw new ChainruleError(
        'OPTION',
        `${where}.${name}: ${issues(parsed.error, Object.keys(schema.shape))}`,
        {
          cause: parsed.error,
        },
      );
    }
    return create(parsed.data as never);
  };
  return {
    names: Object.keys(entries),
    create,
    fromConfig(config) {
      const parsed = z.looseObject({ type: z.string() }).safeParse(config);
      if (!parsed.success) {
        throw new ChainruleError('CONFIG', `${where}: a config must be an object with a "type"`, {
          cause: parsed.error,
        });
      }
      const { type, ...options } = parsed.data;
      return create(type, options);
    },
    describe: () =>
      Object.entries(entries).map(([name, { summary, schema }]) => ({
        name,
        summary,
        options: describeOptions(schema),
      })),
  };
}

/**
 * The issues of a zod error in one line: each names the option and what was expected. Given the
 * `known` options, one that is unknown is met with the nearest of them.
 */
export function issues(error: z.ZodError, known: readonly string[] = []): string {
  return error.issues
    .flatMap((issue) => {
      const where = issue.path.join('.');
      if (issue.code === 'unrecognized_keys' && where === '' && known.length > 0) {
        return issue.keys.map((key) => unknownOption(key, known));
      }
      const message = issue.message.replace('Invalid input: ', '');
      if (where === '') return message;
      const [expected, received] = message.split(', received ');
      return received === 'undefined'
        ? `"${where}" is missing, ${expected}`
        : `"${where}": ${message}`;
    })
    .join('; ');
}

function unknownOption(key: string, known: readonly string[]): string {
  const nearest = nearestName(key, known);
  const hint = nearest === undefined ? '' : ` Did you mean "${nearest}"?`;
  return `unknown option "${key}".${hint} Known: ${known.join(', ')}`;
}

function describeOptions(schema: z.ZodObject): OptionDescription[] {
  const json = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const required = new Set(json.required ?? []);
  return Object.entries(json.properties ?? {}).map(([name, value]) => {
    const property = typeof value === 'object' ? value : {};
    return {
      name,
      type: typeName(property),
      required: required.has(name),
      ...('default' in property ? { default: property.default } : {}),
      ...(property.description === undefined ? {} : { description: property.description }),
    };
  });
}

type JsonSchema = z.core.JSONSchema.BaseSchema;

/** A type as one reads it: `"max" | false`, `integer[]`, `{ filters: integer, pool?: boolean }`. */
function typeName(schema: JsonSchema): string {
  const of = (part: unknown) => typeName((typeof part === 'object' ? part : {}) as JsonSchema);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return [...new Set(union.map(of))].join(' | ');
  if (schema.type === 'array') {
    if (Array.isArray(schema.prefixItems)) return `[${schema.prefixItems.map(of).join(', ')}]`;
    const item = of(schema.items);
    return item.includes(' | ') ? `(${item})[]` : `${item}[]`;
  }
  if (schema.properties !== undefined) {
    const required = new Set(schema.required ?? []);
    const members = Object.entries(schema.properties).map(
      ([name, part]) => `${name}${required.has(name) ? '' : '?'}: ${of(part)}`,
    );
    return `{ ${members.join(', ')} }`;
  }
  if (typeof schema.additionalProperties === 'object') {
    return `{ [name]: ${of(schema.additionalProperties)} }`;
  }
  return [schema.type ?? 'any'].flat().join(' | ');
}
