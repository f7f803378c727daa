import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { cacheFolder } from '@chainrule/data/node';
import { type FusionFactory, modalityDropout } from '@chainrule/fusion';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { root } from '../../../scripts/lib/run.mjs';
import { executorOf } from '../executors.js';
import { cells, head, RATES, ranked, summarize, write } from '../fusion/report.js';
import { openResults, type Run } from '../fusion/results.js';
import { trainTask } from '../fusion/task.js';
import { full, openTask, quick, type TaskName } from '../fusion/tasks.js';
import { print, say, table } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

/** Kept with the source: all of it takes hours, and is done in parts. */
const MEASURED = 'benchmarks/results/fusion.json';

const TASKS: readonly TaskName[] = ['xor', 'vqa', 'clevr'];

/**
 * Where the defaults would take hours: pairs of objects grow with the square of their number. Its pool and
 * norm are those that the guide recommends, since the paper's sum needs a longer training.
 */
const settings: { readonly [strategy: string]: object } = {
  relationNetwork: { width: 64, layers: 2, pool: 'maxAndMean', norm: 'batch' },
};

/**
 * Trains every strategy on every task, as much of it as was not done before. A part of it alone is
 * `--workload xor`, `vqa`, `clevr` or `missing`, and `--only` some strategies.
 */
export const fusion: Bench = {
  summary:
    'every strategy, same budget and seeds, on XOR, easy-VQA and Sort-of-CLEVR; writes docs/',
  async run(options: BenchOptions) {
    const budget = options.quick ? quick : full;
    const seeds = options.seeds ?? (options.quick ? 1 : 3);
    const names = strategies.names.filter((name) => options.only?.includes(name) ?? true);
    const tasks = TASKS.filter(
      (task) => options.workload === undefined || task === options.workload,
    );
    const missing = [undefined, 'missing'].includes(options.workload);
    await executorOf('compiled');
    const results = await openResults(
      options.quick ? join(cacheFolder(), 'bench', 'fusion.json') : join(root, MEASURED),
    );

    const measure = async (strategy: string, task: TaskName, seed: number, dropout: boolean) => {
      const epochs = budget.epochs[task];
      const images = task === 'clevr' ? budget.clevrImages : 0;
      const wanted = { strategy, task, seed, dropout, epochs, images };
      if (await results.has(wanted)) return;
      const opened = await openTask(task, seed, budget);
      const trained = await trainTask(opened, factory(strategy, dropout), { seed });
      const accuracy: { [name: string]: number } = {};
      if (dropout) {
        for (const rate of RATES) accuracy[`${rate}`] = await trained.accuracyMissing(rate);
      } else {
        const kinds = task === 'clevr' ? ['nonRelational', 'relational'] : [];
        accuracy.all = await trained.accuracy();
        for (const kind of kinds) accuracy[kind] = await trained.accuracy(kind);
      }
      const { parameters, stepMs, seconds } = trained;
      const took = {
        parameters: parameters.fusion,
        stepMs,
        seconds,
        cores: availableParallelism(),
      };
      trained.dispose();
      await results.add({ ...wanted, accuracy, ...took });
      const shown = Object.entries(accuracy).map(
        ([name, x]) => `${name} ${(100 * x).toFixed(1)} %`,
      );
      say(
        `${task}, ${strategy}, seed ${seed}${dropout ? ', dropout' : ''}: ${shown.join(', ')} in ${seconds.toFixed(0)} s`,
      );
    };
    for (let seed = 0; seed < seeds; seed++) {
      for (const task of tasks) {
        for (const strategy of names) await measure(strategy, task, seed, false);
      }
    }
    if (missing) {
      for (const strategy of names) await measure(strategy, 'vqa', 0, true);
    }

    const current = results.runs.filter(
      ({ task, epochs, images, seed }) =>
        seed < seeds &&
        epochs === budget.epochs[task] &&
        images === (task === 'clevr' ? budget.clevrImages : 0),
    );
    const measured = strategies.names.filter((name) =>
      current.some((r: Run) => r.strategy === name),
    );
    const rows = ranked(summarize(current, measured));
    print(table(head, rows.map(cells)));
    if (!options.quick || options.write) await write(rows, budget, seeds);
    if (options.json) print(JSON.stringify({ bench: 'fusion', strategies: rows }));
  },
};

function factory(strategy: string, dropout: boolean): FusionFactory {
  const plain: FusionFactory = (given) =>
    strategies.create(strategy, { ...given, ...settings[strategy] });
  return dropout ? (given) => modalityDropout(plain(given), { rate: 0.3 }) : plain;
}
