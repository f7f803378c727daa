/** `[batch, 64, 64, 3]`; a free dimension is the batch. */
export const shapeText = (shape: readonly (number | null)[], batch: string): string =>
  `[${shape.map((size) => size ?? batch).join(', ')}]`;
