import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { encoders } from '../encoders/index.js';
import { executorOf } from '../executors.js';
import { type Contestant, print, race, say, statistics, table } from '../harness.js';
import { interpreter, peersFolder } from '../python.js';
import { encode } from '../workload.js';
import { workload as workloadOf } from '../workloads/index.js';
import type { Bench, BenchOptions } from './bench.js';

/** Embeddings a second at the median; ratio is ours ÷ PyTorch's. */
interface Row {
  readonly encoder: string;
  readonly ours: number;
  readonly pytorch: number | null;
  readonly ratio: number | null;
}

/** Pretrained encoders, compiled, beside PyTorch, which computes from the same weights. */
export const encodersBench: Bench = {
  summary: 'embeddings a second of the pretrained encoders, beside PyTorch; 100 real inputs agree',
  async run(options: BenchOptions) {
    const rows: Row[] = [];
    for (const [name, { title, batch, workload, peer, tolerance }] of Object.entries(encoders)) {
      if (options.only && !options.only.includes(name)) continue;
      const folder = await mkdtemp(join(tmpdir(), 'chainrule-bench-'));
      try {
        const file = join(folder, 'data.safetensors');
        await executorOf('eager');
        await writeFile(file, encode(await (await workloadOf(workload, {})).data()));
        const [ours, pytorch] = await race(contestants(workload, peer, file), {
          rounds: options.rounds ?? 5,
          steps: options.steps ?? 5,
          tolerance,
        });
        const perSecond = (ms: readonly number[]) => (1000 * batch) / statistics(ms).median;
        const own = perSecond(ours!.ms);
        const other = pytorch ? perSecond(pytorch.ms) : null;
        rows.push({ encoder: title, ours: own, pytorch: other, ratio: other && own / other });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }
    const cells = rows.map(({ encoder, ours, pytorch, ratio }) => [
      encoder,
      ours.toFixed(1),
      pytorch?.toFixed(1) ?? '–',
      ratio?.toFixed(2) ?? '–',
    ]);
    print(table(['encoder', 'ours /s', 'PyTorch /s', 'ratio'], cells));
    if (options.json) print(JSON.stringify({ bench: 'encoders', rows }));
  },
};

function contestants(
  workload: string,
  [script, ...args]: readonly [string, ...string[]],
  file: string,
): Contestant[] {
  const child = fileURLToPath(new URL('../child.ts', import.meta.url));
  const tsx = import.meta.resolve('tsx');
  const ours: Contestant = {
    name: 'Chainrule, compiled',
    command: [process.execPath, '--import', tsx, child, workload, '{}', 'compiled'],
  };
  const python = interpreter('torch');
  if (python === undefined) {
    say('PyTorch: left out, there is no Python environment; make it with `pnpm bench setup`');
    return [ours];
  }
  const command = [python, join(peersFolder, script), ...args, file] as const;
  return [ours, { name: 'PyTorch, eager', command }];
}
