import type { Bench } from './bench.js';
import { clevr } from './clevr.js';
import { emoji } from './emoji.js';
import { encodersBench } from './encoders.js';
import { fusion } from './fusion.js';
import { fusionSpeed } from './fusion-speed.js';
import { indexSearch } from './index-search.js';
import { profile } from './profile.js';
import { raceBench } from './race.js';
import { scaling } from './scaling.js';
import { serve } from './serve.js';
import { setup } from './setup.js';
import { soak } from './soak.js';
import { strategies } from './strategies.js';
import { web } from './web.js';

const python = ['torch-eager', 'torch-compile', 'tensorflow-function', 'tensorflow-xla'] as const;

/** Every benchmark by its name. */
export const benches: { readonly [name: string]: Bench } = {
  setup,
  step: raceBench(
    'step',
    "the article's training step: CNN + LSTM, z = x + y, Adam",
    ['compiled', 'eager', ...python],
    // After the first update the systems differ in where Adam's epsilon stands.
    { rounds: 6, steps: 8, tolerance: 0.03 },
  ),
  lstm: raceBench(
    'lstm',
    'an LSTM forward and backward: 64 steps, batch 32, width 256',
    ['compiled', 'eager', 'wasm', ...python],
    { rounds: 6, steps: 5 },
  ),
  attention: raceBench(
    'attention',
    'a transformer forward and backward: 4 layers, width 256, 8 heads, 64 tokens, batch 32',
    ['compiled', 'eager', 'wasm', ...python],
    // The first step of a turn takes longer: what the caches have is another's.
    { rounds: 5, steps: 8 },
  ),
  'mini-lm': raceBench(
    'mini-lm',
    'sentence embeddings of 100 names of emoji by MiniLM-L6, with its real weights',
    ['compiled', 'eager', 'torch-eager', 'torch-compile'],
    { rounds: 6, steps: 6, tolerance: 1e-5 },
  ),
  vqa: raceBench(
    'vqa',
    "one epoch of easy-VQA with npm start's model",
    ['compiled', 'eager', 'torch-eager', 'torch-compile'],
    { rounds: 3, steps: 3, turnMs: 60_000 },
  ),
  clevr,
  emoji,
  encoders: encodersBench,
  fusion,
  'fusion-speed': fusionSpeed,
  scaling,
  soak,
  index: indexSearch,
  profile,
  strategies,
  serve,
  web,
};
