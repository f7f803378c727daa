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
import { checkModelFolder, saveModel } from '@chainrule/trainer/node';
import { closing } from '../closing.js';
import { INTERRUPTED } from '../exit.js';
import { outputs } from '../predict.js';
import { prepare } from '../prepare.js';
import { progress } from '../progress.js';
import { defaultEpochs, recipe } from '../recipe.js';
import { report } from '../report.js';
import { trainedModel } from '../saved.js';
import { openTask, taskName } from '../task.js';
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
}

/**
 * The main job: train the article's composition on pictures and questions, save it, evaluate it and
 * show what it can do.
 */
export async function start(
  options: StartOptions,
  out: Terminal,
  signal: AbortSignal,
): Promise<number> {
  checkFusion(options.fusion);
  const folder = resolve(options.out ?? join('models', `${taskName(options)}-${options.fusion}`));
  await checkModelFolder(folder);
  if (options.json !== undefined) await checkWritable(options.json);

  const backend = await useNative({ training: true });
  const task = await openTask(options, out.line, signal);
  out.line(
    `${task.source}: ${count(task.train.examples.length, 'training example')} and ` +
      `${count(task.test.examples.length, 'test example')}, fusion ${options.fusion}.`,
  );
  const data = prepare(task, options);
  const parts = recipe(task.train, { ...options, vocabulary: data.tokenizer?.vocabulary.length });
  const epochs = options.epochs ?? defaultEpochs(data.train.stepsPerEpoch);

  const began = performance.now();
  const run = train({
    model: parts.model,
    objective: parts.objective,
    optimizer: parts.optimizer(epochs * data.train.stepsPerEpoch),
    data: data.train,
    ...(data.validation && { validation: data.validation }),
    epochs,
    seed: options.seed,
    keep: data.validation ? 'best' : 'last',
    signal,
    ...(options.eager && { executor: eager() }),
  });
  const save = async (result: TrainResult<MultimodalParams>) =>
    saveModel(folder, await trainedModel(task, data, parts, result, options));
  const result = await finish(run, progress(out)).catch(async (error) => {
    if (isDivergence(error) && error.result.bestEpoch > 0) {
      await save(error.result);
      out.line(`The model as it was after epoch ${error.result.bestEpoch} is saved in ${folder}.`);
    }
    throw error;
  });
  const trainSeconds = (performance.now() - began) / 1000;
  if (result.steps === 0) {
    out.line('Stopped before the first step; nothing to save.');
    return INTERRUPTED;
  }
  await save(result);
  if (result.reason === 'aborted') {
    const { bestEpoch, steps } = result;
    const age = bestEpoch === 0 ? count(steps, 'step') : `epoch ${bestEpoch}`;
    out.line(`Stopped. The model as it was after ${age} is saved in ${folder}.`);
    return INTERRUPTED;
  }

  const say = (text = '') => void process.stdout.write(`${text}\n`);
  const model = { model: parts.model, params: result.params };
  out.live('measuring');
  const predicted = await outputs(model, task.test, data.test, signal).catch((error: unknown) => {
    if (signal.aborted) out.line(`The model is saved in ${folder}.`);
    throw error;
  });
  out.settle();
  const measured = report(say, task, predicted);
  say();
  say(closing(folder, task, options.fusion));
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

function checkFusion(name: string): void {
  lookUp('fusion', Object.fromEntries(fusions.names.map((each) => [each, each])), name);
}

function isDivergence(error: unknown): error is TrainingFailure<MultimodalParams> {
  return error instanceof Error && 'code' in error && error.code === 'DIVERGED';
}
