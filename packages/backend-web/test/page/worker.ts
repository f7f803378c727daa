// Runs in a worker of a page in Chromium: see ../chromium.test.ts.
import '@tensorflow/tfjs-core/dist/register_all_gradients.js';
import { answer } from '../../../../scripts/lib/worker.mjs';
import { type UseWebOptions, useWeb } from '../../src/index.js';
import { losses } from './losses.js';

answer({
  start: (options: UseWebOptions) => useWeb(options),
  losses,
});
