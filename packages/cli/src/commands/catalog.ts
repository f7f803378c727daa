import { imageEncoders } from '@chainrule/encoders-image/registry';
import { textEncoders } from '@chainrule/encoders-text/registry';
import { fusion } from '@chainrule/fusion/registry';
import { losses } from '@chainrule/losses/registry';
import { transformations } from '@chainrule/optim/registry';
import type { OptionDescription, Registry } from '@chainrule/tensor/registry';
import { table } from '../terminal.js';

type Described = ReturnType<Registry<unknown>['describe']>;

/** Everything that is registered, from the registries themselves. */
export function catalog(): { readonly [part: string]: Described } {
  return {
    encoders: [...imageEncoders.describe(), ...textEncoders.describe()],
    fusion: fusion.describe(),
    losses: losses.describe(),
    transformations: transformations.describe(),
  };
}

export function printCatalog(json: boolean): void {
  const parts = catalog();
  if (json) {
    process.stdout.write(`${JSON.stringify(parts)}\n`);
    return;
  }
  for (const [part, entries] of Object.entries(parts)) {
    const rows = entries.map(({ name, summary, options }) => [
      name,
      summary,
      options.map(option).join(', '),
    ]);
    process.stdout.write(
      `${part.toUpperCase()}\n${table(['name', 'what it is', 'options'], rows, ['left', 'left', 'left'])}\n\n`,
    );
  }
}

function option({ name, required, default: value }: OptionDescription): string {
  if (required) return name;
  return value === undefined ? `${name}?` : `${name} = ${JSON.stringify(value)}`;
}
