import type { TrainEvent } from '@chainrule/trainer';
import { clock, percent, type Terminal } from './terminal.js';

/** Shows the events of a training run: a live line while an epoch runs, a line when it is done. */
export function progress(out: Terminal): (event: TrainEvent) => void {
  let began = 0;
  let total = 0;
  let stepsPerEpoch = 0;
  let epochs = 0;
  let seen = 0;
  let smooth: number | undefined;
  return (event) => {
    switch (event.type) {
      case 'start': {
        ({ stepsPerEpoch, epochs } = event);
        total = stepsPerEpoch * epochs;
        began = performance.now();
        const parameters = event.parameters.toLocaleString('en');
        out.line(
          `Training ${parameters} parameters on ${event.examples.toLocaleString('en')} examples, ` +
            `${epochs} epochs of ${stepsPerEpoch} steps (backend ${event.backend}, ${event.executor}).`,
        );
        break;
      }
      case 'step': {
        seen += event.examples;
        const { loss } = event.measures;
        smooth = smooth === undefined ? loss : 0.9 * smooth + 0.1 * loss;
        const seconds = (performance.now() - began) / 1000;
        const left = (seconds / event.step) * (total - event.step);
        out.live(
          `epoch ${event.epoch}/${epochs} ${bar(event.stepInEpoch / stepsPerEpoch)} ` +
            `loss ${smooth.toFixed(4)}${measured(event.measures)} · ` +
            `${Math.round(seen / seconds).toLocaleString('en')} examples/s · ${clock(left)} left`,
        );
        break;
      }
      case 'epoch':
        out.line(
          `epoch ${String(event.epoch).padStart(String(epochs).length)}/${epochs}  ` +
            `loss ${event.train.loss.toFixed(4)}${measured(event.train)}  ${event.seconds.toFixed(1)} s`,
        );
        break;
      case 'stop':
        out.settle();
        break;
    }
  };
}

function measured(measures: { readonly [name: string]: number }): string {
  const { accuracy, meanAbsoluteError } = measures;
  if (accuracy !== undefined) return `  accuracy ${percent(accuracy)}`;
  return meanAbsoluteError === undefined
    ? ''
    : `  mean absolute error ${meanAbsoluteError.toFixed(4)}`;
}

function bar(share: number, width = 20): string {
  const full = Math.round(Math.min(1, share) * width);
  return '█'.repeat(full) + '░'.repeat(width - full);
}
