import { fusion as strategies } from '@chainrule/fusion/registry';
import { ChainruleError } from '@chainrule/tensor';
import type { TrainedModel } from '@chainrule/trainer/files';
import { type Asker, asker } from './answer.js';
import { inspectModel } from './inspection.js';
import type { Catalog, Inspection, Question, Reply, RunEvent } from './lab.js';
import { compose } from './recipe.js';
import { type Outcome, type Runs, runs } from './runs.js';
import { SIDE } from './sizes.js';
import { source } from './source.js';
import { turns } from './turns.js';

export interface BrowserLabOptions {
  /** The folder of packed data that `scripts/pack.mjs` wrote. */
  readonly base: URL;
  /** Which backend is in use, as people read it. */
  readonly backend: string;
  readonly emit: (event: RunEvent) => void;
  readonly batchSize?: number;
}

export interface BrowserLab extends Runs {
  catalog(): Promise<Catalog>;
  inspect(fusion: string): Promise<Inspection>;
  answer(question: Question): Promise<Reply>;
}

/** What the model that answers is, and what it reached. */
type About = NonNullable<Catalog['model']>;

/** Trains and answers on the backend in use, from packed data: what runs in the worker. */
export function browserLab(options: BrowserLabOptions): BrowserLab {
  const { base, backend, emit } = options;
  const { catalog, task, model: packedModel, reference } = source(base);
  const turn = turns();
  let current: { readonly asker: Asker; readonly about: About } | undefined;

  /** Loads the packed model where no run has trained one yet. */
  async function provideModel(): Promise<void> {
    const { model } = await catalog();
    const trained = await packedModel();
    const means = await reference();
    if (current || !model || !trained) return;
    current = { asker: asker(trained, means), about: aboutOf(model) };
  }

  /** What a run has trained answers from now on. */
  async function adopt({ fusion, accuracy, ...trained }: Outcome): Promise<void> {
    const { tokenizer, train } = await task();
    const means = await reference();
    const labels = train.classes ?? [];
    const own: TrainedModel = { ...trained, labels, tokenizer: tokenizer.config };
    await turn(async () => {
      current?.asker.dispose();
      current = { asker: asker(own, means), about: { fusion, accuracy } };
    });
  }

  return {
    ...runs({
      data: task,
      turn,
      emit,
      onOutcome: adopt,
      ...(options.batchSize !== undefined && { batchSize: options.batchSize }),
    }),
    async catalog() {
      const { model, samples } = await catalog();
      const about = current?.about ?? (model && aboutOf(model));
      return {
        where: 'browser',
        backend,
        fusions: strategies.describe().map(({ name, summary }) => ({ name, summary })),
        ...(about && { model: about }),
        samples: samples.map(({ image, questions }) => ({
          image: new URL(image, base).href,
          questions,
        })),
        search: {
          ready: false,
          missing:
            'The page alone has no retrieval model; `pnpm retrieval` trains one for the server of `npm start`.',
        },
      };
    },
    async inspect(fusion) {
      const { sizes } = await catalog();
      return turn(async () =>
        inspectModel(compose(fusion, sizes), {
          image: { shape: [SIDE, SIDE, 3], dtype: 'float32' },
          text: { shape: [sizes.words], dtype: 'int32' },
        }),
      );
    },
    async answer(question) {
      if (current === undefined) await turn(provideModel);
      return turn(async () => {
        if (current) return current.asker.answer(question);
        throw new ChainruleError(
          'NO_MODEL',
          'lab: there is no trained model yet; train one in Compare, or run npm start and build the app again',
        );
      });
    },
  };
}

function aboutOf({ fusion, accuracy }: { fusion: string; accuracy?: number | undefined }): About {
  return { fusion, ...(accuracy !== undefined && { accuracy }) };
}
