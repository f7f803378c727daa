/** A module's config: the name of its factory and the options. */
interface Config {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** Where a head comes from. */
const heads: { readonly [type: string]: string } = {
  mlp: '@chainrule/tensor',
  scaledMlp: '@chainrule/trainer',
};

/** Image encoders have something to say about pixels; every other encoder is one of texts. */
const encoderHome = (options: object): string =>
  'pixels' in options ? '@chainrule/encoders-image' : '@chainrule/encoders-text';

/** What a convolution block is where it does not say otherwise; left out, so that it reads well. */
const blockDefaults: { readonly [option: string]: unknown } = {
  kernel: 3,
  stride: 1,
  padding: 'same',
  norm: 'none',
  groups: 8,
  activation: 'relu',
  pool: 1,
};

const WIDTH = 80;

/**
 * A model's config as TypeScript that builds the very model: `model.config` of what the code makes
 * equals the config.
 *
 * @example
 * configToTypeScript(model.config);
 * // import { cnn } from '@chainrule/encoders-image';
 * // …
 * // export const model = multimodal({ … });
 */
export function configToTypeScript(config: unknown): string {
  const model = config as {
    readonly encoders: { readonly [modality: string]: Config };
    readonly fusion: Config;
    readonly head: Config;
  };
  const used = new Map<string, string>();
  const use = (type: string, home: string | undefined) => {
    if (home === undefined || !identifier.test(type)) {
      throw new Error(`configToTypeScript: nobody knows a factory "${type}"`);
    }
    used.set(type, home);
    return type;
  };
  const encoder = ({ type, ...options }: Config) =>
    `${use(type, encoderHome(options))}(${literal(type === 'cnn' ? short(options) : options, 4)})`;
  const head = ({ type, ...options }: Config) =>
    `${use(type, heads[type])}(${literal(options, 2)})`;
  const fusion = ({ type, ...options }: Config, indent: number): string => {
    use(type, '@chainrule/fusion');
    if (type !== 'modalityDropout') return `${type}(${literal(options, indent)})`;
    const { fusion: inner, ...others } = options;
    return `${type}(${fusion(inner as Config, indent)}, ${literal(others, indent)})`;
  };

  const encoders = Object.entries(model.encoders).map(
    ([name, config]) => `    ${key(name)}: ${encoder(config)},\n`,
  );
  const body = [
    `export const model = ${use('multimodal', '@chainrule/trainer')}({`,
    `  encoders: {\n${encoders.join('')}  },`,
    `  fusion: ${fusion(model.fusion, 2)},`,
    `  head: () => ${head(model.head)},`,
    '});',
  ].join('\n');
  return `${imports(used)}\n\n${body}\n`;
}

function imports(used: ReadonlyMap<string, string>): string {
  const byHome = new Map<string, string[]>();
  for (const [name, home] of used) byHome.set(home, [...(byHome.get(home) ?? []), name]);
  return [...byHome]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([home, names]) => `import { ${names.sort().join(', ')} } from '${home}';`)
    .join('\n');
}

/** A CNN's blocks without what goes without saying. */
function short(options: { readonly [option: string]: unknown }) {
  const { blocks, ...others } = options;
  const brief = (blocks as { readonly [option: string]: unknown }[]).map((block) =>
    Object.fromEntries(
      Object.entries(block).filter(([name, value]) => blockDefaults[name] !== value),
    ),
  );
  return { ...others, blocks: brief };
}

const identifier = /^[\p{L}_$][\p{L}\p{N}_$]*$/u;
const key = (name: string) => (identifier.test(name) ? name : quote(name));
const quote = (text: string) =>
  `'${JSON.stringify(text).slice(1, -1).replace(/\\"/g, '"').replace(/'/g, "\\'")}'`;

/** A plain value as a literal; on one line where it fits, else one member a line. */
function literal(value: unknown, indent: number): string {
  if (typeof value === 'string') return quote(value);
  if (typeof value !== 'object' || value === null) return String(value);
  const isList = Array.isArray(value);
  const members = isList
    ? value.map((item) => ['', item] as const)
    : Object.entries(value)
        .filter(([, item]) => item !== undefined)
        .map(([name, item]) => [`${key(name)}: `, item] as const);
  const [open, close] = isList ? ['[', ']'] : ['{', '}'];
  if (members.length === 0) return open + close;
  const pad = isList ? '' : ' ';
  const line = members.map(([name, item]) => name + literal(item, 0)).join(', ');
  const single = `${open}${pad}${line}${pad}${close}`;
  if (!single.includes('\n') && indent + single.length <= WIDTH) return single;
  const space = ' '.repeat(indent + 2);
  const lines = members.map(([name, item]) => `${space}${name}${literal(item, indent + 2)},\n`);
  return `${open}\n${lines.join('')}${' '.repeat(indent)}${close}`;
}
