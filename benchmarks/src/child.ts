/** One of our own contestants: `child.ts WORKLOAD OPTIONS EXECUTOR`. See peers/protocol.py. */
import { createInterface } from 'node:readline';
import { executorOf } from './executors.js';
import { workload } from './workloads/index.js';

const [name, options, kind] = process.argv.slice(2);
const timed = async <T>(f: () => Promise<T>): Promise<[T, number]> => {
  const began = performance.now();
  return [await f(), performance.now() - began];
};
const answer = (value: object) => void process.stdout.write(`${JSON.stringify(value)}\n`);

const executor = await executorOf(kind!);
const work = await (await workload(name!, JSON.parse(options!))).prepare(executor);
const [loss, firstMs] = await timed(work.step);
const checks = await work.checks(loss);
answer({ parameters: work.parameters, checks, firstMs });

for await (const line of createInterface(process.stdin)) {
  const [verb, steps, limit] = line.split(' ');
  if (verb !== 'run') break;
  const until = performance.now() + Number(limit);
  const ms: number[] = [];
  do ms.push((await timed(work.step))[1]);
  while (ms.length < Number(steps) && performance.now() < until);
  answer({ ms });
}
answer({ peakMb: process.resourceUsage().maxRSS / 1024 });
process.exit();
