import type { EmojiArtist, EmojiDrawing } from '@chainrule/data/node';
import { type Measures, retrievalReport } from '@chainrule/retrieval';
import { type Heads, projected } from './heads.js';
import { FLAT, type Material, SOLID } from './material.js';

export interface Tested {
  readonly flat: Measures;
  readonly solid: Measures;
  /** Pictures in the gallery of the flat style. */
  readonly gallery: number;
}

/** Text to image: each name among the drawings of one held-out artist. */
export async function tested(
  heads: Heads,
  material: Material,
  test: readonly EmojiDrawing[],
): Promise<Tested> {
  const of = async (artist: EmojiArtist) => {
    const gallery = test.filter((one) => one.artist === artist);
    const { textToImage } = await retrievalReport(
      await projected(heads, 'image', imagesOf(material, gallery)),
      await projected(heads, 'text', namesOf(material, gallery)),
    );
    return textToImage;
  };
  const flat = await of(FLAT);
  return { flat, solid: await of(SOLID), gallery: flat.queries };
}

export const imagesOf = ({ images }: Material, drawings: readonly EmojiDrawing[]): Float32Array[] =>
  drawings.map(({ id }) => images.get(id)!);

export const namesOf = ({ names }: Material, drawings: readonly EmojiDrawing[]) =>
  drawings.map(({ concept }) => names[concept.index]!);

/** Mean and sample deviation (null of one). */
export function spread(values: readonly number[]): { mean: number; deviation: number | null } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  const deviation = values.length === 1 ? null : Math.sqrt(squares / (values.length - 1));
  return { mean, deviation };
}
