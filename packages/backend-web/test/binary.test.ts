import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { binarySource } from './compile.js';

const path = fileURLToPath(new URL('../src/wasm/binary.ts', import.meta.url));

// `UPDATE_BINARY=1 npx vitest run packages/backend-web/test/binary.test.ts` compiles it anew.
test('the binary is what the sources compile to', async () => {
  const source = await binarySource();
  if (process.env.UPDATE_BINARY) writeFileSync(path, source);
  expect(readFileSync(path, 'utf8') === source, 'run with UPDATE_BINARY=1').toBe(true);
});
