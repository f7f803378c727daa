import { isChainruleError } from '@chainrule/tensor';
import { Command, InvalidArgumentError } from 'commander';
import { invocation } from './closing.js';
import type { AskOptions } from './commands/ask.js';
import type { RetrievalOptions } from './commands/retrieval.js';
import type { Serve, StartOptions } from './commands/start.js';
import { INTERRUPTED } from './exit.js';
import { terminal } from './terminal.js';

export type { Serve };

export interface MainOptions {
  /** What `start` goes on with where there is an app to serve: the repository has one. */
  readonly serve?: Serve;
}

/**
 * Runs the command line and gives the exit status.
 *
 * @example
 * process.exitCode = await main(['ask', '--model', 'models/mine', 'is it warm?']);
 */
export async function main(args: readonly string[], { serve }: MainOptions = {}): Promise<number> {
  let status = 0;
  const say = (text: string) => void process.stdout.write(`${text}\n`);
  const program = new Command('chainrule')
    .description('Compose encoders, fusion strategies and losses; train, ask, compare.')
    .addHelpText(
      'after',
      '\n`chainrule help COMMAND` shows the options of a command, with examples.',
    )
    .exitOverride();

  program
    .command('start')
    .description('train on easy-VQA, or on your own pictures and words, and see what it learnt')
    .option('--fusion <name>', 'fusion strategy (`chainrule catalog` lists them)', 'product')
    .option(
      '--epochs <n>',
      'passes over the training data (default: 10, more for small data)',
      integer(1),
    )
    .option('--seed <n>', 'seed of everything random', integer(0), 0)
    .option('--data <manifest>', 'JSON Lines or CSV with columns image, text and label or target')
    .option('--image-size <n>', 'side to which pictures are resized', integer(16), 64)
    .option('--out <folder>', 'where to save the model (default: models/TASK-FUSION)')
    .option('--json <file>', 'write the results to a file')
    .option('--eager', 'run operation by operation, without compiling the step')
    .option('--retrain', 'train even where the very same model of easy-VQA is saved')
    .option('--no-serve', 'end after training, without serving the app')
    .addHelpText('after', () => examples('start', START_EXAMPLES))
    .action(async (options: StartOptions) => {
      // Commands are loaded when they run, so that help and mistakes answer at once.
      const { start } = await import('./commands/start.js');
      status = await interruptible((signal) => start(options, terminal(), signal, serve));
    });

  program
    .command('ask')
    .description('ask a saved model about a picture, a text, or both')
    .argument('[texts...]', 'questions, each in quotes')
    .requiredOption('--model <folder>', 'a model that `chainrule start` saved')
    .option('--image <file>', 'PNG, JPEG, WebP or SVG')
    .option('--top <n>', 'how many answers to show', integer(1), 3)
    .option('--json', 'one JSON object')
    .addHelpText('after', () => examples('ask', ASK_EXAMPLES))
    .action(async (texts: string[], options: AskOptions) => {
      const { ask } = await import('./commands/ask.js');
      await ask(texts, options, say);
    });

  program
    .command('retrieval')
    .description('find pictures by words and words by pictures: train on emoji, measure, ask')
    .option('--seeds <n>', 'measure with seeds 0 … n − 1', integer(1), 3)
    .option(
      '--out <folder>',
      'where to save the model; the page goes beside it',
      'models/retrieval',
    )
    .option('--concepts <n>', 'a quick look at so many of the 1,594 concepts', integer(40))
    .option('--retrain', 'train even where the very same model is saved')
    .option('--no-prompt', 'end without asking for queries')
    .option('--json', 'end with one JSON object as the last line, without asking for queries')
    .addHelpText('after', () => examples('retrieval', RETRIEVAL_EXAMPLES))
    .action(async (options: RetrievalOptions) => {
      const { retrieval } = await import('./commands/retrieval.js');
      status = await interruptible((signal) => retrieval(options, terminal(), signal));
    });

  program
    .command('catalog')
    .description(
      'list every encoder, fusion strategy, loss and gradient transformation with its options',
    )
    .option('--json', 'one JSON object')
    .addHelpText('after', () => examples('catalog', CATALOG_EXAMPLES))
    .action(async ({ json = false }: { json?: boolean }) => {
      const { printCatalog } = await import('./commands/catalog.js');
      printCatalog(json, say);
    });

  try {
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    return report(error);
  }
}

type Examples = readonly (readonly [args: string, what: string])[];

const START_EXAMPLES: Examples = [
  ['', 'train on easy-VQA with product fusion'],
  ['--fusion gated --seed 1', 'another strategy, another seed'],
  ['--data my/manifest.jsonl', 'your own pictures and words'],
  ['--epochs 2 --json run.json', 'a short run, results in a file'],
];
const ASK_EXAMPLES: Examples = [
  ['--model models/easy-vqa-product --image picture.png "what color is the circle?"', ''],
  ['--model models/mine --top 1 --json "is it raining?" "is it warm?"', ''],
];
const RETRIEVAL_EXAMPLES: Examples = [
  ['', 'train, measure with three seeds, then ask'],
  ['--seeds 1 --no-prompt', 'one seed, no questions'],
  ['--concepts 200', 'a quick look'],
  ['--json | tail -n 1', 'for programs'],
];
const CATALOG_EXAMPLES: Examples = [
  ['', 'tables to read'],
  ['--json > catalog.json', 'for programs'],
];

function examples(command: Parameters<typeof invocation>[0], list: Examples): string {
  const lines = list.map(([args, what]) => [`  $ ${invocation(command)} ${args}`.trimEnd(), what]);
  const width = Math.max(...lines.map(([line]) => line!.length));
  const shown = lines.map(([line, what]) => `${line!.padEnd(width)}   ${what}`.trimEnd());
  return ['', 'Examples:', ...shown].join('\n');
}

/** Ctrl-C once ends the work cleanly; a second time ends the process. */
async function interruptible(work: (signal: AbortSignal) => Promise<number>): Promise<number> {
  const controller = new AbortController();
  const stop = () => controller.abort();
  process.once('SIGINT', stop).once('SIGTERM', stop);
  try {
    return await work(controller.signal);
  } finally {
    process.off('SIGINT', stop).off('SIGTERM', stop);
  }
}

/** Errors that say what to do are shown as they are; others are ours and come with their stack. */
function report(error: unknown): number {
  if (error instanceof Error && error.name === 'CommanderError') {
    return (error as Error & { exitCode: number }).exitCode;
  }
  if (error instanceof Error && error.name === 'AbortError') {
    process.stderr.write('Stopped.\n');
    return INTERRUPTED;
  }
  process.stderr.write(`error: ${messageOf(error)}\n`);
  return 1;
}

function messageOf(error: unknown): string {
  if (isChainruleError(error)) return error.message;
  if (!(error instanceof Error)) return String(error);
  if (/\b(ENOSPC|EDQUOT|EFBIG)\b/.test(error.message))
    return `${error.message}; make room on the disk`;
  return error.stack ?? error.message;
}

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`It must be an integer of at least ${least}.`);
    }
    return value;
  };
}
