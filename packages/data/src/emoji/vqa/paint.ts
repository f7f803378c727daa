import sharp from 'sharp';
import type { Emoji } from '../emoji.js';
import type { Placed, VqaScene } from './scene.js';

/** Paints scenes of `size · size` pixels, RGB. Drawings are kept in memory at the sizes they have. */
export function vqaPainter(data: Emoji, size: number): (scene: VqaScene) => Promise<Uint8Array> {
  const cell = size / 2;
  const sprites = new Map<string, Promise<Uint8Array>>();
  const spriteOf = ({ object, artist }: Placed, side: number) => {
    const drawing = data.drawing(artist, object.concept.id)!;
    const name = `${drawing.id}@${side}`;
    const known = sprites.get(name) ?? drawing.rgba().then((rgba) => resize(rgba, data.size, side));
    sprites.set(name, known);
    return known;
  };
  return async ({ placed, background }) => {
    const pixels = new Uint8Array(size * size * 3);
    for (let i = 0; i < pixels.length; i++) pixels[i] = background[i % 3]!;
    for (const one of placed) {
      const side = Math.round(cell * one.scale);
      const sprite = await spriteOf(one, side);
      const left = Math.floor(one.column * cell + one.shift[0] * (cell - side));
      const top = Math.floor(one.row * cell + one.shift[1] * (cell - side));
      lay(sprite, side, pixels, size, left, top);
    }
    return pixels;
  };
}

async function resize(rgba: Uint8Array, from: number, to: number): Promise<Uint8Array> {
  return sharp(rgba, { raw: { width: from, height: from, channels: 4 } })
    .resize(to, to, { fit: 'fill' })
    .raw()
    .toBuffer();
}

/** Lays an RGBA square on RGB pixels. */
function lay(
  rgba: Uint8Array,
  side: number,
  pixels: Uint8Array,
  width: number,
  left: number,
  top: number,
): void {
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      const from = (y * side + x) * 4;
      const to = ((top + y) * width + left + x) * 3;
      const alpha = rgba[from + 3]! / 255;
      for (let c = 0; c < 3; c++) {
        pixels[to + c] = Math.round(alpha * rgba[from + c]! + (1 - alpha) * pixels[to + c]!);
      }
    }
  }
}
