import type { EmojiDrawing, EmojiLicence } from '@chainrule/data/node';
import sharp from 'sharp';

/** A name that was looked for, and the pictures that came, the nearest first. */
export interface Query {
  readonly text: string;
  /** The task that it stands for. */
  readonly task: 'A' | 'B';
  readonly found: readonly {
    readonly drawing: EmojiDrawing;
    readonly similarity: number;
    readonly right: boolean;
  }[];
}

const SIDE = 72;

/** Text as HTML shows it, in attributes too. */
export function escaped(text: string): string {
  const signs: { readonly [sign: string]: string } = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replace(/[&<>"']/g, (sign) => signs[sign]!);
}

/**
 * One HTML file with its pictures in it: queries with their top ten, the right ones marked.
 *
 * @param table what was measured, as text.
 */
export async function page(
  queries: readonly Query[],
  table: string,
  licences: { readonly [packageName: string]: EmojiLicence },
): Promise<string> {
  const sections = [
    ['A', 'Task A: the thing was seen, as other artists draw it'],
    ['B', 'Task B: neither the thing nor the artist was seen'],
  ] as const;
  const parts: string[] = [];
  for (const [task, title] of sections) {
    const own = queries.filter((query) => query.task === task);
    if (own.length === 0) continue;
    const first = own.filter(({ found }) => found[0]?.right).length;
    const ten = own.filter(({ found }) => found.some(({ right }) => right)).length;
    const rows = await Promise.all(own.map(row));
    parts.push(
      `<section><h2>${escaped(title)}</h2><p>Of these ${own.length} queries ${first} have the right picture first, ${ten} among the first ten.</p>${rows.join('\n')}</section>`,
    );
  }
  const named = Object.entries(licences).map(([name, licence]) =>
    escaped(`${name} by ${licence.holder}, ${licence.name}`),
  );
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Text to picture</title>
<style>${STYLE}</style>
<main>
<h1>Text to picture</h1>
<p>Each line is a name and the ten drawings nearest to it, the nearest first, among those of an artist whom the model never saw. The right one has a <span class="key">green frame and a check mark</span>.</p>
<pre>${escaped(table)}</pre>
${parts.join('\n')}
<footer><p>Drawings: ${named.join('; ')}.</p></footer>
</main>
</html>
`;
}

async function row({ text, found }: Query): Promise<string> {
  const cells = await Promise.all(
    found.map(async ({ drawing, similarity, right }) => {
      const { name } = drawing.concept;
      const mark = right ? '<b aria-hidden="true">✓</b>' : '';
      const alt = right ? `${name}, right` : name;
      return (
        `<li${right ? ' class="right"' : ''} title="${escaped(name)} ${similarity.toFixed(2)}">` +
        `<img src="${await dataUri(drawing)}" width="${SIDE}" height="${SIDE}" alt="${escaped(alt)}">${mark}</li>`
      );
    }),
  );
  const at = found.findIndex(({ right }) => right);
  const note = at < 0 ? 'not among the ten' : `at place ${at + 1}`;
  return `<article><h3>${escaped(text)} <small>${note}</small></h3><ol>${cells.join('')}</ol></article>`;
}

async function dataUri(drawing: EmojiDrawing): Promise<string> {
  const pixels = await drawing.rgba();
  const side = Math.sqrt(pixels.length / 4);
  const raw = { width: side, height: side, channels: 4 } as const;
  const file = await sharp(pixels, { raw }).resize(SIDE, SIDE).webp({ quality: 80 }).toBuffer();
  return `data:image/webp;base64,${file.toString('base64')}`;
}

const STYLE = `
:root { color-scheme: light dark; }
body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: Canvas; color: CanvasText; }
main { max-width: 62rem; margin: 0 auto; padding: 1.5rem 1rem 3rem; }
h1 { margin: 0; } h2 { margin: 2.5rem 0 0; } h3 { margin: 1.25rem 0 .4rem; font-size: 1rem; }
small { font-weight: 400; opacity: .75; margin-left: .5rem; }
pre { overflow-x: auto; font-size: .85rem; line-height: 1.4; }
ol { display: flex; flex-wrap: wrap; gap: .4rem; margin: 0; padding: 0; list-style: none; }
li { position: relative; padding: .35rem; border: 2px solid transparent; border-radius: .6rem; background: #fff; }
li:not(.right) { border-color: #8884; }
li.right { border-color: #15803d; box-shadow: 0 0 0 2px #15803d; }
li b { position: absolute; right: -.35rem; top: -.35rem; width: 1.3rem; height: 1.3rem; border-radius: 50%; background: #15803d; color: #fff; font-size: .85rem; line-height: 1.3rem; text-align: center; }
img { display: block; }
.key { border: 2px solid #15803d; border-radius: .4rem; padding: 0 .3rem; }
footer { margin-top: 3rem; font-size: .85rem; opacity: .8; overflow-wrap: anywhere; }
`;
