/** Pixels of a side; small enough to see each. */
export const SIDE = 12;
export const CHANNELS = 3;

export const shapes = ['circle', 'square', 'triangle'] as const;
type Shape = (typeof shapes)[number];
export const colours = ['red', 'blue', 'green'] as const;
type Colour = (typeof colours)[number];

export interface Scene {
  readonly colour: Colour;
  readonly shape: Shape;
}

const ink: { readonly [C in Colour]: readonly [number, number, number] } = {
  red: [0.86, 0.16, 0.22],
  blue: [0.13, 0.37, 0.85],
  green: [0.1, 0.6, 0.32],
};

const inside: { readonly [S in Shape]: (u: number, v: number) => boolean } = {
  circle: (u, v) => u * u + v * v < 0.72 ** 2,
  square: (u, v) => Math.abs(u) < 0.62 && Math.abs(v) < 0.62,
  triangle: (u, v) => v < 0.62 && v > -0.75 && Math.abs(u) < 0.08 + ((v + 0.75) / 1.37) * 0.72,
};

/** A scene as pixels in 0…1, row by row, `[SIDE, SIDE, 3]`; edges are smoothed. */
export function draw({ colour, shape }: Scene): Float64Array {
  const pixels = new Float64Array(SIDE * SIDE * CHANNELS);
  const fine = 4;
  for (let row = 0; row < SIDE; row += 1) {
    for (let column = 0; column < SIDE; column += 1) {
      let covered = 0;
      for (let i = 0; i < fine * fine; i += 1) {
        const u = ((column + ((i % fine) + 0.5) / fine) / SIDE) * 2 - 1;
        const v = ((row + (Math.floor(i / fine) + 0.5) / fine) / SIDE) * 2 - 1;
        if (inside[shape](u, v)) covered += 1 / (fine * fine);
      }
      for (let channel = 0; channel < CHANNELS; channel += 1) {
        pixels[(row * SIDE + column) * CHANNELS + channel] =
          1 - covered + covered * ink[colour][channel]!;
      }
    }
  }
  return pixels;
}
