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
      '@chainrule/losses': `${packages}losses/src/index.ts`,
      '@chainrule/tensor': `${packages}tensor/src/index.ts`,
    },
  });
  const [output] = Object.values(metafile.outputs);
  const used = Object.entries(output!.inputs).filter(([, { bytesInOutput }]) => bytesInOutput > 0);
  return { bytes: output!.bytes, files: used.map(([path]) => path) };
}

describe('one loss imported bundles one loss', () => {
  const losses = [
    'binaryCrossEntropy',
    'cosine',
    'crossEntropy',
    'halfSquaredError',
    'huber',
    'infoNce',
    'meanAbsoluteError',
    'meanSquaredError',
    'siglip',
    'triplet',
  ];
  it.each(losses)('%s', async (name) => {
    const { bytes, files } = await bundle(`export { ${name} } from '@chainrule/losses';`);
    const bundled = files.filter((file) => file.includes('/losses/src/losses/'));
    expect(bundled.map((file) => file.replace(/.*\/([\w-]+)\.ts$/, '$1'))).toEqual([
      name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`),
    ]);
    expect(files.filter((file) => /zod|registry/.test(file))).toEqual([]);
    expect(bytes).toBeLessThan(4_000);
  });
});
