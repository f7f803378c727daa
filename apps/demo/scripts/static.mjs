// `pnpm demo:static`: the page that trains and answers without a server, whole, in `dist`.
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { build } from 'vite';
import { pack } from './pack.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values } = parseArgs({
  options: {
    out: { type: 'string', default: here('../dist') },
    model: { type: 'string', default: here('../../../models/easy-vqa-product') },
    images: { type: 'string' },
    help: { type: 'boolean', default: false },
  },
});

if (values.help) {
  process.stdout.write(`pnpm demo:static [options]

  --out FOLDER     default: apps/demo/dist
  --model FOLDER   a saved model to answer with, where there is one (default: models/easy-vqa-product)
  --images N       at most so many pictures of each part, for a quick try
`);
  process.exit();
}

await build({
  configFile: here('../vite.config.ts'),
  logLevel: 'warn',
  build: { outDir: values.out, emptyOutDir: true },
});
const log = (line) => process.stderr.write(`${line}\n`);
await pack(`${values.out}/data`, {
  model: values.model,
  log,
  ...(values.images && { images: Number(values.images) }),
});
log(`built ${values.out}; serve it with any server of files`);
