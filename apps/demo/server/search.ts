import type { Found } from './schemas.js';

/** Finds pictures and names that fit a text or a picture. */
export interface Finder {
  search(query: { readonly text: string } | { readonly image: Uint8Array }): Promise<Found>;
  /** A picture that a hit names, as a PNG. */
  picture(id: string): Uint8Array | undefined;
}

/** The trained retrieval model in a folder, or what is missing. The only place that knows of it. */
export async function openFinder(_folder: string): Promise<Finder | { readonly missing: string }> {
  return {
    missing: 'There is no trained retrieval model yet. The retrieval package brings the training.',
  };
}
