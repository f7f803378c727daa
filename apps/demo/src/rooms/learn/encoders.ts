import { CHANNELS, SIDE } from './pictures.js';
import { add, scale, type Vector } from './vectors.js';

const KERNEL = 3;
/** Side of a feature map: the filters are not padded. */
export const MAP = SIDE - KERNEL + 1;
const WEIGHTS = KERNEL * KERNEL * CHANNELS;
/** On even ground an edge filter gives 0 but for this much. */
const ROUNDING = 1e-9;

/** Both encoders' parameters. Every learning step makes new ones. */
export interface Parameters {
  /** Each filter's weights, `[3, 3, 3]` row by row. */
  readonly filters: readonly (readonly number[])[];
  /** The dense layer: a feature's weight for each filter. */
  readonly weights: readonly [readonly number[], readonly number[]];
  readonly bias: Vector;
  readonly words: { readonly [word: string]: Vector };
}

export interface ImageFeatures {
  /** After ReLU, one a filter, `[MAP, MAP]`. */
  readonly maps: readonly Float64Array[];
  /** The mean of each map. */
  readonly pooled: readonly number[];
  readonly vector: Vector;
}

/** A small CNN: filters of 3×3, ReLU, the mean of each map, a dense layer of two features. */
export function encodeImage(params: Parameters, pixels: Float64Array): ImageFeatures {
  const maps = params.filters.map((filter) => {
    const map = new Float64Array(MAP * MAP);
    eachPatch(pixels, (at, patch) => {
      let sum = 0;
      for (let i = 0; i < WEIGHTS; i += 1) sum += filter[i]! * patch[i]!;
      map[at] = sum > ROUNDING ? sum : 0;
    });
    return map;
  });
  const pooled = maps.map((map) => map.reduce((sum, value) => sum + value, 0) / map.length);
  const feature = (row: 0 | 1) =>
    params.weights[row].reduce((sum, weight, k) => sum + weight * pooled[k]!, params.bias[row]);
  return { maps, pooled, vector: [feature(0), feature(1)] };
}

/** A bag of words: the mean of the words' vectors. */
export function encodeText(params: Parameters, words: readonly string[]): Vector {
  const total = words.reduce<Vector>((sum, word) => add(sum, params.words[word]!), [0, 0]);
  return scale(total, 1 / words.length);
}

/**
 * The chain rule from ∂L/∂z to every parameter. z = x + y hands its gradient g to x and y as it is;
 * from there: ∂L/∂W = g pᵀ, ∂L/∂b = g, ∂L/∂word = g · (its count) / n, and for a filter (Wᵀg)ₖ times
 * the mean of the patches that its ReLU let through.
 */
export function backward(
  params: Parameters,
  pixels: Float64Array,
  words: readonly string[],
  g: Vector,
): Parameters {
  const { maps, pooled } = encodeImage(params, pixels);
  const filters = params.filters.map((_, k) => {
    const reaching = params.weights[0][k]! * g[0] + params.weights[1][k]! * g[1];
    const sum = new Array<number>(WEIGHTS).fill(0);
    eachPatch(pixels, (at, patch) => {
      if (maps[k]![at]! <= 0) return;
      for (let i = 0; i < WEIGHTS; i += 1) sum[i]! += (reaching * patch[i]!) / (MAP * MAP);
    });
    return sum;
  });
  const gradients = Object.fromEntries(
    Object.keys(params.words).map((word) => {
      const times = words.filter((other) => other === word).length;
      return [word, scale(g, times / words.length)];
    }),
  );
  return {
    filters,
    weights: [pooled.map((p) => g[0] * p), pooled.map((p) => g[1] * p)],
    bias: g,
    words: gradients,
  };
}

/** θ ← θ − α ∂L/∂θ, for each parameter. */
export function descend(params: Parameters, gradients: Parameters, rate: number): Parameters {
  const row = (values: readonly number[], slopes: readonly number[]) =>
    values.map((value, i) => value - rate * slopes[i]!);
  const vector = (value: Vector, slope: Vector) => add(value, scale(slope, -rate));
  return {
    filters: params.filters.map((filter, k) => row(filter, gradients.filters[k]!)),
    weights: [
      row(params.weights[0], gradients.weights[0]),
      row(params.weights[1], gradients.weights[1]),
    ],
    bias: vector(params.bias, gradients.bias),
    words: Object.fromEntries(
      Object.entries(params.words).map(([word, value]) => [
        word,
        vector(value, gradients.words[word]!),
      ]),
    ),
  };
}

const squares = (values: readonly number[]) => values.reduce((sum, v) => sum + v * v, 0);

/** The squared norm of the gradient of each part. */
export function gradientNorms(gradients: Parameters) {
  return {
    filters: squares(gradients.filters.flat()),
    dense: squares([...gradients.weights.flat(), ...gradients.bias]),
    words: squares(Object.values(gradients.words).flat()),
  };
}

function eachPatch(pixels: Float64Array, use: (at: number, patch: Float64Array) => void): void {
  const patch = new Float64Array(WEIGHTS);
  const rowLength = KERNEL * CHANNELS;
  for (let row = 0; row < MAP; row += 1) {
    for (let column = 0; column < MAP; column += 1) {
      for (let i = 0; i < KERNEL; i += 1) {
        const from = ((row + i) * SIDE + column) * CHANNELS;
        patch.set(pixels.subarray(from, from + rowLength), i * rowLength);
      }
      use(row * MAP + column, patch);
    }
  }
}

/** How many numbers learn. */
export const parameterCount = ({ filters, weights, words }: Parameters): number =>
  filters.flat().length + weights.flat().length + 2 + 2 * Object.keys(words).length;
