import { efficientNet } from '../encoders/efficientnet.js';
import { miniLm } from '../encoders/mini-lm.js';
import type { Workload } from '../workload.js';
import { attention } from './attention.js';
import { type FusionOptions, fusion } from './fusion.js';
import { lstm } from './lstm.js';
import { type StepOptions, step } from './step.js';
import { vqa } from './vqa.js';

/** By the name that the contestants are started with. */
export function workload(name: string, options: object): Workload {
  switch (name) {
    case 'step':
      return step(options as StepOptions);
    case 'lstm':
      return lstm();
    case 'attention':
      return attention();
    case 'fusion':
      return fusion(options as FusionOptions);
    case 'mini-lm':
      return miniLm();
    case 'vqa':
      return vqa();
    case 'efficientnet':
      return efficientNet();
    default:
      throw new Error(`there is no workload ${name}`);
  }
}
