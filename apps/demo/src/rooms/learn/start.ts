import type { Parameters } from './encoders.js';

const colourFilter = (red: number, green: number, blue: number) =>
  Array.from({ length: 9 }, () => [red, green, blue]).flat();
const edgeFilter = (kernel: readonly number[]) => kernel.flatMap((value) => [value, value, value]);

/** Where both encoders begin: filters for red, for blue, for upper edges and for slanted ones. */
export const start: Parameters = {
  filters: [
    colourFilter(0.6, -0.3, -0.3),
    colourFilter(-0.3, -0.3, 0.6),
    edgeFilter([0.3, 0.6, 0.3, 0, 0, 0, -0.3, -0.6, -0.3]),
    edgeFilter([0, 0.3, 0.6, -0.3, 0, 0.3, -0.6, -0.3, 0]),
  ],
  weights: [
    [0.6, -1, 0.3, -0.5],
    [0.95, 1.1, -0.8, -0.6],
  ],
  bias: [0.7, -0.9],
  words: {
    a: [-0.3, 0.3],
    red: [1.5, -0.3],
    blue: [-1.5, 0.3],
    green: [0.3, -1.5],
    circle: [-3, 3.6],
    square: [1.5, -2.4],
    triangle: [-1.2, -3],
  },
};
