// Draws samples/shapes: 60 pictures of one shape each, and questions about them. Run from
// packages/data with `node samples/make-shapes.mjs`; the same files come out every time.
import { mkdir, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';

const folder = fileURLToPath(new URL('./shapes/', import.meta.url));
const colours = { red: '#d62828', green: '#2a9d3f', blue: '#1f5fd0', yellow: '#f4c20d' };
const shapes = {
  circle: (x, y, r) => `<circle cx="${x}" cy="${y}" r="${r}"/>`,
  square: (x, y, r) => `<rect x="${x - r}" y="${y - r}" width="${2 * r}" height="${2 * r}"/>`,
  triangle: (x, y, r) => `<polygon points="${x},${y - r} ${x + r},${y + r} ${x - r},${y + r}"/>`,
};
const COPIES = 5;

// A linear congruential generator, so that places and sizes do not depend on the platform.
let state = 1;
const between = (low, high) => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return low + Math.floor((state / 2 ** 32) * (high - low + 1));
};

await mkdir(folder, { recursive: true });
const rows = [];
for (const [shape, draw] of Object.entries(shapes)) {
  for (const [colour, fill] of Object.entries(colours)) {
    for (let copy = 1; copy <= COPIES; copy++) {
      const r = between(9, 20);
      const [x, y] = [between(r + 2, 62 - r), between(r + 2, 62 - r)];
      const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><g fill="${fill}">${draw(x, y, r)}</g></svg>`;
      const image = `${colour}-${shape}-${copy}.png`;
      await sharp(Buffer.from(svg))
        .flatten({ background: 'white' })
        .png({ palette: true, effort: 10 })
        .toFile(`${folder}${image}`);

      const names = Object.keys(shapes);
      const asked = names[between(0, names.length - 1)];
      rows.push(
        { image, text: 'what shape is in the image?', label: shape, kind: 'shape' },
        { image, text: 'what color is the shape?', label: colour, kind: 'colour' },
        { image, text: `what color is the ${shape}?`, label: colour, kind: 'colour' },
        {
          image,
          text: `is there a ${asked}?`,
          label: asked === shape ? 'yes' : 'no',
          kind: 'yes/no',
        },
      );
    }
  }
}
await writeFile(`${folder}manifest.jsonl`, rows.map((row) => `${JSON.stringify(row)}\n`).join(''));
