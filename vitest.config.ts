import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const packages = fileURLToPath(new URL('./packages/', import.meta.url));

// Tests run against the sources: `@chainrule/fusion/registry` is packages/fusion/src/registry.ts.
export default defineConfig({
  resolve: {
    alias: [
      { find: /^@chainrule\/([^/]+)$/, replacement: `${packages}$1/src/index.ts` },
      { find: /^@chainrule\/([^/]+)\/([^.]+)$/, replacement: `${packages}$1/src/$2.ts` },
    ],
  },
  test: {
    include: [
      'packages/*/test/**/*.test.ts',
      'apps/*/test/**/*.test.ts',
      'examples/test/**/*.test.ts',
      'scripts/test/**/*.test.ts',
    ],
    pool: 'forks',
    testTimeout: 120_000,
    hookTimeout: 300_000,
    // The cpu backend's advice, to install a package that can not be installed, in every file.
    onConsoleLog: (text) => !text.includes('looks like you are running TensorFlow.js in Node.js'),
  },
});
