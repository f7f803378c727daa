import { nearest } from '@chainrule/retrieval';
import { type Heads, projected } from './heads.js';
import { FLAT, type Material, splitOf } from './material.js';
import { imagesOf, namesOf } from './measure.js';
import type { Query } from './page.js';

/** How many queries of each task the page shows. */
const SHOWN = { A: 24, B: 16 };
const TOP = 10;

/** Every so many-th name of the tests of seed 0, with the pictures nearest to it. */
export async function queriesOf(
  trained: readonly { readonly task: 'A' | 'B'; readonly heads: Heads }[],
  material: Material,
): Promise<Query[]> {
  const all: Query[] = [];
  for (const { task, heads } of trained) {
    const gallery = splitOf(material, task, 0).test.filter(({ artist }) => artist === FLAT);
    const images = await projected(heads, 'image', imagesOf(material, gallery));
    const step = Math.max(1, gallery.length / SHOWN[task]);
    const asked = gallery.filter((_, i) => Math.floor(i % step) === 0).slice(0, SHOWN[task]);
    const texts = await projected(heads, 'text', namesOf(material, asked));
    const found = await nearest(texts, images, { k: TOP });
    asked.forEach(({ concept }, i) => {
      all.push({
        text: concept.name,
        task,
        found: found[i]!.map(({ row, similarity }) => {
          const drawing = gallery[row]!;
          return { drawing, similarity, right: drawing.concept === concept };
        }),
      });
    });
  }
  return all;
}
