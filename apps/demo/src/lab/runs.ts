import { type Dataset, type Loader, type LoaderOptions, loader } from '@chainrule/data';
import { gradientShares } from '@chainrule/diagnose';
import type { Tokenizer } from '@chainrule/encoders-text';
import { ChainruleError, disposeTree } from '@chainrule/tensor';
import {
  type Multimodal,
  type MultimodalParams,
  type StepEvent,
  type TrainEvent,
  type TrainingFailure,
  type TrainResult,
  train,
} from '@chainrule/trainer';
import type { RunEvent, RunRequest } from './lab.js';
import { compose, objectiveOf, optimizerOf } from './recipe.js';
import type { Turns } from './turns.js';

/** What every run learns from and is measured on. */
export interface TaskData {
  readonly train: Dataset;
  readonly test: Dataset;
  readonly tokenizer: Tokenizer;
}

/** A model that a run has trained; its parameters are the receiver's. */
export interface Outcome {
  readonly fusion: string;
  readonly model: Multimodal;
  readonly params: MultimodalParams;
  readonly accuracy: number;
}

export interface RunsOptions {
  /** Loads the data, the first time; tells how far it is. */
  readonly data: (onProgress: (loaded: number, total: number) => void) => Promise<TaskData>;
  readonly turn: Turns;
  readonly emit: (event: RunEvent) => void;
  readonly onOutcome: (outcome: Outcome) => Promise<void>;
  /** Runs at a time, paused ones among them; default 4. */
  readonly limit?: number;
  /** Pictures with their questions in a batch; default 64. */
  readonly batchSize?: number;
  /** Milliseconds between step events; default 200. */
  readonly everyMs?: number;
}

export interface Runs {
  start(id: string, request: RunRequest): void;
  pause(id: string): void;
  resume(id: string): void;
  stop(id: string): void;
}

interface Active {
  readonly abort: AbortController;
  paused?: { readonly promise: Promise<void>; readonly resume: () => void };
}

/** Trains several models side by side on one thread, a step of each in turn. */
export function runs(options: RunsOptions): Runs {
  const { turn, emit, limit = 4, everyMs = 200 } = options;
  const active = new Map<string, Active>();

  async function drive(run: string, request: RunRequest, own: Active): Promise<void> {
    const data = await options.data((loaded, total) =>
      emit({ run, type: 'loading', loaded, total }),
    );
    if (own.abort.signal.aborted) return emit({ run, type: 'stop', reason: 'aborted' });
    const { model, events } = await turn(async () =>
      prepare(data, request, own.abort.signal, options.batchSize),
    );
    const steps = stepReport(everyMs);
    let accuracy = 0;
    for (;;) {
      if (own.paused) {
        emit({ run, type: 'paused' });
        await own.paused.promise;
      }
      const next = await turn(async () => {
        const began = performance.now();
        return { ...(await events.next()), ms: performance.now() - began };
      });
      if (next.done) {
        const { params, reason } = next.value as TrainResult<MultimodalParams>;
        if (reason === 'completed') {
          await options.onOutcome({ fusion: request.fusion, model, params, accuracy });
        } else {
          disposeTree(params);
        }
        return;
      }
      const event = next.value as TrainEvent;
      if (event.type === 'step') {
        const report = steps(event, next.ms);
        if (report) emit({ run, ...report });
      } else {
        const told = translate(event);
        if (told.type === 'epoch') accuracy = told.testAccuracy;
        emit({ run, ...told });
      }
    }
  }

  function find(id: string): Active {
    const found = active.get(id);
    if (found !== undefined) return found;
    throw new ChainruleError('RUN', `lab: there is no run ${id}, or it is over`);
  }

  return {
    start(id, request) {
      if (active.size >= limit) {
        throw new ChainruleError(
          'RUNS',
          `lab: ${limit} runs are under way; stop one of them, then start another`,
        );
      }
      const own: Active = { abort: new AbortController() };
      active.set(id, own);
      drive(id, request, own)
        .catch((error: unknown) => {
          if (!isDivergence(error)) {
            return emit({ run: id, type: 'error', message: (error as Error).message });
          }
          disposeTree(error.result.params);
          emit({ run: id, type: 'stop', reason: 'diverged' });
        })
        .finally(() => active.delete(id));
    },
    pause(id) {
      const own = find(id);
      if (own.paused) return;
      let resume = () => {};
      const promise = new Promise<void>((resolve) => {
        resume = resolve;
      });
      own.paused = { promise, resume };
    },
    resume(id) {
      const own = find(id);
      if (!own.paused) return;
      own.paused.resume();
      delete own.paused;
      emit({ run: id, type: 'resumed' });
    },
    stop(id) {
      const own = active.get(id);
      own?.abort.abort();
      own?.paused?.resume();
      delete own?.paused;
    },
  };
}

function prepare(data: TaskData, request: RunRequest, signal: AbortSignal, batchSize = 64) {
  const { tokenizer } = data;
  const options: LoaderOptions = {
    batchSize,
    groupBy: 'image',
    tokenizer,
    maxLength: tokenizer.maxLength,
    seed: request.seed,
  };
  const training: Loader = loader(data.train, options);
  const model = compose(request.fusion, {
    vocabulary: tokenizer.vocabulary.length,
    classes: data.train.classes!.length,
  });
  const events = train({
    model,
    objective: objectiveOf(request),
    data: training,
    validation: loader(data.test, { ...options, shuffle: false }),
    keep: 'last',
    epochs: request.epochs,
    seed: request.seed,
    signal,
    ...gradientShares(optimizerOf(request, request.epochs * training.stepsPerEpoch)),
  });
  return { model, events };
}

type Told = RunEvent extends infer E ? (E extends RunEvent ? Omit<E, 'run'> : never) : never;

function translate(event: Exclude<TrainEvent, StepEvent>) {
  switch (event.type) {
    case 'start': {
      const { examples: _, ...rest } = event;
      return rest;
    }
    case 'epoch': {
      const { epoch, train, validation, seconds } = event;
      const { loss, accuracy = 0 } = train;
      return {
        type: 'epoch',
        epoch,
        loss,
        accuracy,
        testAccuracy: validation?.accuracy ?? 0,
        seconds,
      } as const;
    }
    case 'stop':
      return {
        type: 'stop',
        reason: event.reason === 'early' ? 'completed' : event.reason,
      } as const;
  }
}

/** Gathers steps and reports their mean, the first at once and then every so often. */
function stepReport(everyMs: number) {
  let gathered: { readonly event: StepEvent; readonly ms: number }[] = [];
  let last = -Infinity;
  return (event: StepEvent, ms: number): (Told & { type: 'step' }) | undefined => {
    gathered.push({ event, ms });
    if (performance.now() - last < everyMs) return undefined;
    last = performance.now();
    const mean = (value: (event: StepEvent) => number) => {
      const examples = gathered.reduce((sum, { event }) => sum + event.examples, 0);
      return gathered.reduce((sum, { event }) => sum + value(event) * event.examples, 0) / examples;
    };
    const report = {
      type: 'step',
      step: event.step,
      epoch: event.epoch,
      loss: mean(({ measures }) => measures.loss),
      accuracy: mean(({ measures }) => measures.accuracy ?? 0),
      msPerStep: gathered.reduce((sum, { ms }) => sum + ms, 0) / gathered.length,
      shares: sharesOf(event.measures),
    } as const;
    gathered = [];
    return report;
  };
}

/** Shares of the norm, ‖gₘ‖ / Σ ‖gₖ‖, as shares of the squared norm. */
function sharesOf(measures: StepEvent['measures']): { [modality: string]: number } {
  const squares = Object.entries(measures)
    .filter(([name]) => name.startsWith('gradient/'))
    .map(([name, share]) => [name.slice('gradient/'.length), share ** 2] as const);
  const total = squares.reduce((sum, [, square]) => sum + square, 0) || 1;
  return Object.fromEntries(squares.map(([name, square]) => [name, square / total]));
}

function isDivergence(error: unknown): error is TrainingFailure<MultimodalParams> {
  return error instanceof ChainruleError && error.code === 'DIVERGED';
}
