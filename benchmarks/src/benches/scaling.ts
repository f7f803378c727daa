import { compete } from '../contestants.js';
import { print, type Result, type Summary, summarize, table } from '../harness.js';
import type { StepOptions } from '../workloads/step.js';
import type { Bench, BenchOptions } from './bench.js';

const REFERENCE: Required<StepOptions> = { batch: 32, filters: 32 };
const BATCHES = [1, 8, 128, 512];
/** 1 M, 4 M, 32 M and 50 M parameters. */
const FILTERS = [2, 8, 64, 101];
const POINTS = [
  REFERENCE,
  ...BATCHES.map((batch) => ({ ...REFERENCE, batch })),
  ...FILTERS.map((filters) => ({ ...REFERENCE, filters })),
];
const CONTESTANTS = ['compiled', 'torch-eager', 'tensorflow-function'] as const;

/** The article's step at other batch sizes and numbers of parameters. */
export const scaling: Bench = {
  summary: "the article's step against batch 1 … 512 and against parameters 1 M … 50 M",
  async run(options: BenchOptions) {
    const points: Point[] = [];
    const contestants = CONTESTANTS.filter((id) => options.only?.includes(id) ?? true);
    for (const point of POINTS) {
      const results = await compete(
        { workload: 'step', options: point, contestants },
        // After the first update the systems differ in where Adam's epsilon stands.
        { rounds: options.rounds ?? 3, steps: options.steps ?? 5, tolerance: 0.1 },
      );
      const [{ name, parameters }] = results as [Result];
      const summary = summarize('scaling', results);
      points.push({ batch: point.batch, parameters, name, ...summary });
    }
    const peers = Object.keys(points[0]!.peers);
    const rows = points.map((point) => [
      `${point.batch}`,
      point.parameters.toLocaleString('en'),
      point.ours.median.toFixed(1),
      ...peers.map((name) => point.peers[name]?.median.toFixed(1) ?? ''),
      `${point.ratio ?? ''}`,
    ]);
    const head = [points[0]!.name, ...peers].map((name) => `${name}, ms`);
    print(table(['batch', 'parameters', ...head, 'ratio'], rows));
    if (!options.json) return;
    const { ours, peers: others, ratio } = points[0]!;
    print(JSON.stringify({ bench: 'scaling', ours, peers: others, ratio, points }));
  },
};

interface Point extends Summary {
  readonly batch: number;
  readonly parameters: number;
  readonly name: string;
}
