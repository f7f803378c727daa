import { ChainruleError } from '@chainrule/tensor';
import type { ImageSize, ImageSource } from '../image.js';
import type { Draws } from './draws.js';

export type Colour = 'red' | 'green' | 'blue' | 'orange' | 'grey' | 'yellow';
export type Shape = 'rectangle' | 'circle';

/** A square or a circle of 11 pixels; `x` counts from the left, `y` from the top. */
export interface SceneObject {
  readonly colour: Colour;
  readonly shape: Shape;
  readonly x: number;
  readonly y: number;
}

/** One object of each colour, in the order of `COLOURS`. */
export type Scene = readonly SceneObject[];

export const COLOURS: readonly Colour[] = ['red', 'green', 'blue', 'orange', 'grey', 'yellow'];
/** Height and width of a picture. */
export const SIDE = 75;
/** From an object's centre to its edge. */
const REACH = 5;

const RGB: { readonly [C in Colour]: readonly [number, number, number] } = {
  red: [255, 0, 0],
  green: [0, 255, 0],
  blue: [0, 0, 255],
  orange: [255, 156, 0],
  grey: [128, 128, 128],
  yellow: [255, 255, 0],
};

/** Objects at random places, their centres at least 10 pixels apart. */
export function drawScene(random: Draws): Scene {
  const objects: SceneObject[] = [];
  for (const colour of COLOURS) {
    let place: { x: number; y: number };
    do {
      const within = () => REACH + random.integer(SIDE - 2 * REACH);
      place = { x: within(), y: within() };
    } while (objects.some((other) => distance(other, place) < 4 * REACH ** 2));
    objects.push({ colour, shape: random.real() < 0.5 ? 'rectangle' : 'circle', ...place });
  }
  return objects;
}

type Point = Pick<SceneObject, 'x' | 'y'>;

/** The square of the distance of two centres. */
export function distance(a: Point, b: Point): number {
  return (a.x - b.x) ** 2 + (a.y - b.y) ** 2;
}

/** The picture of a scene, painted anew whenever it is read: it takes microseconds and no memory. */
export function sceneImage(id: string, scene: Scene): ImageSource {
  return { id, read: (size) => paint(id, scene, size) };
}

function paint(id: string, scene: Scene, { height, width, channels }: ImageSize): Uint8Array {
  if (height !== SIDE || width !== SIDE || channels !== 3) {
    throw new ChainruleError(
      'DATA_IMAGE',
      `data.sortOfClevr: "${id}" is painted as ${SIDE}x${SIDE}x3, got a request for ${height}x${width}x${channels}; give the loader imageSize: [${SIDE}, ${SIDE}]`,
    );
  }
  const pixels = new Uint8Array(SIDE * SIDE * 3).fill(255);
  for (const { colour, shape, x, y } of scene) {
    const [red, green, blue] = RGB[colour];
    for (let dy = -REACH; dy <= REACH; dy++) {
      // Half a pixel more than the radius, so that a circle does not end in single pixels.
      const half =
        shape === 'rectangle' ? REACH : Math.floor(Math.sqrt((REACH + 0.5) ** 2 - dy ** 2));
      let at = ((y + dy) * SIDE + x - half) * 3;
      for (let dx = -half; dx <= half; dx++) {
        pixels[at++] = red;
        pixels[at++] = green;
        pixels[at++] = blue;
      }
    }
  }
  return pixels;
}
