import { parseArgs } from 'node:util';
import { ChainruleError, lookUp } from '@chainrule/tensor';
import { benches } from './benches/index.js';
import { print } from './harness.js';

const USAGE = `pnpm bench NAME [options]

  --json        end with one line of JSON
  --rounds N    turns that each system takes
  --steps N     steps in a turn
  --epochs N    epochs of each training (strategies, clevr, emoji)
  --only A,B    only these systems, or strategies
  --workload W  which part (profile, fusion, emoji); the same as a second name
  --fusion A,B  these strategies (clevr)
  --images N    training pictures (clevr); default 9,800
  --seed N      of data, parameters and order (clevr); --seeds N, how many (fusion, emoji)
  --quick       a few minutes that show that all works (fusion, emoji)
  --train       train to 90 % of the test questions (web)
  --profile     the time of each kernel (web)
  --full        a million vectors too: 20 minutes and 8 GB (index)
                ("index 1000000": those alone)
  --write       write the table into its page (strategies, emoji)
`;

export async function main(args: readonly string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      rounds: { type: 'string' },
      steps: { type: 'string' },
      epochs: { type: 'string' },
      only: { type: 'string' },
      workload: { type: 'string' },
      fusion: { type: 'string' },
      images: { type: 'string' },
      seed: { type: 'string' },
      seeds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      full: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
      train: { type: 'boolean', default: false },
      profile: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  });
  const [name, workload = values.workload] = positionals;
  if (name === undefined || values.help) {
    const width = Math.max(...Object.keys(benches).map(({ length }) => length));
    const list = Object.entries(benches).map(
      ([key, { summary }]) => `  ${key.padEnd(width)}  ${summary}`,
    );
    print(`${USAGE}\n${list.join('\n')}`);
    return 0;
  }
  await lookUp('bench', benches, name).run({
    workload,
    json: values.json,
    write: values.write,
    train: values.train,
    profile: values.profile,
    rounds: count('rounds', values.rounds),
    steps: count('steps', values.steps),
    epochs: count('epochs', values.epochs),
    only: values.only?.split(','),
    fusion: values.fusion,
    quick: values.quick,
    full: values.full,
    images: count('images', values.images),
    seed: count('seed', values.seed),
    seeds: count('seeds', values.seeds),
  });
  return 0;
}

function count(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (Number.isSafeInteger(value) && value > 0) return value;
  throw new ChainruleError('OPTION', `bench: --${name} must be a positive integer, got ${text}`);
}
