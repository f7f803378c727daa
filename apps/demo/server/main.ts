import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startServer } from './server.js';

const USAGE = `node apps/demo/server/dist/server/main.js [options]

  --host HOST         address to listen on (default: 127.0.0.1, this machine alone)
  --port N            default: 4700, or a free one; 0: a free one
  --model FOLDER      a saved model, or a folder of several (default: models)
  --retrieval FOLDER  a saved retrieval model (default: models/retrieval)
  --page FOLDER       the built page (default: the one that npm start builds)
  --runs N            training runs at a time (default: 4)
`;

const { values } = parseArgs({
  options: {
    host: { type: 'string' },
    port: { type: 'string' },
    model: { type: 'string' },
    retrieval: { type: 'string' },
    page: { type: 'string', default: fileURLToPath(new URL('../page', import.meta.url)) },
    runs: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(USAGE);
} else {
  const { port, runs, help: _, ...rest } = values;
  const server = await startServer({
    ...rest,
    port: port === undefined ? undefined : integer('--port', port, 0, 65_535),
    runs: runs === undefined ? undefined : integer('--runs', runs, 1, 64),
  });
  process.stdout.write(`Chainrule is at ${server.url}\n`);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => void server.close().then(() => process.exit()));
  }
}

function integer(name: string, text: string, least: number, most: number): number {
  const value = Number(text);
  if (text.trim() !== '' && Number.isSafeInteger(value) && value >= least && value <= most) {
    return value;
  }
  process.stderr.write(`error: ${name} must be an integer from ${least} to ${most}, got ${text}\n`);
  process.exit(1);
}
