import { join, resolve } from 'node:path';
import { useNative } from '@chainrule/backend-node/backend';
import { fusion as fusions } from '@chainrule/fusion/registry';
import { countParams, disposeTree, eager, lookUp } from '@chainrule/tensor';
import {
  finish,
  type MultimodalParams,
  type TrainingFailure,
  type TrainResult,
  train,
} from '@chainrule/trainer';
import type { TrainedModel } from '@chainrule/trainer/files';
import { checkModelFolder, loadModel, saveModel } from '@chainrule/trainer/node';
import { closing } from '../closing.js';
import { INTERRUPTED } from '../exit.js';
import { outputs } from '../predict.js';
import { type Prepared, prepare } from '../prepare.js';
import { progress } from '../progress.js';
import { defaultEpochs, type Recipe, recipe } from '../recipe.js';
import { type Measured, report } from '../report.js';
import { isSame, trainedModel } from '../saved.js';
import { openTask, type Task, taskName } from '../task.js';
import { count, type Terminal } from '../terminal.js';
import { checkWritable, writeJson } from '../write.js';

export interface StartOptions {
  readonly fusion: string;
  readonly epochs?: number;
  readonly seed: number;
  readonly data?: string;
  readonly json?: string;
  readonly out?: string;
  readonly imageSize: number;
  readonly eager?: boolean;
  /** Trains even where the very same model is saved. */
  readonly retrain?: boolean;
  /** Whether the app is served afterwards, where there is one. */
  readonly serve?: boolean;
}

/** Shows saved models to people, until the signal; `folder` is the one that has just been trained. */
export type Serve = (folder: string, signal: AbortSignal) => Promise<void>;

/**
 * The main job: train the article's composition on pictures and questions, save it, evaluate it,
 * show what it can do and serve the app. Gives the exit status.
 */
export async function start(
  options: StartOptions,
  out: Terminal,
  signal: AbortSignal,
  serve?: Serve,
): Promise<number> {
  checkFusion(options.fusion);
  const folder = resolve(options.out ?? join('models', `${taskName(options)}-${options.fusion}`));
  const status = await trained(folder, options, out, signal);
  if (status === 0 && serve && options.serve !== false) await serve(folder, signal);
  return status;
}

async function trained(
  folder: string,
  options: StartOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<number> {
  await checkModelFolder(folder);
  if (options.json !== undefined) await checkWritable(options.json);

  const backend = await useNative({ training: true });
  const job = await openJob(options, out, signal);
  const save = async (result: Pick<Result, 'params' | 'bestEpoch'>, measured?: Measured) =>
    saveModel(
      folder,
      await trainedModel(job.task, job.data, job.recipe, result, { ...options, ...measured }),
    );

  const saved = await reusable(job, folder, options);
  if (saved !== undefined) {
    out.line(
      `The very same model is in ${folder} already; --retrain trains it anew. This is what it can do.`,
    );
    await show(job, saved, folder, options, out, signal);
    disposeTree(saved.params);
    return 0;
  }

  const began = performance.now();
  const result = await finish(training(job, options, signal), progress(out)).catch(
    async (error) => {
      if (isDivergence(error) && error.result.bestEpoch > 0) {
        await save(error.result);
        out.line(`The model as it was after ${age(error.result)} is saved in ${folder}.`);
      }
      throw error;
    },
  );
  const trainSeconds = (performance.now() - began) / 1000;
  if (result.steps === 0) {
    out.line('Stopped before the first step; nothing to save.');
    return INTERRUPTED;
  }
  await save(result);
  if (result.reason === 'aborted') {
    out.line(`Stopped. The model as it was after ${age(result)} is saved in ${folder}.`);
    return INTERRUPTED;
  }

  const measured = await show(job, result, folder, options, out, signal);
  // Whoever serves it says what it reached.
  await save(result, measured);
  if (options.json !== undefined) {
    await writeJson(options.json, {
      task: job.task.name,
      fusion: options.fusion,
      ...measured,
      epochs: job.epochs,
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

type Result = TrainResult<MultimodalParams>;

/** What a run works on. */
interface Job {
  readonly task: Task;
  readonly data: Prepared;
  readonly recipe: Recipe;
  readonly epochs: number;
}

async function openJob(options: StartOptions, out: Terminal, signal: AbortSignal): Promise<Job> {
  const task = await openTask(options, out.line, signal);
  out.line(
    `${task.source}: ${count(task.train.examples.length, 'training example')} and ` +
      `${count(task.test.examples.length, 'test example')}, fusion ${options.fusion}.`,
  );
  const data = prepare(task, options);
  const vocabulary = data.tokenizer?.vocabulary.length;
  return {
    task,
    data,
    recipe: recipe(task.train, { ...options, vocabulary }),
    epochs: options.epochs ?? defaultEpochs(data.train.stepsPerEpoch),
  };
}

/**
 * The model in the folder, where training with these options would make it again. Only of easy-VQA:
 * one's own data may have changed. Who wants the record of a run in a file wants the run.
 */
async function reusable(
  job: Job,
  folder: string,
  options: StartOptions,
): Promise<TrainedModel | undefined> {
  if (options.retrain || options.data !== undefined || options.json !== undefined) return undefined;
  const saved = await loadModel(folder).catch(() => undefined);
  if (saved === undefined) return undefined;
  if (isSame(saved, job.recipe, { ...options, epochs: job.epochs })) return saved;
  disposeTree(saved.params);
  return undefined;
}

function training({ data, recipe, epochs }: Job, options: StartOptions, signal: AbortSignal) {
  return train({
    model: recipe.model,
    objective: recipe.objective,
    optimizer: recipe.optimizer(epochs * data.train.stepsPerEpoch),
    data: data.train,
    ...(data.validation && { validation: data.validation }),
    // Without data to choose by, the schedule's last epoch is the one to keep.
    keep: data.validation ? 'best' : 'last',
    epochs,
    seed: options.seed,
    signal,
    ...(options.eager && { executor: eager() }),
  });
}

/** Measures the model on the test data and prints what it can do, and what to try next. */
async function show(
  { task, data, recipe }: Job,
  { params }: Pick<TrainedModel, 'params'>,
  folder: string,
  options: StartOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<Measured> {
  const model = { model: recipe.model, params };
  out.live('measuring');
  const predicted = await outputs(model, task.test, data.test, signal).catch((error: unknown) => {
    if (signal.aborted) out.line(`The model is saved in ${folder}.`);
    throw error;
  });
  out.settle();
  const say = (text = '') => void process.stdout.write(`${text}\n`);
  const measured = report(say, task, predicted);
  say();
  say(closing(folder, task, options.fusion));
  return measured;
}

const age = ({ bestEpoch, steps }: Result): string =>
  bestEpoch === 0 ? count(steps, 'step') : `epoch ${bestEpoch}`;

function checkFusion(name: string): void {
  lookUp('fusion', Object.fromEntries(fusions.names.map((each) => [each, each])), name);
}

function isDivergence(error: unknown): error is TrainingFailure<MultimodalParams> {
  return error instanceof Error && 'code' in error && error.code === 'DIVERGED';
}
