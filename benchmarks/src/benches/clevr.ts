import { executorOf } from '../executors.js';
import { clevrFusion, clevrRecipe, clevrTask, recipes } from '../fusion/clevr.js';
import { trainTask } from '../fusion/task.js';
import { print, say, table } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

/** Trains on the full Sort-of-CLEVR and measures both kinds of question. */
export const clevr: Bench = {
  summary: 'Sort-of-CLEVR: train with --fusion film, relation, concat or any strategy, and measure',
  async run(options: BenchOptions) {
    const names = options.fusion?.split(',') ?? Object.keys(recipes);
    await executorOf('compiled');
    const rows: string[][] = [];
    for (const name of names) {
      const result = await measure(name, options);
      const percent = (share: number) => `${(100 * share).toFixed(2)} %`;
      const { nonRelational, relational, seconds } = result;
      rows.push([name, percent(nonRelational), percent(relational), seconds.toFixed(0)]);
      if (name === names.at(-1)) {
        print(table(['fusion', 'non-relational', 'relational', 'seconds'], rows));
      }
      if (options.json) print(JSON.stringify(result));
    }
  },
};

async function measure(name: string, { epochs, images, seed = 0 }: BenchOptions) {
  const recipe = clevrRecipe(name);
  const task = clevrTask(recipe, { seed, images });
  const began = performance.now();
  const trained = await trainTask(task, clevrFusion(recipe), {
    ...{ seed, epochs },
    onEpoch: (epoch, accuracy, seconds) =>
      say(`${name}: epoch ${epoch}, ${(100 * accuracy).toFixed(2)} % in ${seconds.toFixed(1)} s`),
  });
  const seconds = (performance.now() - began) / 1000;
  const nonRelational = await trained.accuracy('nonRelational');
  const relational = await trained.accuracy('relational');
  trained.dispose();
  const rounded = (share: number) => Number(share.toFixed(4));
  return {
    fusion: name,
    nonRelational: rounded(nonRelational),
    relational: rounded(relational),
    seconds: Math.round(seconds),
  };
}
