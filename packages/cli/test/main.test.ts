import { existsSync } from 'node:fs';
import { readdir, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { chainrule, manifestOf, sample, sampleRows, temporaryFolder } from './support.js';

const folder = temporaryFolder();

async function failure(args: readonly string[], cwd = folder): Promise<string> {
  const { status, stdout, stderr } = await chainrule(args, { cwd });
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' });
  expect(stderr).not.toMatch(/ at .*\.js:\d/);
  return stderr.trim();
}

describe('help', () => {
  it('shows every command’s options with examples', async () => {
    const all = await chainrule(['--help']);
    expect(all).toMatchObject({ status: 0, stderr: '' });
    for (const command of ['start', 'ask', 'retrieval', 'catalog']) {
      expect(all.stdout).toMatch(new RegExp(`^ {2}${command} `, 'm'));
      const { status, stdout } = await chainrule([command, '--help']);
      expect(status).toBe(0);
      expect(stdout).toMatch(new RegExp(`Examples:\n {2}\\$ npx chainrule ${command}`));
    }
    const { stdout } = await chainrule(['start', '--help'], {
      env: { npm_package_name: 'chainrule' },
    });
    expect(stdout).toMatch('  $ npm start -- --fusion gated --seed 1 ');
    for (const option of [
      'fusion',
      'epochs',
      'seed',
      'data',
      'json',
      'retrain',
      'no-serve',
      'help',
    ]) {
      expect(stdout).toMatch(`--${option}`);
    }
  });
});

describe('wrong usage', () => {
  it.each([
    [['strat'], "error: unknown command 'strat'\n(Did you mean start?)"],
    [['start', '--fusoin', 'sum'], "error: unknown option '--fusoin'\n(Did you mean --fusion?)"],
    [
      ['start', '--epochs', '0'],
      "error: option '--epochs <n>' argument '0' is invalid. It must be an integer of at least 1.",
    ],
    [
      ['start', '--seed', '1.5'],
      "error: option '--seed <n>' argument '1.5' is invalid. It must be an integer of at least 0.",
    ],
    [
      ['retrieval', '--concepts', '3'],
      "error: option '--concepts <n>' argument '3' is invalid. It must be an integer of at least 40.",
    ],
    [
      ['retrieval', '--seeds', 'two'],
      "error: option '--seeds <n>' argument 'two' is invalid. It must be an integer of at least 1.",
    ],
    [['ask', 'why?'], "error: required option '--model <folder>' not specified"],
    [['start', 'now'], "error: too many arguments for 'start'. Expected 0 arguments but got 1."],
  ])('is explained: %j', async (args, message) => {
    expect(await failure(args)).toBe(message);
  });

  it('suggests the nearest fusion strategy', async () => {
    expect(await failure(['start', '--fusion', 'gatd'])).toMatch(
      /^error: fusion: unknown name "gatd"\. Did you mean "gated"\? Known: .*product.*sum/,
    );
  });
});

describe('wrong data', () => {
  it('names the file and the line', async () => {
    const rows = (await sampleRows()).slice(0, 3).map((row) => JSON.stringify(row));
    const broken = await manifestOf(join(folder, 'broken'), [...rows, '{"image": '].join('\n'));
    expect(await failure(['start', '--data', broken])).toMatch(
      /^error: data\.manifest: manifest\.jsonl line 4 is not JSON: /,
    );
    expect(await failure(['start', '--data', 'nowhere.jsonl'])).toMatch(
      /^error: data\.manifest: can not read nowhere\.jsonl: ENOENT/,
    );
  });

  it('names the missing image, and the truncated one', async () => {
    const rows = await sampleRows();
    const missing = await manifestOf(join(folder, 'missing'), [
      ...rows,
      { image: 'purple-circle.png', text: 'what is this?', label: 'circle' },
    ]);
    expect(await failure(['start', '--data', missing])).toMatch(
      /^error: data\.manifest: manifest\.jsonl line 241: there is no image "purple-circle\.png"/,
    );
    const cut = await manifestOf(join(folder, 'cut'), rows.slice(0, 40));
    await truncate(join(folder, 'cut', 'red-circle-2.png'), 100);
    const { status, stderr } = await chainrule(['start', '--data', cut, '--epochs', '1'], {
      cwd: folder,
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: data\.image: red-circle-2\.png can not be decoded as PNG: /m);
    expect(existsSync(join(folder, 'models'))).toBe(true);
    expect(await readdir(join(folder, 'models'))).toEqual([]);
  });
});

describe('places that can not be written', () => {
  it('are refused before anything is trained', async () => {
    const file = join(folder, 'file');
    await writeFile(file, 'here first');
    const out = (place: string) => failure(['start', '--data', sample, '--out', place]);
    expect(await out(file)).toMatch(`error: saveModel: can not write ${file}: ENOTDIR`);
    expect(await out('/proc/model')).toMatch('error: saveModel: can not write /proc/model: ');
    expect(await out(join(folder, 'file', 'model'))).toMatch(/ENOTDIR.*choose a folder that you/);
    expect(await readFile(file, 'utf8')).toBe('here first');

    const json = (place: string) => failure(['start', '--data', sample, '--json', place]);
    expect(await json(join(file, 'run.json'))).toMatch(
      /error: can not write .*run\.json: .*choose another place with --json/,
    );
    expect(await json(folder)).toMatch(/error: can not write .*EISDIR/);
  });

  it('are refused where they hold something else', async () => {
    const project = await manifestOf(join(folder, 'project'), []);
    const message = await failure(['start', '--data', sample, '--out', join(folder, 'project')]);
    expect(message).toMatch(/holds ".*", so it is not just a saved model and will not be replaced/);
    expect(existsSync(project)).toBe(true);
  });
});

describe('catalog', () => {
  it('lists what the registries hold', async () => {
    const { status, stdout, stderr } = await chainrule(['catalog', '--json']);
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
    const catalog = JSON.parse(stdout) as { [part: string]: { name: string; options: object[] }[] };
    expect(Object.keys(catalog)).toEqual(['encoders', 'fusion', 'losses', 'transformations']);
    const names = (part: string) => catalog[part]!.map(({ name }) => name);
    expect(names('fusion')).toEqual(
      expect.arrayContaining(['sum', 'mean', 'max', 'product', 'concat', 'gated', 'film']),
    );
    expect(names('losses')).toContain('crossEntropy');
    expect(names('transformations')).toContain('adamw');
    expect(catalog.encoders).toContainEqual(
      expect.objectContaining({ name: 'smallCnn', modality: 'image' }),
    );
    const lstm = catalog.encoders!.find(({ name }) => name === 'lstm')!;
    expect(lstm).toMatchObject({ modality: 'text' });
    expect(lstm.options).toContainEqual(
      expect.objectContaining({ name: 'width', type: 'integer', required: false, default: 128 }),
    );
    const everything = Object.values(catalog).flat();
    for (const { name, options } of everything) {
      expect([name, Array.isArray(options)]).toEqual([name, true]);
    }
  });

  it('reads well, also where the reader has seen enough', async () => {
    const { stdout } = await chainrule(['catalog']);
    expect(stdout).toMatch(/^TEXT ENCODERS$/m);
    expect(stdout).toMatch(
      /^lstm — .*\n {4}vocabulary: integer {3}.*\n {4}embedding: integer = 128/m,
    );
    const { stderr } = await chainrule(['catalog'], { shell: 'exec > >(head -1 > /dev/null)' });
    expect(stderr).toBe('');
  });
});
