import { isChainruleError } from '@chainrule/tensor';
import { Command, InvalidArgumentError } from 'commander';
import { printCatalog } from './commands/catalog.js';
import { type StartOptions, start } from './commands/start.js';
import { terminal } from './terminal.js';

/** Runs the command line and gives the exit status. */
export async function main(args: readonly string[]): Promise<number> {
  let status = 0;
  const program = new Command('chainrule')
    .description('Compose encoders, fusion strategies and losses; train, ask, compare.')
    .exitOverride();

  program
    .command('start', { isDefault: true })
    .description('train on easy-VQA, or on your own pictures and words, and see what it learnt')
    .option('--fusion <name>', 'fusion strategy (`chainrule catalog` lists them)', 'product')
    .option(
      '--epochs <n>',
      'passes over the training data (default: 10, more for small data)',
      integer(1),
    )
    .option('--seed <n>', 'seed of everything random', integer(0), 0)
    .option('--data <manifest>', 'JSON Lines or CSV with columns image, text and label or target')
    .option('--image-size <n>', 'side to which pictures are resized', integer(8), 64)
    .option('--out <folder>', 'where to save the model (default: models/TASK-FUSION)')
    .option('--json <file>', 'write the results to a file')
    .option('--eager', 'run operation by operation, without compiling the step', false)
    .option('--no-serve', 'do not serve the app after training')
    .addHelpText('after', startExamples)
    .action(async (options: StartOptions) => {
      status = await interruptible((signal) => start(options, terminal(), signal));
    });

  program
    .command('catalog')
    .description(
      'list every encoder, fusion strategy, loss and gradient transformation with its options',
    )
    .option('--json', 'one JSON object', false)
    .action((options: { json: boolean }) => printCatalog(options.json));

  try {
    await program.parseAsync([...args], { from: 'user' });
    return status;
  } catch (error) {
    return report(error);
  }
}

const startExamples = `
Examples:
  $ npm start                                   train on easy-VQA with product fusion
  $ npm start -- --fusion gated --seed 1        another strategy, another seed
  $ npm start -- --data my/manifest.jsonl       your own pictures and words
  $ npm start -- --epochs 2 --json run.json     a short run, results in a file`;

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
  if (error instanceof Error && error.name === 'AbortError') return 130;
  const text = isChainruleError(error) ? error.message : ((error as Error)?.stack ?? String(error));
  process.stderr.write(`error: ${text}\n`);
  return 1;
}

function integer(least: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!Number.isSafeInteger(value) || value < least) {
      throw new InvalidArgumentError(`must be an integer of at least ${least}.`);
    }
    return value;
  };
}
