import '@tensorflow/tfjs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { main } from '@chainrule/cli';
import { disposeTree } from '@chainrule/tensor';
import { loadModel } from '@chainrule/trainer/node';
import { describe, expect, it } from 'vitest';
import {
  chainrule,
  launch,
  manifestOf,
  type Results,
  resultsOf,
  sample,
  sampleRows,
  temporaryFolder,
} from './support.js';

const folder = temporaryFolder();
let runs = 0;

const tiny = ['start', '--data', sample, '--image-size', '16', '--epochs', '1'];

/** A short training on small pictures; gives what it wrote with `--json`. */
async function start(...args: readonly string[]): Promise<Results & { text: string }> {
  const json = join(folder, `${runs++}.json`);
  const short = ['--image-size', '16', '--epochs', '3', '--no-serve'];
  const { status, stdout, stderr } = await chainrule(['start', ...short, '--json', json, ...args], {
    cwd: folder,
  });
  expect(stderr.match(/^error.*/m)?.[0]).toBeUndefined();
  expect(status).toBe(0);
  return { ...(await resultsOf(json)), text: `${stderr}${stdout}` };
}

describe('start', () => {
  it('learns the sample, shows what it learnt, and can then be asked', async () => {
    const results = await start('--data', sample, '--image-size', '64', '--epochs', '60');
    expect(results).toMatchObject({
      task: 'shapes',
      fusion: 'product',
      epochs: 60,
      backend: 'tensorflow',
      seed: 0,
      trainSeconds: expect.any(Number),
      model: join(folder, 'models/shapes-product'),
    });
    expect(results.testAccuracy).toBeGreaterThan(0.85);
    expect(results.losses).toHaveLength(60);

    const { text } = results;
    expect(text).toMatch(/192 training examples and 48 test examples, fusion product\.$/m);
    expect(text).toMatch(/^Training [\d,]+ parameters on 192 examples, 60 epochs of 3 steps \(/m);
    expect(text).toMatch(/^epoch 60\/60 {2}loss 0\.\d{4} {2}accuracy \d+\.\d\d % {2}\d+\.\d s$/m);
    expect(text.match(/^epoch /gm)!.length).toBeLessThan(25);
    expect(text).toMatch(/^overall +48 +\d+\.\d\d %$/m);
    expect(text).toMatch(/^ {2}shape +12 .*\n {2}colour +24 .*\n {2}yes\/no +12 /m);
    expect(text).toMatch(/^the question alone +\d+\.\d\d %$/m);
    expect(text).toMatch(/^picture +text +answer +truth$/m);

    // The line that it shows, as a shell reads it.
    const line = text.match(/^ {2}npx chainrule (ask .*?) {3}#/m)![1]!;
    const [, image, question] = line.match(/--image (\S+) "(.*)"$/)!;
    const ask = ['ask', '--model', 'models/shapes-product', '--image', image!];
    const { stdout, stderr } = await chainrule([...ask, question!], { cwd: folder });
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^what shape is in the image\?\n {2}circle +\d+\.\d\d %\n/);

    const answers = await chainrule([...ask, '--json', '--top', '1', question!, 'is it red?'], {
      cwd: folder,
    });
    expect(JSON.parse(answers.stdout)).toEqual({
      model: 'models/shapes-product',
      image,
      answers: [
        { text: question, labels: [{ label: 'circle', probability: expect.any(Number) }] },
        {
          text: 'is it red?',
          labels: [{ label: expect.any(String), probability: expect.any(Number) }],
        },
      ],
    });
    const blind = await chainrule(['ask', '--model', 'models/shapes-product', 'why?'], {
      cwd: folder,
    });
    expect(blind).toMatchObject({
      status: 1,
      stderr:
        'error: ask: the model in models/shapes-product takes image and text; give it a picture: --image FILE\n',
    });
  });

  it('runs with every strategy', async () => {
    const first = ['sum', 'mean', 'max', 'concat', 'gated', 'film'];
    for (const fusion of first) {
      const { losses, ...results } = await start('--data', sample, '--fusion', fusion);
      expect(results).toMatchObject({ fusion, epochs: 3 });
      expect(losses[2]).toBeLessThan(losses[0]!);
    }
  });

  it('gives the same losses for the same seed, bit for bit, and others for another', async () => {
    const losses = async (seed: string) => (await start('--data', sample, '--seed', seed)).losses;
    const first = await losses('5');
    expect(await losses('5')).toEqual(first);
    expect(await losses('6')).not.toEqual(first);
  });

  it('learns numbers', async () => {
    const numbers: { [colour: string]: number } = {
      red: 1000,
      green: 2000,
      blue: 3000,
      yellow: 4000,
    };
    const rows = (await sampleRows()).map(({ image }) => ({
      image,
      target: numbers[String(image).split('-')[0]!],
    }));
    const data = await manifestOf(
      join(folder, 'prices'),
      rows.filter((_, i) => i % 4 === 0),
    );
    const results = await start('--data', data, '--epochs', '40');
    expect(results.task).toBe('prices');
    expect(results.testMeanAbsoluteError).toBeLessThan(300);
    expect(results.text).toMatch(/^always the training mean +\d{3,4}/m);
    expect(results.text).toMatch(/^picture +prediction +truth$/m);

    const example = 'models/prices-product/example.png';
    const ask = ['ask', '--model', 'models/prices-product', '--image', example];
    const { stdout } = await chainrule([...ask, '--json'], { cwd: folder });
    expect(JSON.parse(stdout).answers).toEqual([{ values: [expect.any(Number)] }]);
    expect((await chainrule(ask, { cwd: folder })).stdout).toMatch(/^ {2}\d+(\.\d+)?\n$/);
  });

  it('learns from texts alone, and from a validation split', async () => {
    const animals = ['cat', 'dog', 'cow', 'hen'];
    const verbs = ['sleeps', 'eats', 'runs', 'sings', 'looks', 'waits'];
    const rows = animals.flatMap((animal) =>
      verbs.map((verb, i) => ({
        text: `the ${animal} ${verb}`,
        label: animal,
        split: ['train', 'train', 'train', 'train', 'validation', 'test'][i],
      })),
    );
    const data = join(folder, 'animals.csv');
    const csv = rows.map((row) => Object.values(row).join());
    await writeFile(data, ['text,label,split', ...csv].join('\n'));
    const results = await start('--data', data, '--epochs', '30');
    expect(results).toMatchObject({ task: 'animals', testAccuracy: 1 });
    expect(results.text).toMatch(
      /^epoch 30\/30 .* validation loss \d\.\d{4} {2}accuracy 100\.00 % /m,
    );
    const { stdout } = await chainrule(
      ['ask', '--model', 'models/animals-product', 'a cow sings'],
      {
        cwd: folder,
      },
    );
    expect(stdout).toMatch(/^a cow sings\n {2}cow +\d+\.\d\d %/);
  });

  it('says which strategies need two modalities', async () => {
    const rows = (await sampleRows()).map(({ image, label }) => ({ image, label }));
    const data = await manifestOf(join(folder, 'pictures'), rows);
    const { status, stderr } = await chainrule(['start', '--data', data, '--fusion', 'film'], {
      cwd: folder,
    });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: fusion\.film: .*at least 2 modalities, got image/m);
  });

  it('keeps the model when there is no room for the results', async () => {
    const { status, stderr } = await chainrule([...tiny, '--json', '/dev/full'], { cwd: folder });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: can not write \/dev\/full: ENOSPC/m);
    const { about } = await loadModel(join(folder, 'models/shapes-product'));
    expect(about).toMatchObject({ task: 'shapes', epochs: 1 });
  });

  it('says so when the disk is full, and leaves nothing half-made', async () => {
    const out = join(folder, 'full');
    // A compiled step writes files of its own, elsewhere.
    const args = [...tiny, '--eager', '--out', join(out, 'model')];
    const { status, stderr } = await chainrule(args, { cwd: folder, shell: 'ulimit -f 64' });
    expect(status).toBe(1);
    expect(stderr).toMatch(/^error: saveModel: can not write .*: EFBIG: .*on a disk with room$/m);
    expect(await readdir(out)).toEqual([]);
  });

  it('runs on, slower, without the native library, and says so in one line', async () => {
    const rows = (await sampleRows()).filter((_, i) => i % 20 === 0);
    const data = await manifestOf(join(folder, 'few'), rows);
    const { status, stderr } = await chainrule(
      ['start', '--data', data, '--image-size', '16', '--epochs', '1'],
      { cwd: folder, env: { CHAINRULE_CACHE: join(folder, 'empty') } },
    );
    expect(stderr).toMatch(
      /^chainrule: .*slower cpu backend; fix: .*\n.*few.*\nTraining .*\(cpu backend, eager\)\.\nepoch 1\/1 .*\n$/,
    );
    expect(status).toBe(0);
  });
});

describe('a model of easy-VQA that is saved', () => {
  const out = join(folder, 'vqa');
  const again = (...args: readonly string[]) =>
    chainrule(['start', '--no-serve', '--epochs', '1', '--out', out, ...args], { cwd: folder });
  const table = (text: string) =>
    text.match(/^test +questions[\s\S]*?^the question alone.*$/m)?.[0];

  it('is used again where the options are the same, and says what it can do', async () => {
    const first = await again();
    expect(first.stderr).toMatch(/^Training /m);
    const { about, params } = await loadModel(out);
    expect(about).toMatchObject({ task: 'easy-vqa', epochs: 1, accuracy: expect.any(Number) });
    disposeTree(params);

    const second = await again();
    expect(second).toMatchObject({ status: 0 });
    expect(second.stderr).toMatch(/^The very same model is in .*; --retrain trains it anew/m);
    expect(second.stderr).not.toMatch(/^Training /m);
    expect(table(first.stdout)).toMatch(/^overall +9,673 /m);
    expect(table(second.stdout)).toBe(table(first.stdout));
  });

  it.each([
    [['--retrain']],
    [['--seed', '1']],
    [['--fusion', 'sum']],
    [['--json', join(folder, 'run.json')]],
  ])('is trained anew with %j', async (args) => {
    const { ended, seen, kill } = launch(
      ['start', '--no-serve', '--epochs', '1', '--out', out, ...args],
      { cwd: folder },
    );
    await seen(/^(Training|The very same|error)/m);
    kill('SIGKILL');
    expect((await ended).stderr).toMatch(/^Training /m);
  });
});

describe('the app', () => {
  it('is served after training, unless it is not wanted', async () => {
    const served: string[] = [];
    const serve = async (model: string) => void served.push(model);
    const out = join(folder, 'served');
    const args = ['start', '--data', sample, '--image-size', '16', '--epochs', '1', '--out', out];
    expect(await main([...args, '--no-serve'], { serve })).toBe(0);
    expect(served).toEqual([]);
    expect(await main(args, { serve })).toBe(0);
    expect(served).toEqual([out]);
  });
});

describe('Ctrl-C', () => {
  it('stops within two seconds in mid-epoch and keeps the best model so far', async () => {
    const args = ['start', '--data', sample, '--image-size', '96', '--epochs', '50'];
    const { ended, seen, kill } = launch(args, { cwd: folder });
    await seen(/^epoch +3\/50/m);
    const began = performance.now();
    kill('SIGINT');
    const { status, stderr } = await ended;
    expect(performance.now() - began).toBeLessThan(2000);
    expect(status).toBe(130);
    const saved = stderr.match(
      /^Stopped\. The model as it was after epoch (\d+) is saved in (.*)\.$/m,
    );
    const { about } = await loadModel(saved![2]!);
    expect(about).toMatchObject({ task: 'shapes', epochs: Number(saved![1]) });
  });
});
