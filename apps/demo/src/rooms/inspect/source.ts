/** A module's config: the name of its factory and the options. */
interface Config {
  readonly type: string;
  readonly [option: string]: unknown;
}

/** Where each factory comes from; fusion strategies are all of `@chainrule/fusion`. */
const homes: { readonly [type: string]: string } = {
  cnn: '@chainrule/encoders-image',
  efficientNetLite0: '@chainrule/encoders-image',
  bagOfWords: '@chainrule/encoders-text',
  bert: '@chainrule/encoders-text',
  biLstm: '@chainrule/encoders-text',
  cnn1d: '@chainrule/encoders-text',
  gru: '@chainrule/encoders-text',
  lstm: '@chainrule/encoders-text',
  transformer: '@chainrule/encoders-text',
  vectorLstm: '@chainrule/encoders-text',
  mlp: '@chainrule/tensor',
  scaledMlp: '@chainrule/trainer',
  multimodal: '@chainrule/trainer',
};

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
  const use = (type: string, home = homes[type]) => {
    if (home === undefined) {
      throw new Error(`configToTypeScript: nobody knows a factory "${type}"`);
    }
    used.set(type, home);
    return type;
  };
  const call = ({ type, ...options }: Config, indent: number) =>
    `${use(type)}(${literal(withoutDefaults(options), indent)})`;
  const fusion = ({ type, ...options }: Config, indent: number): string => {
    use(type, '@chainrule/fusion');
    if (type !== 'modalityDropout') return `${type}(${literal(options, indent)})`;
    const { fusion: inner, ...others } = options;
    return `${type}(${fusion(inner as Config, indent)}, ${literal(others, indent)})`;
  };

  const encoders = Object.entries(model.encoders).map(
    ([name, encoder]) => `    ${key(name)}: ${call(encoder, 4)},\n`,
  );
  const body = [
    `export const model = ${use('multimodal')}({`,
    `  encoders: {\n${encoders.join('')}  },`,
    `  fusion: ${fusion(model.fusion, 2)},`,
    `  head: () => ${call(model.head, 2)},`,
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

function withoutDefaults(options: { readonly [option: string]: unknown }) {
  const { blocks, ...others } = options;
  if (!Array.isArray(blocks)) return options;
  const short = (blocks as { readonly [option: string]: unknown }[]).map((block) =>
    Object.fromEntries(
      Object.entries(block).filter(([name, value]) => blockDefaults[name] !== value),
    ),
  );
  return { ...others, blocks: short };
}

const key = (name: string) => (/^[\p{L}_$][\p{L}\p{N}_$]*$/u.test(name) ? name : quote(name));
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
