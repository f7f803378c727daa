import { type Dataset, type Loader, loader, subset } from '@chainrule/data';
import { evaluateMissing } from '@chainrule/diagnose';
import { fitWordTokenizer } from '@chainrule/encoders-text';
import type { FusionFactory } from '@chainrule/fusion';
import type { GradientTransformation } from '@chainrule/optim';
import { countParams, disposeTree, key, tidy } from '@chainrule/tensor';
import {
  classification,
  evaluate,
  finish,
  type Multimodal,
  type MultimodalParams,
  train,
} from '@chainrule/trainer';

/** Data, and how a model learns them, whichever strategy fuses. */
export interface Task {
  readonly name: string;
  readonly train: Dataset;
  readonly test: Dataset;
  /** The training data of an epoch, 0, 1, …, where they differ from one to the next. */
  readonly augmented?: (epoch: number) => Dataset;
  readonly imageSize: readonly [number, number];
  /** Pictures in a step, each with all its questions. */
  readonly batch: number;
  readonly epochs: number;
  model(fusion: FusionFactory, about: { readonly vocabulary: number }): Multimodal;
  optimizer(steps: number): GradientTransformation;
}

export interface TrainedTask {
  readonly model: Multimodal;
  /** Of the whole model, and of the fusion strategy alone. */
  readonly parameters: { readonly all: number; readonly fusion: number };
  readonly seconds: number;
  /** The median step, once compiled. */
  readonly stepMs: number;
  /** Accuracy on the test data, or on those of a kind. */
  accuracy(kind?: string): Promise<number>;
  /** Accuracy where so many examples lack one modality. */
  accuracyMissing(rate: number): Promise<number>;
  dispose(): void;
}

const objective = classification();

/** Trains a model of the task that fuses in this way, from these seeds. */
export async function trainTask(
  task: Task,
  fusion: FusionFactory,
  options: {
    readonly seed: number;
    readonly epochs?: number | undefined;
    readonly onEpoch?: (epoch: number, accuracy: number, seconds: number) => void;
  },
): Promise<TrainedTask> {
  const { seed, epochs = task.epochs, onEpoch } = options;
  const texts = new Set(
    [task.train, task.test].flatMap(({ examples }) => examples.map(({ inputs }) => inputs.text!)),
  );
  const tokenizer = fitWordTokenizer(task.train.examples.map(({ inputs }) => inputs.text!));
  const longest = Math.max(...[...texts].map((text) => tokenizer.encode(text).length));
  const batches = (data: Dataset, evaluation: boolean): Loader =>
    loader(data, {
      batchSize: task.batch,
      groupBy: 'image',
      imageSize: task.imageSize,
      tokenizer,
      maxLength: longest,
      shuffle: !evaluation,
      seed,
    });
  const plain = batches(task.train, false);
  const { augmented } = task;
  const data: Loader = augmented
    ? { ...plain, epoch: (n, signal) => batches(augmented(n), false).epoch(n, signal) }
    : plain;
  const model = task.model(fusion, { vocabulary: tokenizer.vocabulary.length });
  const times: number[] = [];
  let before = 0;
  const { params, seconds } = await finish(
    train({
      ...{ model, objective, data, epochs, seed, keep: 'last' },
      optimizer: task.optimizer(epochs * data.stepsPerEpoch),
    }),
    (event) => {
      const now = performance.now();
      if (event.type === 'step') times.push(now - before);
      if (event.type === 'epoch') onEpoch?.(event.epoch, event.train.accuracy!, event.seconds);
      before = now;
    },
  );
  const own = params as MultimodalParams;
  const given = { model, params: own, objective };
  const test = (kind?: string): Loader =>
    batches(
      kind === undefined
        ? task.test
        : subset(
            task.test,
            task.test.examples.flatMap((example, i) => (example.kind === kind ? [i] : [])),
          ),
      true,
    );
  return {
    model,
    parameters: {
      all: countParams(own),
      fusion: tidy(() => countParams(model.fusion.init(key(0)))),
    },
    seconds,
    stepMs: times.toSorted((a, b) => a - b)[Math.floor(times.length / 2)]!,
    accuracy: async (kind) => (await evaluate({ ...given, data: test(kind) })).accuracy!,
    accuracyMissing: async (rate) =>
      (await evaluateMissing({ ...given, data: test() }, { rate })).accuracy!,
    dispose: () => disposeTree(own),
  };
}
