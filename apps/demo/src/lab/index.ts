import type { Lab } from './lab.js';

let opened: Promise<Lab> | undefined;

/**
 * Whoever trains and answers for this page: the server that served it, or a worker where the page
 * came from a plain host of files. Asked once; a failure is forgotten, so that one may try again.
 */
export function openLab(): Promise<Lab> {
  opened ??= open().catch((error: unknown) => {
    opened = undefined;
    throw error;
  });
  return opened;
}

async function open(): Promise<Lab> {
  if (await hasServer()) return (await import('./remote.js')).remoteLab();
  return (await import('./local.js')).localLab();
}

/** A host of files may answer any address with a page; only JSON is the server's answer. */
async function hasServer(): Promise<boolean> {
  try {
    const response = await fetch(new URL('api/catalog', document.baseURI), {
      headers: { accept: 'application/json' },
    });
    await response.body?.cancel();
    return response.ok && (response.headers.get('content-type') ?? '').includes('json');
  } catch {
    return false;
  }
}
