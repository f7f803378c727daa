import { z } from 'zod';

/**
 * What the page asks of whoever trains and answers: the server (`remote.ts`) or a worker in the
 * browser itself (`local.ts`). Requests are validated with these schemas on both sides.
 */
export const runRequest = z.strictObject({
  fusion: z.string().max(40).describe('a strategy of @chainrule/fusion/registry'),
  loss: z.enum(['crossEntropy', 'labelSmoothing']).default('crossEntropy'),
  optimizer: z.enum(['adamw', 'adam', 'momentum', 'sgd']).default('adamw'),
  learningRate: z.number().positive().max(10).default(0.003),
  epochs: z.int().min(1).max(30).default(5),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
});
export type RunRequest = z.infer<typeof runRequest>;

/** What a run tells, in its order. Every event carries the run's id. */
export type RunEvent = {
  readonly run: string;
} /** The data are on their way: bytes so far, and in all. Only a lab in the browser needs to. */ & (
  | { readonly type: 'loading'; readonly loaded: number; readonly total: number }
  | {
      readonly type: 'start';
      readonly parameters: number;
      readonly epochs: number;
      readonly stepsPerEpoch: number;
      readonly executor: string;
      readonly backend: string;
    }
  | {
      readonly type: 'step';
      readonly step: number;
      readonly epoch: number;
      readonly loss: number;
      readonly accuracy: number;
      /** Mean over the steps since the last such event. */
      readonly msPerStep: number;
      /** Share of the gradient's squared norm that each encoder receives; they sum to 1. */
      readonly shares: { readonly [modality: string]: number };
    }
  | {
      readonly type: 'epoch';
      readonly epoch: number;
      readonly loss: number;
      readonly accuracy: number;
      /** On test questions. */
      readonly testAccuracy: number;
      readonly seconds: number;
    }
  | { readonly type: 'paused' }
  | { readonly type: 'resumed' }
  | { readonly type: 'stop'; readonly reason: 'completed' | 'aborted' | 'diverged' }
  | { readonly type: 'error'; readonly message: string }
);

/** A question about a picture of 64×64 RGB pixels, 0 … 255, row by row. */
export interface Question {
  readonly pixels: Uint8ClampedArray;
  readonly text: string;
}

export interface Reply {
  /** Every answer with its probability, the most probable first. */
  readonly answers: readonly { readonly label: string; readonly probability: number }[];
  /**
   * What each modality contributed to the first answer: by how much its log-probability falls when
   * the modality is replaced by the mean of the data, in nats.
   */
  readonly contributions: { readonly [modality: string]: number };
  readonly milliseconds: number;
}

/** What the lab has to offer. */
export interface Catalog {
  readonly where: 'server' | 'browser';
  readonly backend: string;
  readonly fusions: readonly { readonly name: string; readonly summary: string }[];
  /** Whether there is a trained model to ask, and what it reached. */
  readonly model?: { readonly fusion: string; readonly accuracy?: number };
  /** Pictures of the test set to ask about, with questions and their true answers. */
  readonly samples: readonly {
    readonly image: string;
    readonly questions: readonly { readonly text: string; readonly answer: string }[];
  }[];
  /** Says what is missing where there is no retrieval model. */
  readonly search: { readonly ready: boolean; readonly missing?: string };
}

/** A composed model as a diagram needs it. */
export interface Inspection {
  readonly config: unknown;
  readonly parameters: number;
  readonly parts: readonly {
    readonly name: string;
    readonly type: string;
    readonly from: readonly string[];
    readonly input: readonly (readonly (number | null)[])[];
    readonly output: readonly (number | null)[];
    readonly parameters: number;
  }[];
}

export interface Hit {
  /** A URL of the picture. */
  readonly image: string;
  readonly name: string;
  readonly similarity: number;
}

export interface Lab {
  catalog(): Promise<Catalog>;
  inspect(fusion: string): Promise<Inspection>;
  /** Starts a run; events come until it stops. Pausing, resuming and stopping are the run's. */
  start(request: RunRequest, onEvent: (event: RunEvent) => void): Promise<Run>;
  /**
   * Takes up a run that goes on without the page, by its id: its events come from the first one on.
   * A worker's runs end with the page.
   */
  attach?(id: string, onEvent: (event: RunEvent) => void): Run;
  answer(question: Question, signal?: AbortSignal): Promise<Reply>;
  search(
    query: { readonly text: string } | { readonly image: Blob },
    signal?: AbortSignal,
  ): Promise<{ readonly pictures: readonly Hit[]; readonly names: readonly Hit[] }>;
}

export interface Run {
  readonly id: string;
  pause(): Promise<void>;
  resume(): Promise<void>;
  stop(): Promise<void>;
}
