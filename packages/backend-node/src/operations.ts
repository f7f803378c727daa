import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { NativePaths } from './cache.js';

let registered = false;

/** Registers the operations of native/operations.cc with TensorFlow, where they could be compiled. */
export function loadOperations({ operations }: NativePaths): void {
  if (registered || !existsSync(operations)) return;
  const require = createRequire(import.meta.url);
  registered = (require(operations) as { registered: boolean }).registered;
}

/** Whether there are `ChainruleDense`, `ChainruleLstmCell` and the others. */
export const hasOperations = (): boolean => registered;
