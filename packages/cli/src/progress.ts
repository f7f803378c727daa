import type { StepEvent, TrainEvent } from '@chainrule/trainer';
import { clock, count, percent, type Terminal } from './terminal.js';

type Measures = StepEvent['measures'];

/** About how many epochs get a line of their own. */
const LINES = 20;
/** Weight of the past in the live line's moving averages. */
const MEMORY = 0.9;

/** Shows the events of a training run: a live line on a terminal, and a line for finished epochs. */
export function progress(out: Terminal): (event: TrainEvent) => void {
  let epochs = 0;
  let total = 0;
  let recent: Measures | undefined;
  /** When the first step was done: it compiles, and would spoil the estimates. */
  let began = 0;
  let seen = 0;
  return (event) => {
    switch (event.type) {
      case 'start': {
        epochs = event.epochs;
        total = event.stepsPerEpoch * epochs;
        out.line(
          `Training ${count(event.parameters, 'parameter')} on ${count(event.examples, 'example')}, ` +
            `${count(epochs, 'epoch')} of ${count(event.stepsPerEpoch, 'step')} (${event.backend} backend, ${event.executor}).`,
        );
        out.live('preparing the first step');
        break;
      }
      case 'step': {
        recent = average(recent, event.measures);
        const now = performance.now();
        if (event.step === 1) began = now;
        else seen += event.examples;
        const seconds = (now - began) / 1000;
        const rate = Math.round(seen / seconds).toLocaleString('en');
        const left = clock((seconds / (event.step - 1)) * (total - event.step));
        const speed = event.step === 1 ? '' : `  ${rate} examples/s  ${left} left`;
        out.live(
          `epoch ${event.epoch}/${epochs} ${bar(event.step / total)} ${measured(recent)}${speed}`,
        );
        break;
      }
      case 'epoch': {
        const every = Math.ceil(epochs / LINES);
        if (event.epoch !== 1 && event.epoch !== epochs && event.epoch % every !== 0) break;
        const { train, validation, seconds } = event;
        const number = String(event.epoch).padStart(String(epochs).length);
        const validated = validation
          ? `  validation ${measured(validation)}${event.best ? ' (best)' : ''}`
          : '';
        out.line(
          `epoch ${number}/${epochs}  ${measured(train)}${validated}  ${seconds.toFixed(1)} s`,
        );
        break;
      }
      case 'stop':
        out.settle();
        break;
    }
  };
}

function average(past: Measures | undefined, now: Measures): Measures {
  if (past === undefined) return now;
  const mixed = Object.entries(now).map(([name, value]) => [
    name,
    MEMORY * past[name]! + (1 - MEMORY) * value,
  ]);
  return Object.fromEntries(mixed) as Measures;
}

function measured({ loss, accuracy, meanAbsoluteError }: Measures): string {
  const figures = [`loss ${figure(loss)}`];
  if (accuracy !== undefined) figures.push(`accuracy ${percent(accuracy)}`);
  if (meanAbsoluteError !== undefined) {
    figures.push(`mean absolute error ${figure(meanAbsoluteError)}`);
  }
  return figures.join('  ');
}

/** Four digits after the point, or four in all where the number is large. */
function figure(value: number): string {
  return Math.abs(value) < 1000 ? value.toFixed(4) : value.toPrecision(4);
}

function bar(share: number, width = 20): string {
  const full = Math.round(Math.min(1, share) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
