import type { Lab } from './lab.js';

/** The lab of the server that served the page. */
export function remoteLab(): Lab {
  throw new Error('the server is not built yet');
}
