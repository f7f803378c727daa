import { useNative } from '@chainrule/backend-node/backend';
import { compiled } from '@chainrule/backend-node/compiled';
import { type Executor, eager } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';

/** How our own contestants run a step. */
export const executors = {
  compiled: 'Chainrule, compiled',
  eager: 'tfjs-node, eager',
  wasm: 'tfjs wasm',
} as const;

export type ExecutorName = keyof typeof executors;

/** Selects the backend too. */
export async function executorOf(name: string): Promise<Executor> {
  if (name === 'wasm') {
    await import('@tensorflow/tfjs-backend-wasm');
    await tf.setBackend('wasm');
    return eager();
  }
  const { reason } = await useNative({ training: true });
  if (reason !== undefined) throw new Error(`${reason}; run \`npx chainrule-native install\``);
  return name === 'compiled' ? compiled() : eager();
}
