import * as tf from '@tensorflow/tfjs-core';

const colours = { red: [1, 0.1, 0.1], green: [0.1, 0.8, 0.2], blue: [0.1, 0.2, 1] } as const;
const shapes = {
  circle: (x: number, y: number) => x * x + y * y < 0.4,
  square: (x: number, y: number) => Math.max(Math.abs(x), Math.abs(y)) < 0.6,
} as const;

/** What a picture shows. */
export interface Scene {
  readonly colour: keyof typeof colours;
  readonly shape: keyof typeof shapes;
}

/** Draws scenes on a white ground: pixels in 0…1, `[scenes, side, side, 3]`. */
export function draw(scenes: readonly Scene[], side: number): tf.Tensor4D {
  const at = (i: number) => (2 * i + 1) / side - 1;
  const pixel = ({ colour, shape }: Scene, x: number, y: number) =>
    shapes[shape](x, y) ? [...colours[colour]] : [1, 1, 1];
  const range = Array.from({ length: side }, (_, i) => i);
  return tf.tensor4d(
    scenes.map((scene) =>
      range.map((row) => range.map((column) => pixel(scene, at(column), at(row)))),
    ),
  );
}
