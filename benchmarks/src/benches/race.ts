import { lookUp } from '@chainrule/tensor';
import { type ContestantId, compete } from '../contestants.js';
import { print, type Race, report, summarize } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

/** A benchmark that races contestants at one workload. */
export function raceBench(
  name: string,
  summary: string,
  contestants: readonly ContestantId[],
  defaults: Race,
): Bench {
  return {
    summary,
    async run(options: BenchOptions) {
      const known = Object.fromEntries(contestants.map((id) => [id, id]));
      const wanted = options.only?.map((id) => lookUp('bench: --only', known, id)) ?? contestants;
      const results = await compete(
        { workload: name, contestants: contestants.filter((id) => wanted.includes(id)) },
        {
          ...defaults,
          rounds: options.rounds ?? defaults.rounds,
          steps: options.steps ?? defaults.steps,
        },
      );
      const result = summarize(name, results);
      report(result, results);
      if (options.json) print(JSON.stringify(result));
    },
  };
}
