// Creates the folder of a new package: `node scripts/new-package.mjs NAME "One sentence."`
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';

const [name, sentence, ...deps] = process.argv.slice(2);
if (!name || !sentence) {
  console.error(
    'usage: node scripts/new-package.mjs NAME "One sentence." [workspace-dependency ...]',
  );
  process.exit(2);
}
const folder = new URL(`../packages/${name}/`, import.meta.url);
const json = (value) => `${JSON.stringify(value, null, 2)}\n`;
for (const sub of ['src/', 'test/']) mkdirSync(new URL(sub, folder), { recursive: true });

writeFileSync(
  new URL('package.json', folder),
  json({
    name: `@chainrule/${name}`,
    version: '0.1.0',
    description: sentence,
    license: 'Apache-2.0',
    type: 'module',
    sideEffects: false,
    engines: { node: '>=20.19' },
    files: ['dist', 'CHANGELOG.md'],
    exports: {
      '.': { types: './dist/index.d.ts', default: './dist/index.js' },
      './package.json': './package.json',
    },
    publishConfig: { access: 'public' },
    scripts: { build: 'tsc --build' },
    dependencies: Object.fromEntries(deps.map((d) => [`@chainrule/${d}`, 'workspace:^'])),
    peerDependencies: { '@tensorflow/tfjs-core': '^4.22.0' },
    devDependencies: { '@tensorflow/tfjs-core': 'catalog:' },
  }),
);
writeFileSync(
  new URL('tsconfig.json', folder),
  json({
    extends: '../../tsconfig.base.json',
    compilerOptions: { rootDir: 'src', outDir: 'dist', tsBuildInfoFile: 'dist/.tsbuildinfo' },
    include: ['src'],
    references: deps.map((d) => ({ path: `../${d}` })),
  }),
);
writeFileSync(new URL('README.md', folder), `# @chainrule/${name}\n\n${sentence}\n`);
writeFileSync(
  new URL('CHANGELOG.md', folder),
  `# @chainrule/${name}\n\n## 0.1.0\n\nFirst release.\n`,
);
writeFileSync(new URL('src/index.ts', folder), 'export {};\n');

const solution = new URL('../tsconfig.json', import.meta.url);
const { references, ...rest } = JSON.parse(readFileSync(solution, 'utf8'));
writeFileSync(
  solution,
  json({ ...rest, references: [...references, { path: `packages/${name}` }] }),
);
console.log(`packages/${name} is there. Next: \`pnpm install && pnpm fix\`.`);
