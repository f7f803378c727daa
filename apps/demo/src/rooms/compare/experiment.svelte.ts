import type { Lab, Run, RunEvent, RunRequest } from '../../lab/lab.js';
import { forget, keep, kept } from './kept.js';
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
    const requests = requestsOf(setup);
    const views = requests.map(viewOf);
    this.runs = views;
    forget();
    void Promise.all(requests.map((request, i) => begin(lab, request, views[i]!))).then((ids) => {
      // Where runs go on without the page, a reload finds them again.
      const all = ids.filter((id) => id !== undefined);
      if (lab.attach && this.runs === views && all.length === ids.length) keep(setup, all);
    });
  }

  /** Takes up the runs from before the page was loaded again; gives their set-up. */
  restore(lab: Lab): Setup | undefined {
    const before = kept();
    const { attach } = lab;
    if (this.runs.length > 0 || before === undefined || attach === undefined) return undefined;
    const views = requestsOf(before.setup).map(viewOf);
    this.runs = views;
    views.forEach((view, i) => {
      view.handle = attach(before.ids[i]!, (event) => {
        // The server was started anew, or it was long ago.
        const isGone = event.type === 'error' && view.state === 'waiting';
        if (!isGone) view.receive(event);
        else if (this.runs === views) {
          this.runs = [];
          forget();
        }
      });
    });
    return before.setup;
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
    forget();
    await Promise.all(active.map((run) => act(run, 'stop')));
  }
}

function viewOf({ fusion, epochs }: RunRequest, i: number): RunView {
  const view = new RunView(fusion, `--series-${i + 1}`);
  view.epochs = epochs;
  return view;
}

/** Gives the run's id; nothing where it was refused. */
async function begin(lab: Lab, request: RunRequest, view: RunView): Promise<string | undefined> {
  try {
    const handle = await lab.start(request, (event) => view.receive(event));
    view.handle = handle;
    // Stopped before it had begun.
    if (view.state === 'aborted') await handle.stop();
    return handle.id;
  } catch (error) {
    view.fail((error as Error).message);
    return undefined;
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
