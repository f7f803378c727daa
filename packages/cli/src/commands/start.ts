import { resolve } from 'node:path';
import { useNative } from '@chainrule/backend-node/backend';
import { type LoaderOptions, loader } from '@chainrule/data';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import { fusion as fusions } from '@chainrule/fusion/registry';
import { countParams, disposeTree, eager, type Json, lookUp, type Params } from '@chainrule/tensor';
import { type TrainResult, train } from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import { saveModel } from '@chainrule/trainer/node';
import { outputs } from '../predict.js';
import { progress } from '../progress.js';
import { recipe } from '../recipe.js';
import { report } from '../report.js';
import { openTask } from '../task.js';
import type { Terminal } from '../terminal.js';
import { checkWritable, writeJson } from '../write.js';

export interface StartOptions {
  readonly fusion: string;
  readonly epochs?: number;
  readonly seed: number;
  readonly data?: string;
  readonly json?: string;
  readonly out?: string;
  readonly imageSize: number;
  readonly eager: boolean;
}

/** Exit status after Ctrl-C, as shells expect it. */
const INTERRUPTED = 130;
/** Images (or examples, where nothing repeats) in a batch. */
const BATCH = 64;

/**
 * The main job: train the article's composition on pictures and questions, evaluate it, show what
 * it can do, save it.
 */
export async function start(
  options: StartOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<number> {
  lookUp('fusion', Object.fromEntries(fusions.names.map((name) => [name, name])), options.fusion);
  const backend = await useNative({ training: true });
  const task = await openTask(options, (line) => out.line(line), signal);
  const folder = resolve(options.out ?? `models/${safeName(task.name)}-${options.fusion}`);
  await checkWritable(folder, options.json);
  out.line(
    `${task.source}: ${count(task.train.examples)} training and ${count(task.test.examples)} test examples, fusion ${options.fusion}.`,
  );

  const texts = task.train.examples.flatMap(({ inputs }) => inputs.text ?? []);
  const tokenizer = texts.length === 0 ? undefined : fitWordTokenizer(texts);
  const grouped = task.train.modalities.includes('image');
  const imageSize = [options.imageSize, options.imageSize] as const;
  const common: LoaderOptions = {
    batchSize: BATCH,
    seed: options.seed,
    imageSize,
    ...(grouped && { groupBy: 'image' }),
    ...(tokenizer && { tokenizer, maxLength: tokenizer.maxLength }),
  };
  const data = loader(task.train, common);
  const parts = recipe(task.train, {
    fusion: options.fusion,
    vocabulary: tokenizer?.vocabulary.length ?? 0,
    imageSize,
  });
  const epochs = options.epochs ?? defaultEpochs(data.stepsPerEpoch);

  const began = performance.now();
  const run = train({
    ...parts,
    optimizer: parts.optimizer(epochs * data.stepsPerEpoch),
    data,
    epochs,
    seed: options.seed,
    keep: 'last',
    signal,
    ...(options.eager && { executor: eager() }),
  });
  const result = await consume(run, progress(out));
  const trainSeconds = (performance.now() - began) / 1000;

  const trained: TrainedModel = {
    model: parts.model,
    params: result.params,
    ...(tokenizer && { tokenizer: tokenizer.config as unknown as Json }),
    ...(task.train.classes && { labels: task.train.classes }),
    imageSize,
    about: {
      task: task.name,
      fusion: options.fusion,
      seed: options.seed,
      epochs: result.bestEpoch,
    },
  };
  if (result.reason === 'aborted') return await interrupted(trained, result, folder, out);

  const test = loader(task.test, { ...common, shuffle: false });
  const predicted = await outputs(parts.model, result.params, task.test, test, signal);
  await saveModel(folder, trained);
  const measured = report((text) => out.line(text), task, predicted);
  out.line();
  out.line(
    `Saved in ${folder}. Next: npm start -- --fusion gated, or --data with a manifest of your own.`,
  );
  if (options.json !== undefined) {
    await writeJson(options.json, {
      task: task.name,
      fusion: options.fusion,
      ...measured,
      epochs,
      trainSeconds,
      backend: backend.name,
      seed: options.seed,
      parameters: countParams(result.params),
      steps: result.steps,
      losses: result.history.map((epoch) => epoch.train.loss),
      model: folder,
    });
  }
  disposeTree(result.params);
  return 0;
}

/** Feeds the events to the reporter and gives what training returns. */
async function consume<P extends Params>(
  run: ReturnType<typeof train<P>>,
  show: ReturnType<typeof progress>,
): Promise<TrainResult<P>> {
  for (;;) {
    const next = await run.next();
    if (next.done) return next.value;
    show(next.value);
  }
}

async function interrupted(
  trained: TrainedModel,
  { bestEpoch, steps }: TrainResult,
  folder: string,
  out: Terminal,
): Promise<number> {
  if (steps === 0) {
    out.line('Stopped before the first step; nothing to save.');
    return INTERRUPTED;
  }
  await saveModel(folder, trained);
  const age = bestEpoch === 0 ? `${steps} steps` : `epoch ${bestEpoch}`;
  out.line(`Stopped. The model as it was after ${age} is saved in ${folder}.`);
  return INTERRUPTED;
}

/** A file name from a data set's name. */
const safeName = (name: string) => name.replace(/\.[a-z]+$/i, '').replace(/[^\w-]+/g, '-');

const count = (examples: readonly unknown[]) => examples.length.toLocaleString('en');

/** Small data need more passes: about 600 steps, but at least 10 epochs and at most 100. */
const defaultEpochs = (stepsPerEpoch: number) =>
  Math.min(100, Math.max(10, Math.ceil(600 / stepsPerEpoch)));
