/** A vector of two features: as many as a picture on paper can show. */
export type Vector = readonly [number, number];

export const add = (a: Vector, b: Vector): Vector => [a[0] + b[0], a[1] + b[1]];
export const subtract = (a: Vector, b: Vector): Vector => [a[0] - b[0], a[1] - b[1]];
export const scale = (a: Vector, factor: number): Vector => [a[0] * factor, a[1] * factor];
const squaredNorm = (a: Vector): number => a[0] * a[0] + a[1] * a[1];
export const norm = (a: Vector): number => Math.sqrt(squaredNorm(a));

/** L = ½‖z − y‖² */
export const loss = (z: Vector, y: Vector): number => squaredNorm(subtract(z, y)) / 2;

/** ∂L/∂z = z − y */
export const gradient = (z: Vector, y: Vector): Vector => subtract(z, y);

/** z ← z − α ∂L/∂z */
export const step = (z: Vector, y: Vector, rate: number): Vector =>
  subtract(z, scale(gradient(z, y), rate));

export type Regime = 'still' | 'converges' | 'jumps' | 'oscillates' | 'circles' | 'diverges';

/**
 * What a learning rate does: each step multiplies z − y by 1 − α, so its size tells everything.
 */
export function regime(rate: number): Regime {
  if (rate === 0) return 'still';
  if (rate < 1) return 'converges';
  if (rate === 1) return 'jumps';
  if (rate < 2) return 'oscillates';
  return rate === 2 ? 'circles' : 'diverges';
}
