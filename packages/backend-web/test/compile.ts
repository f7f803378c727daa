import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import asc from 'assemblyscript/asc';

const folder = new URL('../assembly/', import.meta.url);

/** Compiles the SIMD kernels; `relaxed` with fused multiply-add. */
async function compile(relaxed: boolean): Promise<Uint8Array> {
  const files = new Map<string, Uint8Array | string>();
  const { error, stderr } = await asc.main(
    [
      'index.ts',
      '--outFile=out.wasm',
      '-O3',
      '--noAssert',
      '--enable=simd',
      ...(relaxed ? ['--enable=relaxed-simd'] : []),
      '--importMemory',
      '--noExportMemory',
      '--runtime=stub',
      '--use=abort=',
    ],
    {
      readFile: (name) => {
        try {
          return readFileSync(fileURLToPath(new URL(name, folder)), 'utf8');
        } catch {
          return null;
        }
      },
      writeFile: (name, contents) => void files.set(name, contents),
      listFiles: () => [],
    },
  );
  if (error) throw new Error(`${error.message}\n${stderr.toString()}`);
  return files.get('out.wasm') as Uint8Array;
}

/** The text of src/wasm/binary.ts. */
export async function binarySource(): Promise<string> {
  const text = async (relaxed: boolean) => Buffer.from(await compile(relaxed)).toString('base64');
  return [
    '// Compiled from assembly/ by test/binary.test.ts, with UPDATE_BINARY=1.',
    '',
    '/** With SIMD, base64. */',
    `export const SIMD =\n  '${await text(false)}';`,
    '',
    '/** The same with fused multiply-add (relaxed SIMD). */',
    `export const RELAXED_SIMD =\n  '${await text(true)}';`,
    '',
  ].join('\n');
}
