import type { Lab, Run, RunEvent, RunRequest } from '../../lab/lab.js';
import { requestsOf, type Setup } from './setup.js';

export type State =
  | 'waiting'
  | 'loading'
  | 'training'
  | 'paused'
  | 'completed'
  | 'aborted'
  | 'diverged'
  | 'failed';

/** Points of a curve, in order. */
interface Curve {
  readonly x: number[];
  readonly y: number[];
}

/** A run as the page shows it. */
export class RunView {
  readonly fusion: string;
  readonly color: string;
  state = $state<State>('waiting');
  problem = $state('');
  /** Of the data, 0 … 1. */
  loaded = $state(0);
  parameters = $state<number>();
  step = $state(0);
  steps = $state(0);
  epoch = $state(0);
  ms = $state<number>();
  shares = $state.raw<{ readonly [modality: string]: number }>({});
  testAccuracy = $state<number>();
  backend = $state('');
  curves = $state.raw<{ readonly accuracy: Curve; readonly loss: Curve; readonly test: Curve }>({
    accuracy: { x: [], y: [] },
    loss: { x: [], y: [] },
    test: { x: [], y: [] },
  });
  handle: Run | undefined;

  constructor(fusion: string, color: string) {
    this.fusion = fusion;
    this.color = color;
  }

  get over(): boolean {
    return ['completed', 'aborted', 'diverged', 'failed'].includes(this.state);
  }

  receive(event: RunEvent): void {
    switch (event.type) {
      case 'loading':
        if (this.state !== 'paused') this.state = 'loading';
        this.loaded = event.total > 0 ? event.loaded / event.total : 0;
        return;
      case 'start':
        // It may have been paused before it began.
        if (this.state !== 'paused') this.state = 'training';
        this.parameters = event.parameters;
        this.steps = event.epochs * event.stepsPerEpoch;
        this.backend = event.backend;
        return;
      case 'step':
        this.step = event.step;
        this.epoch = event.epoch;
        this.ms = event.msPerStep;
        this.shares = event.shares;
        this.curves = {
          ...this.curves,
          accuracy: added(this.curves.accuracy, event.step, 100 * event.accuracy),
          loss: added(this.curves.loss, event.step, event.loss),
        };
        return;
      case 'epoch': {
        const step = (this.steps * event.epoch) / this.epochs;
        this.epoch = event.epoch;
        this.step = step;
        this.testAccuracy = event.testAccuracy;
        const test = added(this.curves.test, step, 100 * event.testAccuracy);
        this.curves = { ...this.curves, test };
        return;
      }
      case 'paused':
        this.state = 'paused';
        return;
      case 'resumed':
        this.state = 'training';
        return;
      case 'stop':
        this.state = event.reason;
        return;
      case 'error':
        this.fail(event.message);
    }
  }

  epochs = 1;

  fail(problem: string): void {
    this.state = 'failed';
    this.problem = problem;
  }
}

const added = ({ x, y }: Curve, at: number, value: number): Curve => ({
  x: [...x, at],
  y: [...y, value],
});

/** The runs that stand side by side. They go on while other rooms are visited. */
export class Experiment {
  runs = $state.raw<readonly RunView[]>([]);

  get active(): readonly RunView[] {
    return this.runs.filter((run) => !run.over);
  }

  start(lab: Lab, setup: Setup): void {
    const views = requestsOf(setup).map((request, i) => {
      const view = new RunView(request.fusion, `--series-${i + 1}`);
      view.epochs = request.epochs;
      void begin(lab, request, view);
      return view;
    });
    this.runs = views;
  }

  async pause(): Promise<void> {
    await Promise.all(this.active.map((run) => act(run, 'pause')));
  }

  async resume(): Promise<void> {
    await Promise.all(this.active.map((run) => act(run, 'resume')));
  }

  async stop(): Promise<void> {
    await Promise.all(this.active.map((run) => act(run, 'stop')));
  }

  async reset(): Promise<void> {
    const { active } = this;
    this.runs = [];
    await Promise.all(active.map((run) => act(run, 'stop')));
  }
}

async function begin(lab: Lab, request: RunRequest, view: RunView): Promise<void> {
  try {
    const handle = await lab.start(request, (event) => view.receive(event));
    view.handle = handle;
    // Stopped before it had begun.
    if (view.state === 'aborted') await handle.stop();
  } catch (error) {
    view.fail((error as Error).message);
  }
}

/** Does it to one run; what the run then says shows in its state. */
export async function act(run: RunView, what: 'pause' | 'resume' | 'stop'): Promise<void> {
  try {
    if (run.handle) await run.handle[what]();
    else if (what === 'stop') run.state = 'aborted';
  } catch (error) {
    if (!run.over) run.fail((error as Error).message);
  }
}
