// `pnpm demo`: the app for development; `pnpm demo:static`: the app that needs no server.
import './lib/check-node.mjs';

const { develop, buildStatic } = await import('./lib/develop.mjs');

try {
  const [what, ...args] = process.argv.slice(2);
  await (what === 'static' ? buildStatic(args) : develop());
} catch (error) {
  console.error(error.message);
  process.exit(1);
}
