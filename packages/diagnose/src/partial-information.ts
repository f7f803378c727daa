import { ChainruleError } from '@chainrule/tensor';

/** Where the information that two sources have about a target lies, in nats. */
export interface PartialInformation {
  /** In either source alone. */
  readonly redundancy: number;
  /** In the first, or the second, source only. */
  readonly unique: readonly [first: number, second: number];
  /** In neither source alone, only in both together. */
  readonly synergy: number;
  /** I(target; first, second), the sum of the four. */
  readonly total: number;
}

/** Weights or counts `joint[a][b][y]`: how often the sources are a and b and the target is y. */
export type Joint = readonly (readonly (readonly number[])[])[];

/** What the decomposition may differ from the exact one, in nats. */
const TOLERANCE = 1e-8;
const MOST_ROUNDS = 10_000;
/** How far the sums of a coupling may be off. */
const PRECISION = 1e-13;
const MOST_SCALINGS = 200;

/**
 * The partial information decomposition of two discrete sources and a target (BROJA).
 *
 * Of all distributions q with p's pairs (a, y) and (b, y), the one of least I_q(Y; A, B) has no
 * synergy. With that least value m,
 *
 *     unique = [m − I(Y; B), m − I(Y; A)],  redundancy = I(Y; A) + I(Y; B) − m,  synergy = I(Y; A, B) − m.
 *
 * The problem is convex. Since I_q(Y; X) = min_r D(q ‖ q(y)·r(x)) it is a minimum over q and r, and
 * each in turn has a known solution: r is q's marginal, and q(x | y) the projection of r on the
 * given marginals, which Sinkhorn's scaling finds. Alternating converges to the minimum (Csiszár and
 * Tusnády, 1984).
 *
 * Weights need not add up to 1. Meant for small alphabets: a round costs |A|·|B|·|Y|.
 *
 * Source: Bertschinger, Rauh, Olbrich, Jost and Ay, Quantifying unique information (2014); used for
 * multimodal data by Liang et al., Quantifying and modeling multimodal interactions (2023).
 *
 * @throws ChainruleError `OPTION` where the table is ragged, negative, not finite or all zero.
 * @example
 * import { partialInformation } from '@chainrule/diagnose';
 *
 * const xor = [[[1, 0], [0, 1]], [[0, 1], [1, 0]]];
 * partialInformation(xor); // { redundancy: 0, unique: [0, 0], synergy: 0.6931, total: 0.6931 }
 */
export function partialInformation(joint: Joint): PartialInformation {
  const table = normalized(joint);
  const { p } = table;
  const first = information(p.map((of) => of.map(sum)));
  const second = information(p.map((of) => transposed(of).map(sum)));
  const total = information(p.map((of) => of.flat()));
  const least = leastInformation(p);
  return {
    redundancy: positive(first + second - least),
    unique: [positive(least - second), positive(least - first)],
    synergy: positive(total - least),
    total,
  };
}

/**
 * Counts `joint[a][b][y]` of three columns of labels, for {@link partialInformation}: each column's
 * values are numbered in the order in which they occur.
 *
 * @throws ChainruleError `OPTION` where the columns have different lengths or none.
 * @example
 * partialInformation(countJoint(imageClusters, textClusters, answers));
 */
export function countJoint<A, B, Y>(
  first: readonly A[],
  second: readonly B[],
  target: readonly Y[],
): number[][][] {
  if (first.length === 0 || first.length !== second.length || first.length !== target.length) {
    throw new ChainruleError(
      'OPTION',
      `diagnose.countJoint: the columns must have the same length, at least 1, got ${first.length}, ${second.length} and ${target.length}`,
    );
  }
  const [a, b, y] = [numbered(first), numbered(second), numbered(target)];
  const counts = Array.from({ length: a.count }, () =>
    Array.from({ length: b.count }, () => new Array<number>(y.count).fill(0)),
  );
  first.forEach((_, i) => {
    counts[a.ids[i]!]![b.ids[i]!]![y.ids[i]!]! += 1;
  });
  return counts;
}

type Matrix = number[][];

/** The table as probabilities, a matrix [a][b] for each y that occurs. */
function normalized(joint: Joint): { readonly p: Matrix[] } {
  const [columns, depth] = [joint[0]?.length ?? 0, joint[0]?.[0]?.length ?? 0];
  const regular = joint.every(
    (rows) => rows.length === columns && rows.every((cell) => cell.length === depth),
  );
  const all = joint.flat(2);
  const total = sum(all);
  if (!regular || all.some((weight) => !(weight >= 0)) || !(total > 0 && total < Infinity)) {
    throw new ChainruleError(
      'OPTION',
      'diagnose.partialInformation: joint must be a table [a][b][y] of weights, finite, not ' +
        'negative and not all zero; countJoint() makes one from columns of labels',
    );
  }
  const p = Array.from({ length: depth }, (_, y) =>
    joint.map((rows) => rows.map((cell) => cell[y]! / total)),
  );
  return { p: p.filter((of) => sum(of.flat()) > 0) };
}

/** min I_q(Y; A, B) over the q that have p's marginals (a, y) and (b, y). */
function leastInformation(p: readonly Matrix[]): number {
  const couplings = p.map((of) => coupling(of.map(sum), transposed(of).map(sum)));
  let q = couplings.map((project) => project(p[0]!.map((row) => row.map(() => 1))));
  let least = information(q.map((of) => of.flat()));
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    const marginal = q[0]!.map((row, a) => row.map((_, b) => sum(q.map((of) => of[a]![b]!))));
    q = couplings.map((project) => project(marginal));
    const next = information(q.map((of) => of.flat()));
    const gain = least - next;
    least = Math.min(least, next);
    // The gains fall geometrically, or as 1 / round² near the edge of what is allowed.
    if (gain * round < TOLERANCE) break;
  }
  return least;
}

/**
 * Projects matrices on those with these sums of rows and columns: the nearest in relative entropy,
 * which has the form uₐ·mₐᵦ·vᵦ. Each projection starts with the factors of the one before.
 */
function coupling(rows: readonly number[], columns: readonly number[]): (m: Matrix) => Matrix {
  const u = rows.map(() => 1);
  const v = columns.map(() => 1);
  const fit = (factors: number[], wanted: readonly number[], sums: readonly number[]) => {
    let off = 0;
    wanted.forEach((total, i) => {
      off = Math.max(off, Math.abs(factors[i]! * sums[i]! - total));
      factors[i] = total > 0 ? total / sums[i]! : 0;
    });
    return off;
  };
  return (matrix) => {
    const flipped = transposed(matrix);
    const times = (m: Matrix, factors: number[]) =>
      m.map((row) => row.reduce((total, value, i) => total + value * factors[i]!, 0));
    for (let round = 0; round < MOST_SCALINGS; round++) {
      fit(u, rows, times(matrix, v));
      if (fit(v, columns, times(flipped, u)) < PRECISION) break;
    }
    return matrix.map((row, a) => row.map((value, b) => u[a]! * value * v[b]!));
  };
}

/** I(Y; X) of a table [y][x], in nats. */
function information(table: readonly (readonly number[])[]): number {
  const marginal = table[0]!.map((_, x) => table.reduce((of, row) => of + row[x]!, 0));
  let nats = 0;
  for (const row of table) {
    const weight = sum(row);
    row.forEach((value, x) => {
      if (value > 0) nats += value * Math.log(value / (weight * marginal[x]!));
    });
  }
  return positive(nats);
}

function numbered<T>(column: readonly T[]): { readonly ids: number[]; readonly count: number } {
  const known = new Map<T, number>();
  const ids = column.map((value) => {
    const id = known.get(value) ?? known.size;
    known.set(value, id);
    return id;
  });
  return { ids, count: known.size };
}

function transposed(matrix: Matrix): Matrix {
  return matrix[0]!.map((_, b) => matrix.map((row) => row[b]!));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

/** Rounding may leave −1e-17 of what can not be negative. */
function positive(value: number): number {
  return Math.max(0, value);
}
