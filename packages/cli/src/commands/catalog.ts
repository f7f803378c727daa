import { imageEncoders } from '@chainrule/encoders-image/registry';
import { textEncoders } from '@chainrule/encoders-text/registry';
import { fusion } from '@chainrule/fusion/registry';
import { losses } from '@chainrule/losses/registry';
import { transformations } from '@chainrule/optim/registry';
import type { OptionDescription, Registry } from '@chainrule/tensor/registry';

type Described = ReturnType<Registry<unknown>['describe']>[number];

/** Everything that is registered, from the registries themselves. */
interface Catalog {
  readonly encoders: readonly (Described & { readonly modality: 'image' | 'text' })[];
  readonly fusion: readonly Described[];
  readonly losses: readonly Described[];
  readonly transformations: readonly Described[];
}

function catalog(): Catalog {
  return {
    encoders: [
      ...imageEncoders.describe().map((entry) => ({ modality: 'image' as const, ...entry })),
      ...textEncoders.describe().map((entry) => ({ modality: 'text' as const, ...entry })),
    ],
    fusion: fusion.describe(),
    losses: losses.describe(),
    transformations: transformations.describe(),
  };
}

export function printCatalog(json: boolean, say: (text: string) => void): void {
  const parts = catalog();
  if (json) {
    say(JSON.stringify(parts));
    return;
  }
  const { encoders, ...rest } = parts;
  const of = (modality: string) => encoders.filter((encoder) => encoder.modality === modality);
  const sections = {
    'image encoders': of('image'),
    'text encoders': of('text'),
    'fusion strategies': rest.fusion,
    losses: rest.losses,
    'gradient transformations': rest.transformations,
  };
  const texts = Object.entries(sections).map(([title, entries]) =>
    [title.toUpperCase(), ...entries.map(readable)].join('\n\n'),
  );
  say(texts.join('\n\n\n'));
}

/** A name with what it is, and below it its options. */
function readable({ name, summary, options }: Described): string {
  return [`${name} — ${summary}`, ...options.map((option) => `    ${describe(option)}`)].join('\n');
}

function describe(option: OptionDescription): string {
  const { name, type, required, default: value, description } = option;
  const preset = value === undefined ? '' : ` = ${JSON.stringify(value)}`;
  const optional = required || value !== undefined ? '' : '?';
  return `${name}${optional}: ${type}${preset}${description ? `   ${description}` : ''}`;
}
