import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { ChainruleError } from '@chainrule/tensor';
import autocannon from 'autocannon';
import { root } from '../../../scripts/lib/run.mjs';
import { compile } from '../../../scripts/lib/setup.mjs';
import { print, say, table } from '../harness.js';
import type { Bench, BenchOptions } from './bench.js';

const CONNECTIONS = 50;
const SECONDS = 30;
/** Most that the 99th percentile may be of the median. */
const RATIO = 5;
const PIXEL_BYTES = 64 * 64 * 3;

/** The demo's server under load: what an answer costs when fifty ask at once. */
export const serve: Bench = {
  summary: "the demo server's answer endpoint: 50 connections for 30 s, answers a second, p50, p99",
  async run(options: BenchOptions) {
    const server = await start();
    try {
      const { fusion, questions } = await modelOf(server.url);
      const load = (seconds: number) =>
        autocannon({
          url: `${server.url}/api/answers`,
          connections: CONNECTIONS,
          duration: seconds,
          requests: questions.map((text, i) => ({
            method: 'POST' as const,
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ pixels: noise(i), text }),
          })),
        });
      await load(3);
      const seconds = options.quick ? 5 : SECONDS;
      say(`${CONNECTIONS} connections for ${seconds} s`);
      const { requests, latency, non2xx, errors, timeouts, ...rest } = await load(seconds);
      const measured = {
        answersPerSecond: requests.average,
        p50: latency.p50,
        p99: latency.p99,
        non2xx,
        serverErrors: rest['5xx'],
        errors: errors + timeouts,
      };
      print(
        table(
          ['model', 'answers/s', 'p50 ms', 'p99 ms', 'non-2xx', 'errors'],
          [
            [
              fusion,
              measured.answersPerSecond.toFixed(0),
              `${measured.p50}`,
              `${measured.p99}`,
              `${non2xx}`,
              `${measured.errors}`,
            ],
          ],
        ),
      );
      if (options.json) print(JSON.stringify({ bench: 'serve', seconds, ...measured }));
      judge(measured);
    } finally {
      await server.stop();
    }
  },
};

function judge(measured: { non2xx: number; errors: number; p50: number; p99: number }): void {
  const { non2xx, errors, p50, p99 } = measured;
  if (non2xx + errors > 0) {
    throw new ChainruleError('BENCH_FAILED', `serve: ${non2xx + errors} questions had no answer`);
  }
  if (p99 > RATIO * p50) {
    throw new ChainruleError('BENCH_FAILED', `serve: p99 is ${(p99 / p50).toFixed(1)} times p50`);
  }
}

/** The server as it is started by hand, with the models of the repository. */
async function start() {
  await compile('apps/demo/tsconfig.server.json');
  const main = join(root, 'apps/demo/server/dist/server/main.js');
  const child = spawn(process.execPath, [main, '--port', '0', '--model', join(root, 'models')], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(() => {
      throw new ChainruleError('BENCH_FAILED', 'serve: the server did not start');
    }),
  ])) as [string];
  return {
    url: line.slice(line.indexOf('http')),
    async stop() {
      if (child.exitCode !== null) return;
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      await ended;
    },
  };
}

async function modelOf(url: string) {
  const { model, samples } = (await (await fetch(`${url}/api/catalog`)).json()) as {
    model?: { fusion: string };
    samples: { questions: { text: string }[] }[];
  };
  if (model === undefined) {
    throw new ChainruleError(
      'BENCH_FAILED',
      'serve: there is no model to ask; run npm start -- --no-serve',
    );
  }
  return { fusion: model.fusion, questions: samples.flatMap((s) => s.questions[0]?.text ?? []) };
}

/** Pixels that differ by question, as base64. */
function noise(seed: number): string {
  return Buffer.from(
    Uint8Array.from({ length: PIXEL_BYTES }, (_, i) => (i * (seed + 3) * 2654435761) >>> 24),
  ).toString('base64');
}
