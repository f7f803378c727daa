import fc from 'fast-check';
import sharp from 'sharp';
import { describe, expect, it } from 'vitest';
import type { ImageSize } from '../src/index.js';
import { decodeImage, imageFile } from '../src/node.js';
import { messageOf, put, temporaryFolder } from './support.js';

const folder = temporaryFolder();
const size = (height: number, width: number, more: Partial<ImageSize> = {}): ImageSize => ({
  height,
  width,
  channels: 3,
  fit: 'cover',
  ...more,
});
const svg = (body: string, attributes = 'width="8" height="8"') =>
  Buffer.from(
    `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" ${attributes}>${body}</svg>`,
  );
/** The left half red, the right half blue. */
const halves = svg(
  '<rect width="4" height="8" fill="#f00"/><rect x="4" width="4" height="8" fill="#00f"/>',
);
const noise = (side: number) =>
  sharp(
    Buffer.from(Uint8Array.from({ length: side * side * 3 }, (_, i) => (i * i * 2654435761) >> 7)),
    { raw: { width: side, height: side, channels: 3 } },
  );

describe('decodeImage', () => {
  it('gives the exact pixels of lossless formats at their own size', async () => {
    const raw = await noise(16).raw().toBuffer();
    for (const bytes of [
      await noise(16).png().toBuffer(),
      await noise(16).png({ palette: false, progressive: true }).toBuffer(),
      await noise(16).webp({ lossless: true }).toBuffer(),
    ]) {
      expect(Buffer.from(await decodeImage(bytes, 'noise', size(16, 16)))).toEqual(raw);
    }
  });

  it.each(['png', 'jpeg', 'webp', 'svg'] as const)('reads %s', async (format) => {
    const bytes = format === 'svg' ? halves : await sharp(halves).toFormat(format).toBuffer();
    const pixels = await decodeImage(bytes, format, size(8, 8));
    const near = (at: number, colour: number[]) =>
      colour.forEach((value, c) => {
        expect(Math.abs(pixels[at * 3 + c]! - value)).toBeLessThan(16);
      });
    near(0, [255, 0, 0]);
    near(7, [0, 0, 255]);
  });

  it('covers, contains and fills', async () => {
    const wide = svg(
      '<rect width="16" height="8" fill="#000"/><rect x="4" width="8" height="8" fill="#f00"/>',
      'width="16" height="8"',
    );
    const first = async (fit: ImageSize['fit'], at: number) => [
      ...(await decodeImage(wide, 'wide', size(8, 8, { fit }))).subarray(3 * at, 3 * at + 3),
    ];
    expect(await first('cover', 32)).toEqual([255, 0, 0]);
    expect(await first('contain', 0)).toEqual([255, 255, 255]);
    expect(await first('fill', 32)).toEqual([0, 0, 0]);
  });

  it('lays transparency on white, reads grey, 16 bits and CMYK', async () => {
    const clear = svg('<rect width="4" height="8" fill="#000"/>');
    const pixels = await decodeImage(await sharp(clear).png().toBuffer(), 'clear', size(8, 8));
    expect([...pixels.subarray(0, 3), ...pixels.subarray(21, 24)]).toEqual([
      0, 0, 0, 255, 255, 255,
    ]);
    const grey = await decodeImage(halves, 'grey', size(8, 8, { channels: 1 }));
    expect(grey).toHaveLength(64);
    const greyFile = await noise(8).greyscale().png().toBuffer();
    expect(await decodeImage(greyFile, 'grey file', size(8, 8))).toHaveLength(192);
    const deep = await noise(8).toColourspace('rgb16').png().toBuffer();
    expect(Buffer.from(await decodeImage(deep, 'deep', size(8, 8)))).toEqual(
      await noise(8).raw().toBuffer(),
    );
    const print = await noise(8).toColourspace('cmyk').jpeg().toBuffer();
    expect(await decodeImage(print, 'print', size(8, 8))).toHaveLength(192);
  });

  it('turns a photograph the right way up', async () => {
    const turned = await sharp(halves).png().withMetadata({ orientation: 3 }).toBuffer();
    const pixels = await decodeImage(turned, 'turned', size(8, 8));
    expect([...pixels.subarray(0, 3)]).toEqual([0, 0, 255]);
  });

  it('draws a small SVG large, with sharp edges', async () => {
    const pixels = await decodeImage(halves, 'halves', size(64, 64));
    expect([...pixels.subarray(31 * 3, 33 * 3)]).toEqual([255, 0, 0, 0, 0, 255]);
  });

  it('lets an SVG load nothing', async () => {
    const secret = await put(folder, 'secret.png', await sharp(halves).png().toBuffer());
    for (const href of [secret, `file://${secret}`, 'secret.png', 'http://127.0.0.1:9/a.png']) {
      const bytes = svg(`<image width="8" height="8" href="${href}" xlink:href="${href}"/>`);
      const path = await put(folder, 'thief.svg', bytes);
      expect(new Set(await imageFile(path, 'thief.svg').read(size(8, 8)))).toEqual(new Set([255]));
    }
    const entity = `<!DOCTYPE svg [<!ENTITY x SYSTEM "file://${secret}">]>${svg('<text y="8">&x;</text>')}`;
    const drawn = await decodeImage(Buffer.from(entity), 'entity', size(8, 8)).catch(
      (error: Error) => error.message,
    );
    if (typeof drawn === 'string') expect(drawn).toContain('data.image: entity');
    else expect(new Set(drawn)).toEqual(new Set([255]));
  });

  it('refuses an image that is cut short, and names it', async () => {
    for (const format of ['png', 'jpeg', 'webp'] as const) {
      const whole = await noise(64).toFormat(format).toBuffer();
      for (const share of [0.1, 0.5, 0.9]) {
        const cut = whole.subarray(0, Math.floor(whole.length * share));
        const message = await messageOf(() => decodeImage(cut, `cut.${format}`, size(8, 8)));
        expect(message).toMatch(
          new RegExp(`^data.image: cut.${format} can not be decoded as ${format.toUpperCase()}: .`),
        );
      }
    }
    const path = await put(folder, 'cut.png', (await noise(64).png().toBuffer()).subarray(0, 999));
    expect(await messageOf(() => imageFile(path, 'cut.png').read(size(8, 8)))).toMatch(
      /^data.image: cut.png can not be decoded as PNG: /,
    );
  });

  it('refuses other formats and missing files', async () => {
    for (const bytes of [
      await noise(8).gif().toBuffer(),
      await noise(8).tiff().toBuffer(),
      Buffer.from('hello'),
      Buffer.from('<html><body>'),
      Buffer.alloc(0),
    ]) {
      expect(await messageOf(() => decodeImage(bytes, 'other', size(8, 8)))).toBe(
        'data.image: other is not a PNG, JPEG, WebP or SVG image; convert it to one of these',
      );
    }
    expect(await messageOf(() => imageFile(`${folder}/no.png`, 'no.png').read(size(8, 8)))).toMatch(
      /^data.image: no.png can not be read: ENOENT/,
    );
  });

  it('refuses more pixels than the limit, before decoding', async () => {
    const png = await noise(64).png().toBuffer();
    expect(
      await messageOf(() => decodeImage(png, 'big.png', size(8, 8), { maxPixels: 4095 })),
    ).toBe(
      'data.image: big.png has more than the allowed 4095 pixels; make it smaller or raise maxPixels',
    );
    expect(await decodeImage(png, 'big.png', size(8, 8), { maxPixels: 4096 })).toHaveLength(192);
    const bomb = svg('', 'width="30000" height="30000"');
    expect(await messageOf(() => decodeImage(bomb, 'bomb.svg', size(8, 8)))).toContain(
      'bomb.svg has more than the allowed 64000000 pixels',
    );
    // A header that claims 30,000 × 30,000 pixels.
    const claim = Buffer.from(png);
    claim.writeUInt32BE(30_000, 16);
    claim.writeUInt32BE(30_000, 20);
    expect(await messageOf(() => decodeImage(claim, 'claim.png', size(8, 8)))).toContain(
      'data.image: claim.png',
    );
  });

  it('answers damage with a message, never with a crash', async () => {
    const files = [
      await noise(12).png().toBuffer(),
      await noise(12).jpeg().toBuffer(),
      await noise(12).webp().toBuffer(),
      halves,
    ];
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.array(fc.tuple(fc.nat(1000), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        async (file, changes) => {
          const bytes = Buffer.from(file);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const result = await decodeImage(bytes, 'damaged', size(4, 4)).catch(
            (error: Error) => error,
          );
          if (result instanceof Error) expect(result.message).toMatch(/^data.image: damaged /);
          else expect(result).toHaveLength(48);
        },
      ),
      { numRuns: 150 },
    );
  });
});
