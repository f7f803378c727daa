import { join } from 'node:path';
import { easyVqa } from '@chainrule/data/node';
import { fusion as strategies } from '@chainrule/fusion/registry';
import { disposeTree } from '@chainrule/tensor';
import { predictor } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import * as tf from '@tensorflow/tfjs';
import sharp from 'sharp';
import { beforeAll, describe, expect, it } from 'vitest';
import { recipe } from '../../../../packages/cli/src/recipe.js';
import type { Lab, RunEvent } from '../../src/lab/lab.js';
import { compose, objectiveOf, optimizerOf } from '../../src/lab/recipe.js';
import { RemoteError, remoteLab } from '../../src/lab/remote.js';
import {
  childrenOf,
  gray,
  isAlive,
  type Served,
  serve,
  smallPage,
  temporaryFolder,
  until,
  untrained,
  untrainedRetrieval,
} from './support.js';

const folder = temporaryFolder();
const models = join(folder, 'models');
const retrieval = join(models, 'retrieval');
let page: string;
let server: Served;
let lab: Lab;
let trained: TrainedModel;

beforeAll(async () => {
  await tf.setBackend('cpu');
  page = await smallPage(join(folder, 'page'));
  trained = await untrained(join(models, 'easy-vqa-product'));
  server = await serve(
    ...['--model', models, '--page', page, '--runs', '2', '--retrieval', retrieval],
  );
  lab = remoteLab(server.url);
});

const short = { fusion: 'sum', epochs: 1, learningRate: 0.003, seed: 0 } as const;
const usual = { ...short, loss: 'crossEntropy', optimizer: 'adamw' } as const;

/** Starts a run and gathers its events. */
async function run(request: Partial<Parameters<Lab['start']>[0]> = {}) {
  const events: RunEvent[] = [];
  let over = () => {};
  const ended = new Promise<void>((resolve) => {
    over = resolve;
  });
  const started = await lab.start({ ...usual, ...request }, (event) => {
    events.push(event);
    if (event.type === 'stop' || event.type === 'error') over();
  });
  return { ...started, events, ended, types: () => events.map(({ type }) => type) };
}

describe('the catalogue', () => {
  it('has strategies, the model, and pictures to ask about', async () => {
    const { fusions, model, samples, search, ...rest } = await lab.catalog();
    expect(rest).toEqual({ where: 'server', backend: 'tensorflow' });
    expect(fusions.map(({ name }) => name)).toEqual(strategies.names);
    expect(model).toEqual({ fusion: 'product', accuracy: 0.25 });
    expect(search.ready).toBe(false);
    expect(search.missing).toMatch(/retrieval/);
    expect(samples).toHaveLength(24);

    const [sample] = samples;
    const number = Number(sample!.image.match(/\/api\/samples\/(\d+)\.png$/)![1]);
    const { test } = await easyVqa();
    const own = test.examples.filter(({ inputs }) => inputs.image.id === `test/${number}`);
    expect(sample!.questions).toEqual(
      own.map(({ inputs, label }) => ({ text: inputs.text, answer: label })),
    );
    const png = await (await fetch(sample!.image)).arrayBuffer();
    const { data } = await sharp(png).raw().toBuffer({ resolveWithObject: true });
    const size = { height: 64, width: 64, channels: 3, fit: 'fill' } as const;
    expect(new Uint8Array(data)).toEqual(new Uint8Array(await own[0]!.inputs.image.read(size)));
  });

  it('describes itself', async () => {
    const described = await (await fetch(`${server.url}/openapi.json`)).json();
    expect(described.openapi).toBe('3.1.0');
    expect(Object.keys(described.paths).sort()).toEqual([
      '/api/answers',
      '/api/answers/picture',
      '/api/catalog',
      '/api/emoji/{file}',
      '/api/inspections/{fusion}',
      '/api/runs',
      '/api/runs/{id}/events',
      '/api/runs/{id}/pause',
      '/api/runs/{id}/resume',
      '/api/runs/{id}/stop',
      '/api/samples/{file}',
      '/api/search',
      '/api/search/picture',
    ]);
    const { requestBody } = described.paths['/api/runs'].post;
    const { properties } = requestBody.content['application/json'].schema;
    expect(properties.epochs).toMatchObject({ type: 'integer', minimum: 1, maximum: 30 });
    expect(described.components.schemas.RunEvent).toBeDefined();
  });

  it('shows how every strategy is composed', async () => {
    for (const fusion of ['product', 'gated']) {
      const { config, parameters, parts } = await lab.inspect(fusion);
      const model = compose(fusion, { vocabulary: 28, classes: 13 });
      expect(config).toEqual(JSON.parse(JSON.stringify(model.config)));
      expect(parts.map(({ name }) => name)).toEqual(['image', 'text', 'fusion', 'head']);
      expect(parts.reduce((sum, part) => sum + part.parameters, 0)).toBe(parameters);
      expect(parts.at(-1)).toMatchObject({ output: [null, 13] });
    }
    await expect(lab.inspect('gatd')).rejects.toThrow('did you mean "gated"?');
  });
});

describe('an answer', () => {
  const text = 'what color is the circle?';
  const pixels = new Uint8ClampedArray(Buffer.from(gray, 'base64'));

  it('is what the model says, with what each modality contributed', async () => {
    const { answers, contributions, milliseconds } = await lab.answer({ pixels, text });
    const image = tf.div(tf.tensor4d(Float32Array.from(pixels), [1, 64, 64, 3]), 255);
    const [expected] = await predictor(trained).classify({ image, text: [text] });
    image.dispose();
    expect(answers.map(({ label }) => label)).toEqual(expected!.map(({ label }) => label));
    answers.forEach(({ probability }, i) => {
      expect(probability).toBeCloseTo(expected![i]!.probability, 4);
    });
    expect(Object.keys(contributions)).toEqual(['image', 'text']);
    expect(Object.values(contributions).every(Number.isFinite)).toBe(true);
    expect(milliseconds).toBeGreaterThan(0);
  });

  it('is the same for a picture file, and in company', async () => {
    const alone = await lab.answer({ pixels, text });
    const png = await sharp(Buffer.from(pixels), { raw: { width: 64, height: 64, channels: 3 } })
      .png()
      .toBuffer();
    const uploaded = await fetch(
      `${server.url}/api/answers/picture?text=${encodeURIComponent(text)}`,
      { method: 'POST', headers: { 'content-type': 'image/png' }, body: new Uint8Array(png) },
    );
    const many = await Promise.all([
      ...Array.from({ length: 40 }, (_, i) =>
        lab.answer({ pixels: pixels.map((byte) => byte + i), text: `is there a circle? ${i}` }),
      ),
      lab.answer({ pixels, text }),
    ]);
    for (const reply of [await uploaded.json(), many.at(-1)!]) {
      expect(reply.answers[0].label).toBe(alone.answers[0]!.label);
      expect(reply.answers[0].probability).toBeCloseTo(alone.answers[0]!.probability, 5);
      expect(reply.contributions.image).toBeCloseTo(alone.contributions.image!, 4);
    }
  });

  it('is not waited for by who has left', async () => {
    await expect(lab.answer({ pixels, text }, AbortSignal.abort())).rejects.toThrow(/abort/);
  });

  it('comes again after the process that answers has been ended', async () => {
    const [child] = childrenOf(server.process.pid!);
    process.kill(child!, 'SIGKILL');
    await until(() => !isAlive(child!));
    expect((await lab.answer({ pixels, text })).answers).toHaveLength(13);
  });
});

describe('search', () => {
  it('says what is missing', async () => {
    const search = lab.search({ text: 'a cat' });
    await expect(search).rejects.toThrow(/retrieval/);
    await expect(search).rejects.toBeInstanceOf(RemoteError);
    await expect(fetch(`${server.url}/api/emoji/0.png`)).resolves.toMatchObject({ status: 404 });
  });

  it('finds what the model holds most alike, once there is one', async () => {
    const model = await untrainedRetrieval(retrieval);
    expect((await lab.catalog()).search).toEqual({ ready: true });

    const { names, pictures } = await lab.search({ text: 'crocodile' });
    expect(names[0]).toMatchObject({ name: 'crocodile', similarity: expect.closeTo(1, 4) });
    expect(pictures).toHaveLength(12);
    const similarities = pictures.map(({ similarity }) => similarity);
    expect(similarities).toEqual([...similarities].sort((a, b) => b - a));

    // A picture finds itself, though for it being sent at another size.
    const found = await fetch(names[0]!.image);
    expect(found.headers.get('content-type')).toBe('image/png');
    const byPicture = await lab.search({ image: await found.blob() });
    expect(byPicture.pictures.map(({ name }) => name)).toContain('crocodile');
    expect(byPicture.pictures[0]!.similarity).toBeGreaterThan(0.99);
    disposeTree(model.params);
  });
});

describe('a run', () => {
  it('has the model, the objective and the optimiser of npm start', async () => {
    const { train } = await easyVqa();
    const sizes = { vocabulary: 28, classes: 13 };
    const theirs = recipe(train, { fusion: 'product', vocabulary: 28, imageSize: 64 });
    expect(compose('product', sizes).config).toEqual(theirs.model.config);
    expect(objectiveOf(usual).config).toEqual(theirs.objective.config);
    expect(optimizerOf(usual, 100).config).toEqual(theirs.optimizer(100).config);
  });

  it('tells of its steps and epochs, and learns', async () => {
    const { id, events, ended } = await run();
    await ended;
    expect(events.every((event) => event.run === id)).toBe(true);
    expect(events[0]).toMatchObject({
      type: 'start',
      parameters: 170877,
      epochs: 1,
      stepsPerEpoch: 63,
      executor: 'compiled',
      backend: 'tensorflow',
    });
    const steps = events.filter((event) => event.type === 'step');
    expect(steps.length).toBeGreaterThan(3);
    for (const { shares, msPerStep } of steps) {
      expect(shares.image! + shares.text!).toBeCloseTo(1, 6);
      expect(msPerStep).toBeGreaterThan(0);
    }
    expect(steps.at(-1)!.loss).toBeLessThan(steps[0]!.loss);
    const [epoch, stop] = events.slice(-2);
    expect(epoch).toMatchObject({ type: 'epoch', epoch: 1, testAccuracy: expect.any(Number) });
    expect(epoch!.type === 'epoch' && epoch!.testAccuracy).toBeGreaterThan(0.5);
    expect(stop).toEqual({ run: id, type: 'stop', reason: 'completed' });

    // Who comes late hears all of it; who names the last event that he has, the rest.
    const replay = async (last: number) => {
      const headers = { 'last-event-id': `${last}` };
      const response = await fetch(`${server.url}/api/runs/${id}/events`, { headers });
      return (await response.text()).match(/^id: \d+$/gm);
    };
    expect(await replay(0)).toHaveLength(events.length);
    expect(await replay(events.length - 2)).toEqual([
      `id: ${events.length - 1}`,
      `id: ${events.length}`,
    ]);
  });

  it('pauses, goes on and stops; two at a time, a third is refused', async () => {
    const first = await run({ epochs: 30, fusion: 'gated' });
    const second = await run({ epochs: 30, optimizer: 'sgd', loss: 'labelSmoothing' });
    await expect(run()).rejects.toThrow('2 runs are under way');
    await expect(run()).rejects.toMatchObject({ status: 429 });

    await until(() => first.types().includes('step'));
    await first.pause();
    await until(() => first.types().includes('paused'));
    await new Promise((resolve) => setTimeout(resolve, 500));
    const count = first.events.length;
    await new Promise((resolve) => setTimeout(resolve, 1500));
    expect(first.events).toHaveLength(count);
    await first.resume();
    await until(() => first.types().slice(count).includes('step'));

    await Promise.all([first.stop(), second.stop()]);
    await Promise.all([first.ended, second.ended]);
    for (const { events, id } of [first, second]) {
      expect(events.at(-1)).toEqual({ run: id, type: 'stop', reason: 'aborted' });
    }
    await expect(first.pause()).rejects.toThrow('the run is over');
    await first.stop();
    const times = second.events.filter(({ type }) => type === 'step').length;
    expect(times).toBeGreaterThan(0);
    // Their places are free again.
    await until(() => childrenOf(server.process.pid!).length === 1);
  });

  it('that diverges says so', async () => {
    const { events, ended, id } = await run({ optimizer: 'sgd', learningRate: 10, epochs: 3 });
    await ended;
    expect(events.at(-1)).toEqual({ run: id, type: 'stop', reason: 'diverged' });
  });

  it('that breaks off says so', async () => {
    const { events, ended } = await run({ epochs: 30 });
    const children = childrenOf(server.process.pid!);
    process.kill(children.at(-1)!, 'SIGKILL');
    await ended;
    expect(events.at(-1)).toMatchObject({ type: 'error', message: /broke off/ });
  });
});

describe('the end of the server', () => {
  it('ends its children, by a signal or without one, and its streams', async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      const own = await serve('--model', models, '--page', page);
      const other = remoteLab(own.url);
      await other.start({ ...usual, epochs: 30 }, () => {});
      const children = childrenOf(own.process.pid!);
      expect(children).toHaveLength(2);
      const began = performance.now();
      await own.stop(signal);
      expect(performance.now() - began).toBeLessThan(10_000);
      await until(() => !children.some(isAlive));
      if (signal === 'SIGTERM') expect(own.process.exitCode).toBe(0);
    }
  });
});
