import { print } from '../harness.js';
import { provide } from '../python.js';
import type { Bench } from './bench.js';

export const setup: Bench = {
  summary: 'make the Python environment of the peers (5 GB on disk; once)',
  async run() {
    print(await provide());
  },
};
