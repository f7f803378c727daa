import type { TrainEvent } from '@chainrule/trainer';
import { clock, count, percent, type Terminal } from './terminal.js';

/** About how many epochs get a line of their own. */
const LINES = 20;

/** Shows the events of a training run: a live line on a terminal, and a line for finished epochs. */
export function progress(out: Terminal): (event: TrainEvent) => void {
  let began = 0;
  let total = 0;
  let epochs = 0;
  let seen = 0;
  let smooth: number | undefined;
  return (event) => {
    switch (event.type) {
      case 'start': {
        epochs = event.epochs;
        total = event.stepsPerEpoch * epochs;
        began = performance.now();
        out.line(
          `Training ${count(event.parameters, 'parameter')} on ${count(event.examples, 'example')}, ` +
            `${count(epochs, 'epoch')} of ${count(event.stepsPerEpoch, 'step')} (${event.backend} backend, ${event.executor}).`,
        );
        out.live('preparing the first step');
        break;
      }
      case 'step': {
        seen += event.examples;
        const { loss } = event.measures;
        smooth = smooth === undefined ? loss : 0.9 * smooth + 0.1 * loss;
        const seconds = (performance.now() - began) / 1000;
        const left = (seconds / event.step) * (total - event.step);
        const rate = Math.round(seen / seconds).toLocaleString('en');
        out.live(
          `epoch ${event.epoch}/${epochs} ${bar(event.step / total)} ` +
            `loss ${figure(smooth)}${others(event.measures)}  ${rate} examples/s  ${clock(left)} left`,
        );
        break;
      }
      case 'epoch': {
        const every = Math.ceil(epochs / LINES);
        if (event.epoch !== 1 && event.epoch !== epochs && event.epoch % every !== 0) break;
        const { train, validation, seconds } = event;
        const number = String(event.epoch).padStart(String(epochs).length);
        const validated = validation
          ? `  validation loss ${figure(validation.loss)}${others(validation)}${event.best ? ' *' : ''}`
          : '';
        out.line(
          `epoch ${number}/${epochs}  loss ${figure(train.loss)}${others(train)}${validated}  ${seconds.toFixed(1)} s`,
        );
        break;
      }
      case 'stop':
        out.settle();
        break;
    }
  };
}

function others({ accuracy, meanAbsoluteError }: { readonly [name: string]: number }): string {
  if (accuracy !== undefined) return `  accuracy ${percent(accuracy)}`;
  if (meanAbsoluteError === undefined) return '';
  return `  mean absolute error ${figure(meanAbsoluteError)}`;
}

/** Four digits after the point, or four in all where the number is large. */
function figure(value: number): string {
  return Math.abs(value) < 1000 ? value.toFixed(4) : value.toPrecision(4);
}

function bar(share: number, width = 20): string {
  const full = Math.round(Math.min(1, share) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
