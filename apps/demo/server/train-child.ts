// A process that trains one model and tells its parent how it goes. It ends with the run, and with
// its parent.
import { useNative } from '@chainrule/backend-node/backend';
import { disposeTree } from '@chainrule/tensor';
import type { RunEvent } from '../src/lab/lab.js';
import { type Runs, runs } from '../src/lab/runs.js';
import { turns } from '../src/lab/turns.js';
import { trainCommand, trainMessage } from './messages.js';
import { taskData } from './task.js';

/** Least time between two step events. */
const EVERY_MS = 100;

let lab: Runs | undefined;
let run = '';

process.on('disconnect', () => process.exit());
process.on('message', (message) => {
  const command = trainCommand.parse(message);
  if (command.type !== 'train') return lab?.[command.type](run);
  run = command.run;
  lab = runs({
    data: async () => {
      await useNative({ training: true });
      return taskData();
    },
    turn: turns(),
    emit,
    onOutcome: async ({ params }) => disposeTree(params),
    everyMs: EVERY_MS,
  });
  lab.start(run, command.request);
});

// The parent may have gone while this file was loading, unheard.
if (!process.connected) process.exit();

function emit(event: RunEvent): void {
  if (!process.connected) process.exit();
  const message = trainMessage.safeParse(event);
  // A gradient that is no longer finite: the loss follows in the next step, which ends the run.
  if (!message.success && event.type === 'step') return;
  process.send?.(trainMessage.parse(event), () => {
    if (event.type === 'stop' || event.type === 'error') process.exit();
  });
}
