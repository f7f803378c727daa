import { z } from 'zod';
import { ChainruleError } from './errors.js';
import { lookUp } from './names.js';

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
    const parsed = z.strictObject(schema.shape).safeParse(options);
    if (!parsed.success) {
      throw new ChainruleError('OPTION', `${where}.${name}: ${issues(parsed.error)}`, {
        cause: parsed.error,
      });
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

/** The issues of a zod error in one line. */
export function issues(error: z.ZodError): string {
  return error.issues
    .map(({ path, message }) => (path.length === 0 ? message : `${path.join('.')}: ${message}`))
    .join('; ');
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

function typeName(schema: z.core.JSONSchema.BaseSchema): string {
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const union = schema.anyOf ?? schema.oneOf;
  if (union) return [...new Set(union.map((part) => typeName(part as typeof schema)))].join(' | ');
  if (schema.type === 'array') return `${typeName((schema.items ?? {}) as typeof schema)}[]`;
  return [schema.type ?? 'object'].flat().join(' | ');
}
