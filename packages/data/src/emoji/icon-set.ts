import { z } from 'zod';

/** A set of SVG icons in Iconify's JSON form, as far as emoji use it. */
export interface IconSet {
  readonly size: number;
  readonly icons: { readonly [name: string]: Icon };
  readonly aliases: { readonly [name: string]: Alias };
  /** Code points in hexadecimal, without the variation selector fe0f → icon. */
  readonly chars: ReadonlyMap<string, string>;
}

interface Box {
  readonly left?: number | undefined;
  readonly top?: number | undefined;
  readonly width?: number | undefined;
  readonly height?: number | undefined;
}

interface Icon extends Box {
  readonly body: string;
}

interface Alias {
  readonly parent: string;
  readonly hFlip?: boolean | undefined;
}

const box = {
  left: z.number().optional(),
  top: z.number().optional(),
  width: z.number().optional(),
  height: z.number().optional(),
};
const setSchema = z.object({
  icons: z.record(z.string(), z.object({ body: z.string(), ...box })),
  // Strict: an alias that turns or crops its parent would need more than is done here.
  aliases: z
    .record(z.string(), z.strictObject({ parent: z.string(), hFlip: z.boolean().optional() }))
    .default({}),
  width: z.number(),
});
const charsSchema = z.record(z.string(), z.string());

export function iconSet(files: ReadonlyMap<string, Uint8Array>): IconSet {
  const parse = (name: string) => JSON.parse(Buffer.from(files.get(name)!).toString('utf8'));
  const { icons, aliases, width } = setSchema.parse(parse('icons.json'));
  const chars = Object.entries(charsSchema.parse(parse('chars.json')));
  return {
    size: width,
    icons,
    aliases,
    chars: new Map(chars.map(([points, name]) => [conceptId(points), name])),
  };
}

/** `1F468-200D-2695-FE0F` → `1f468-200d-2695`: with or without the selector it is one emoji. */
export function conceptId(points: string): string {
  return points
    .toLowerCase()
    .split('-')
    .filter((point) => point !== 'fe0f')
    .join('-');
}

/** The SVG file of an icon, `pixels` high and wide. */
export function iconSvg(set: IconSet, name: string, pixels: number): string {
  const { body, left = 0, top = 0, width = set.size, height = set.size } = set.icons[name]!;
  return `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="${pixels}" height="${pixels}" viewBox="${left} ${top} ${width} ${height}">${body}</svg>`;
}
