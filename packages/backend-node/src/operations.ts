import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { NativePaths } from './cache.js';

let [registered, tiles] = [false, false];

/** Registers the operations of native/operations.cc with TensorFlow, where they could be compiled. */
export function loadOperations({ operations }: NativePaths): void {
  if (registered || !existsSync(operations)) return;
  const require = createRequire(import.meta.url);
  try {
    ({ registered, tiles } = require(operations) as { registered: boolean; tiles: boolean });
  } catch {
    // A library of the user's own may lack a function; TensorFlow's own operations do the work.
  }
}

/** Whether there are `ChainruleDense`, `ChainruleLstm` and the others. */
export const hasOperations = (): boolean => registered;

/** Whether `ChainruleProduct` runs here: it needs a processor with AMX. */
export const hasProduct = (): boolean => registered && tiles;
