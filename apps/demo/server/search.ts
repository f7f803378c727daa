import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { Asking } from './asking.js';
import { pixelsOf } from './pictures.js';
import { Refusal } from './problems.js';
import type { Found } from './schemas.js';

/** Finds pictures and names that fit a text or a picture. */
export interface Finder {
  /** What is missing, for people; undefined where nothing is. */
  missing(): Promise<string | undefined>;
  search(query: { readonly text: string } | { readonly image: Uint8Array }): Promise<Found>;
  /** A picture that a hit names, as a PNG. */
  picture(index: number): Promise<Uint8Array | undefined>;
}

/** The first time embeds all pictures, and may have to fetch them. */
const OPEN_MS = 600_000;
const SEARCH_MS = 10_000;

/** Search with the retrieval model in a folder, in the process that answers. */
export function finder(asking: Pick<Asking, 'ask' | 'generation'>, folder: string): Finder {
  let opened:
    | { readonly by: number; readonly size: Promise<readonly [number, number]> }
    | undefined;

  async function missing(): Promise<string | undefined> {
    const isThere = await stat(join(folder, 'config.json')).then(
      () => true,
      () => false,
    );
    return isThere
      ? undefined
      : 'There is no trained retrieval model yet; `pnpm retrieval` trains one and saves it in models/retrieval.';
  }

  async function open(): Promise<readonly [number, number]> {
    const gap = await missing();
    if (gap !== undefined) throw new Refusal(503, gap);
    if (opened === undefined || opened.by !== asking.generation()) {
      const size = asking
        .ask({ type: 'openSearch', folder }, OPEN_MS)
        .then(({ imageSize }) => imageSize);
      const own = { by: asking.generation(), size };
      opened = own;
      size.catch(() => {
        if (opened === own) opened = undefined;
      });
    }
    return opened.size;
  }

  return {
    missing,
    async search(query) {
      const size = await open();
      const asked =
        'text' in query
          ? query
          : { pixels: new Uint8Array(await pixelsOf(query.image, { size, fit: 'contain' })) };
      return asking.ask({ type: 'search', query: asked }, SEARCH_MS);
    },
    async picture(index) {
      if ((await missing()) !== undefined) return undefined;
      return (await asking.ask({ type: 'drawing', index }, OPEN_MS)) ?? undefined;
    },
  };
}
