import { fusion as strategies } from '@chainrule/fusion/registry';
import { type ContestantId, compete } from '../contestants.js';
import { print, say, statistics, table } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

/** Medians in ms; ratio is ours ÷ PyTorch's. */
interface Row {
  readonly fusion: string;
  readonly ours: number;
  readonly pytorch: number | null;
  readonly ratio: number | null;
}

/** Each strategy, forward and backward, beside its PyTorch reference. */
export const fusionSpeed: Bench = {
  summary:
    'every strategy forward and backward, compiled, beside PyTorch: width 512, batch 64, 64 tokens',
  async run(options: BenchOptions) {
    const rows: Row[] = [];
    for (const strategy of strategies.names) {
      if (options.only && !options.only.includes(strategy)) continue;
      const contestants: ContestantId[] = ['compiled', 'torch-eager'];
      try {
        const [ours, pytorch] = await compete(
          { workload: 'fusion', options: { strategy }, contestants },
          // Steps of a millisecond: in fewer, both sides are still warming up. The gradient of block's
          // power normalization is steep around 0 and so differs by a percent with any rounding.
          { rounds: options.rounds ?? 3, steps: options.steps ?? 100, tolerance: 1e-2 },
        );
        const [own, other] = [ours!, pytorch].map((r) => (r ? statistics(r.ms).median : null));
        const ratio = other ? Number((own! / other).toFixed(2)) : null;
        rows.push({ fusion: strategy, ours: own!, pytorch: other ?? null, ratio });
        say(`${strategy}: ${own} ms, PyTorch ${other ?? '–'} ms`);
      } catch (error) {
        say(`${strategy}: failed, ${(error as Error).message}`);
        process.exitCode = 1;
      }
    }
    const ms = (value: number | null) => value?.toFixed(value < 1 ? 3 : 1) ?? '–';
    const cells = rows.map((row) => [
      row.fusion,
      ms(row.ours),
      ms(row.pytorch),
      row.ratio?.toFixed(2) ?? '–',
    ]);
    print(table(['fusion', 'ours ms', 'PyTorch ms', 'ratio'], cells));
    const fixed = rows.filter(({ pytorch }) => pytorch !== null && pytorch < 1);
    const cost = statistics(fixed.length === 0 ? [0] : fixed.map(({ ours }) => 1000 * ours)).min;
    if (fixed.length > 0) print(`\nThe fixed cost of a call is at most ${cost.toFixed(0)} µs.`);
    if (options.json) print(JSON.stringify({ rows }));
  },
};
