/**
 * A copy of `vector` of length 1, or undefined where there is none: the zero vector, and vectors
 * with NaN or infinity.
 */
export function unit(vector: Float32Array): Float32Array | undefined {
  let sum = 0;
  for (let i = 0; i < vector.length; i++) sum += vector[i]! * vector[i]!;
  if (!(sum > 0 && Number.isFinite(sum))) return undefined;
  const norm = Math.sqrt(sum);
  return vector.map((value) => value / norm);
}
