import type { Lab } from './lab.js';

let opened: Promise<Lab> | undefined;

/**
 * Whoever trains and answers for this page: the server that served it, or a worker where the page
 * came from a plain host of files. A failure is forgotten, so that one may try again.
 */
export function openLab(): Promise<Lab> {
  opened ??= open().catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function open(): Promise<Lab> {
  if (hasServer()) return (await import('./remote.js')).remoteLab();
  return (await import('./local.js')).localLab();
}

/** The demo's server marks the pages that it serves, so that no other host is asked for an API. */
const hasServer = () => document.querySelector('meta[name="chainrule-lab"]') !== null;
