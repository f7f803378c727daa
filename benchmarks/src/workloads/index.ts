import type { Workload } from '../workload.js';
import type { FusionOptions } from './fusion.js';
import type { StepOptions } from './step.js';

/** By the name that the contestants are started with. Each is loaded alone: others would take memory. */
const workloads: { readonly [name: string]: (options: object) => Promise<Workload> } = {
  step: async (options) => (await import('./step.js')).step(options as StepOptions),
  lstm: async () => (await import('./lstm.js')).lstm(),
  attention: async () => (await import('./attention.js')).attention(),
  fusion: async (options) => (await import('./fusion.js')).fusion(options as FusionOptions),
  'mini-lm': async () => (await import('../encoders/mini-lm.js')).miniLm(),
  vqa: async () => (await import('./vqa.js')).vqa(),
  efficientnet: async () => (await import('../encoders/efficientnet.js')).efficientNet(),
};

export async function workload(name: string, options: object): Promise<Workload> {
  const load = workloads[name];
  if (load === undefined) throw new Error(`there is no workload ${name}`);
  return load(options);
}
