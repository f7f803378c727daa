import { print } from '../harness.js';
import { provide } from '../python.js';
import type { Bench } from './bench.js';

export const setup: Bench = {
  summary: 'make the Python environment of the peers (2.2 GB; once)',
  async run() {
    print(await provide());
  },
};
