import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { describe, expect, it } from 'vitest';

const packages = fileURLToPath(new URL('../../', import.meta.url));

/** Bundles one line, as an application's bundler would; tfjs stays outside. */
async function bundle(contents: string): Promise<{ bytes: number; files: string[] }> {
  const { metafile } = await build({
    stdin: { contents, resolveDir: packages, loader: 'ts' },
    bundle: true,
    minify: true,
    write: false,
    metafile: true,
    format: 'esm',
    external: ['@tensorflow/*'],
    alias: {
      '@chainrule/fusion': `${packages}fusion/src/index.ts`,
      '@chainrule/tensor': `${packages}tensor/src/index.ts`,
    },
  });
  const [output] = Object.values(metafile.outputs);
  const used = Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { bytes: output!.bytes, files: used.map(([path]) => path) };
}

describe('one strategy imported bundles one strategy', () => {
  const simple = ['concat', 'film', 'gated', 'max', 'mean', 'product', 'sum'];
  const sources = readdirSync(new URL('../src/strategies', import.meta.url));
  const strategies = sources.map((file) => file.replace(/\.ts$/, ''));
  it.each(strategies)('%s', async (name) => {
    const { bytes, files } = await bundle(`export { ${name} } from '@chainrule/fusion';`);
    const bundled = files.filter((file) => file.includes('/strategies/'));
    expect(bundled.map((file) => file.replace(/.*\/(\w+)\.ts$/, '$1'))).toEqual([name]);
    expect(files.filter((file) => /zod|registry/.test(file))).toEqual([]);
    expect(bytes).toBeLessThan(simple.includes(name) ? 8_500 : 18_000);
  });
});
