const NAMES: { readonly [rgb: number]: string } = {
  16711680: 'red',
  65280: 'green',
  255: 'blue',
  16751616: 'orange',
  8421504: 'grey',
  16776960: 'yellow',
};

export interface Seen {
  readonly colour: string;
  readonly square: boolean;
  readonly x: number;
  readonly y: number;
}

/**
 * What a picture shows, from its pixels alone; undefined for one in which an object covers another.
 * A square has 121 pixels, a circle fewer.
 */
export function look(pixels: Uint8Array): Seen[] | undefined {
  const places = new Map<string, [number, number][]>();
  for (let i = 0; i < pixels.length; i += 3) {
    const name = NAMES[(pixels[i]! << 16) | (pixels[i + 1]! << 8) | pixels[i + 2]!];
    if (name === undefined) continue;
    if (!places.has(name)) places.set(name, []);
    places.get(name)!.push([(i / 3) % 75, Math.floor(i / 3 / 75)]);
  }
  const counts = [...places.values()].map(({ length }) => length);
  if (counts.some((count) => count !== 121 && count !== 97)) return undefined;
  const mean = (of: [number, number][], axis: 0 | 1) =>
    of.reduce((sum, place) => sum + place[axis], 0) / of.length;
  return [...places].map(([colour, of]) => ({
    colour,
    square: of.length === 121,
    x: mean(of, 0),
    y: mean(of, 1),
  }));
}

/** The question in words answered by looking at the picture; ties have more than one answer. */
export function answers(text: string, seen: readonly Seen[]): string[] {
  const own = seen.find(({ colour }) => text.includes(` ${colour} `))!;
  const shape = ({ square }: Seen) => (square ? 'rectangle' : 'circle');
  const yes = (is: boolean) => [is ? 'yes' : 'no'];
  if (text.endsWith('on the left?')) return yes(own.x < 37.5);
  if (text.endsWith('at the top?')) return yes(own.y < 37.5);
  if (text.startsWith('how many')) return [`${seen.filter((o) => o.square === own.square).length}`];
  const away = (o: Seen) => Math.hypot(o.x - own.x, o.y - own.y);
  const others = seen.filter((o) => o !== own).sort((a, b) => away(a) - away(b));
  const at = (place: Seen) =>
    others.filter((o) => Math.abs(away(o) - away(place)) < 1e-9).map(shape);
  if (text.includes('closest')) return at(others[0]!);
  if (text.includes('furthest')) return at(others[4]!);
  return [shape(own)];
}
