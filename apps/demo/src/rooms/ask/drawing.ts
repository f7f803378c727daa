import { SIDE } from '../../lab/sizes.js';

export const shapes = ['circle', 'rectangle', 'triangle', 'brush', 'eraser'] as const;
export type Shape = (typeof shapes)[number];

/** The colours of easy-VQA, as they are there. */
export const colours = {
  red: '#ff0000',
  green: '#00ff00',
  blue: '#0000ff',
  yellow: '#ffff00',
  brown: '#a52a2a',
  teal: '#008080',
  black: '#000000',
  gray: '#808080',
} as const;
export type Colour = keyof typeof colours;

/** Backgrounds there are pale; the model has seen no others. */
const ground = '#f4f6fb';

/** One thing drawn: its middle and its size, in pixels of the picture. */
export interface Mark {
  readonly shape: Shape;
  readonly colour: Colour;
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  /** Marks of one stroke of the brush have its number: they are undone together. */
  readonly stroke?: number;
}

/** The marks without the last thing drawn. */
export function undone(marks: readonly Mark[]): readonly Mark[] {
  const stroke = marks.at(-1)?.stroke;
  if (stroke === undefined) return marks.slice(0, -1);
  return marks.filter((mark) => mark.stroke !== stroke);
}

/** A mark of the brush moved on, pixel by pixel, so that a quick stroke has no gaps. */
export function strokeTo(from: Mark, to: { readonly x: number; readonly y: number }): Mark[] {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const steps = Math.ceil(Math.hypot(dx, dy));
  return Array.from({ length: steps }, (_, i) => {
    const part = (i + 1) / steps;
    return { ...from, x: from.x + part * dx, y: from.y + part * dy };
  });
}

/** The picture of these marks, one over the other. */
export function paint(context: CanvasRenderingContext2D, marks: readonly Mark[]): void {
  context.fillStyle = ground;
  context.fillRect(0, 0, SIDE, SIDE);
  for (const { shape, colour, x, y, width, height } of marks) {
    context.fillStyle = shape === 'eraser' ? ground : colours[colour];
    context.beginPath();
    if (shape === 'rectangle') {
      context.rect(x - width / 2, y - height / 2, width, height);
    } else if (shape === 'triangle') {
      context.moveTo(x, y - height / 2);
      context.lineTo(x + width / 2, y + height / 2);
      context.lineTo(x - width / 2, y + height / 2);
    } else {
      context.ellipse(x, y, width / 2, height / 2, 0, 0, 2 * Math.PI);
    }
    context.fill();
  }
}

/** A shape dragged from one corner to the other; circles stay round. */
export function dragged(
  shape: Shape,
  colour: Colour,
  from: { readonly x: number; readonly y: number },
  to: { readonly x: number; readonly y: number },
): Mark {
  const round = shape === 'circle';
  const side = Math.max(Math.abs(to.x - from.x), Math.abs(to.y - from.y), 4);
  const width = round ? side : Math.max(Math.abs(to.x - from.x), 4);
  const height = round ? side : Math.max(Math.abs(to.y - from.y), 4);
  const direction = (a: number, b: number) => (b < a ? -1 : 1);
  return {
    shape,
    colour,
    x: from.x + (direction(from.x, to.x) * width) / 2,
    y: from.y + (direction(from.y, to.y) * height) / 2,
    width,
    height,
  };
}

/** RGB, 0 … 255, row by row: what the model takes. */
export function pixelsOf(context: CanvasRenderingContext2D): Uint8ClampedArray {
  const { data } = context.getImageData(0, 0, SIDE, SIDE);
  const pixels = new Uint8ClampedArray(SIDE * SIDE * 3);
  for (let i = 0; i < SIDE * SIDE; i++) {
    for (let channel = 0; channel < 3; channel++) pixels[3 * i + channel] = data[4 * i + channel]!;
  }
  return pixels;
}

/** The pixels of a picture by its address. */
export async function loadPixels(address: string): Promise<Uint8ClampedArray> {
  const image = new Image();
  image.src = address;
  await image.decode();
  const canvas = document.createElement('canvas');
  canvas.width = SIDE;
  canvas.height = SIDE;
  const context = canvas.getContext('2d', { willReadFrequently: true })!;
  context.drawImage(image, 0, 0, SIDE, SIDE);
  return pixelsOf(context);
}
