import '@tensorflow/tfjs';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { imageEncoders } from '@chainrule/encoders-image/registry';
import { textEncoders } from '@chainrule/encoders-text/registry';
import { gated, modalityDropout } from '@chainrule/fusion';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { type Encoder, mlp } from '@chainrule/tensor';
import { type Multimodal, multimodal, scaledMlp } from '@chainrule/trainer';
import ts from 'typescript';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compose } from '../../src/lab/recipe.js';
import { configToTypeScript } from '../../src/rooms/inspect/source.js';
import { tokens } from '../../src/ui/highlight.js';

const demo = fileURLToPath(new URL('../..', import.meta.url));
const folder = join(demo, 'test-results', `source-${process.pid}`);

const needed: { readonly [encoder: string]: object } = { vectorLstm: { in: 8 } };
const encoded = (name: string, encoder: Encoder): [string, Multimodal] => [
  `encoder-${name}`,
  multimodal({
    encoders: { [name]: encoder, 'alt text': encoder },
    fusion: (given) => strategies.create('concat', given),
    head: (width) => mlp({ in: width, out: 3 }),
  }),
];

const models: ReadonlyMap<string, Multimodal> = new Map([
  ...strategies.names.map((name): [string, Multimodal] => [
    name,
    compose(name, { vocabulary: 27, classes: 13 }),
  ]),
  ...imageEncoders.names.map((name) => encoded(name, imageEncoders.create(name) as Encoder)),
  ...textEncoders.names.map((name) =>
    encoded(name, textEncoders.create(name, needed[name] ?? { vocabulary: 9 })),
  ),
  [
    'wrapped',
    multimodal({
      encoders: { text: textEncoders.create('gru', { vocabulary: 9 }) },
      fusion: ({ widths }) => modalityDropout(gated({ widths }), { rate: 0.25 }),
      head: (width) => scaledMlp({ in: width, out: 1, shift: [3], scale: [2.5] }),
    }),
  ],
]);
const file = (name: string) => join(folder, `${name}.ts`);

beforeAll(() => {
  mkdirSync(folder, { recursive: true });
  for (const [name, { config }] of models) writeFileSync(file(name), configToTypeScript(config));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the config as TypeScript', () => {
  it.each([...models])('of %s builds the very model', async (name, model) => {
    const made = (await import(/* @vite-ignore */ file(name))) as { model: Multimodal };
    expect(made.model.config).toEqual(model.config);
  });

  it('compiles, strictly', () => {
    const path = join(demo, 'tsconfig.json');
    const { config } = ts.readConfigFile(path, ts.sys.readFile);
    const { options } = ts.parseJsonConfigFileContent(config, ts.sys, demo, {}, path);
    const files = [...models.keys()].map(file);
    const program = ts.createProgram(files, { ...options, types: ['node'] });
    const own = files.flatMap((name) => {
      const source = program.getSourceFile(name);
      return [
        ...program.getSyntacticDiagnostics(source),
        ...program.getSemanticDiagnostics(source),
      ];
    });
    expect(
      own.map(({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n')),
    ).toEqual([]);
  });

  it('is shown as it is, however it is coloured', () => {
    const source = configToTypeScript(models.get('gated')!.config);
    expect(
      tokens(source)
        .map(({ text }) => text)
        .join(''),
    ).toBe(source);
    expect(source).toMatchInlineSnapshot(`
      "import { cnn } from '@chainrule/encoders-image';
      import { lstm } from '@chainrule/encoders-text';
      import { gated } from '@chainrule/fusion';
      import { mlp } from '@chainrule/tensor';
      import { multimodal } from '@chainrule/trainer';

      export const model = multimodal({
        encoders: {
          image: cnn({
            size: [64, 64],
            channels: 3,
            pool: 'globalMax',
            coordinates: false,
            learnedTokens: 0,
            width: 128,
            activation: 'relu',
            pixels: 'centered',
            augment: ['flip'],
            blocks: [
              { filters: 16, stride: 2, norm: 'batch' },
              { filters: 32, stride: 2, norm: 'batch' },
              { filters: 64, stride: 2, norm: 'batch' },
              { filters: 64, stride: 2, norm: 'batch' },
            ],
          }),
          text: lstm({ vocabulary: 27, embedding: 32, width: 128, activation: 'tanh' }),
        },
        fusion: gated({ widths: { image: 128, text: 128 }, width: 128 }),
        head: () => mlp({ hidden: [128], activation: 'relu', dropout: 0, in: 128, out: 13 }),
      });
      "
    `);
  });

  it('refuses a factory that it does not know', () => {
    const { config } = models.get('sum')!;
    expect(() => configToTypeScript({ ...config, head: { type: 'evil' } })).toThrow('evil');
  });
});
