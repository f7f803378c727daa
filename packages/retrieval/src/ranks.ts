import { ChainruleError } from '@chainrule/tensor';
import * as tf from '@tensorflow/tfjs-core';
import { joined, unitRows } from './rows.js';

/** The places of a query's relevant candidates in its ranking, from 1 on, the best first. */
export type Ranks = readonly number[];

/**
 * Which candidates are right for which query: `'rows'`, row i for row i, or labels, where every
 * candidate with the query's label is right.
 */
export type Relevance =
  | 'rows'
  | {
      readonly queries: readonly (string | number)[];
      readonly candidates: readonly (string | number)[];
    };

export interface RankOptions {
  /** Default `'rows'`. */
  readonly relevance?: Relevance;
  readonly signal?: AbortSignal;
}

/** Similarities held at a time, in numbers. */
const HELD = 4_194_304;

/**
 * Ranks all candidates by cosine for each query and says where its relevant ones stand; all measures
 * ({@link recallAtK}, {@link medianRank} …) are computed from these places.
 *
 * Ties count against: a relevant candidate stands behind every other candidate with the same
 * similarity, so that an encoder that gives everything one vector does not score.
 *
 * @returns for each query the ranks of its relevant candidates, ascending.
 * @throws ChainruleError `METRIC_RELEVANCE` for labels that do not fit or a query without any
 *   relevant candidate; `INDEX_WIDTH` or `INDEX_VECTOR` for rows that can not be compared.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs';
 * import { rankRelevant, recallAtK } from '@chainrule/retrieval';
 *
 * const texts = [new Float32Array([1, 0]), new Float32Array([0, 1])];
 * const images = [new Float32Array([2, 1]), new Float32Array([3, 1])];
 * const ranks = await rankRelevant(texts, images); // [[2], [2]]
 * console.log(recallAtK(ranks, 1), recallAtK(ranks, 2)); // 0, 1
 * ```
 */
export async function rankRelevant(
  queries: readonly Float32Array[],
  candidates: readonly Float32Array[],
  { relevance = 'rows', signal }: RankOptions = {},
): Promise<Ranks[]> {
  const relevantOf = relevant(relevance, queries.length, candidates.length);
  const left = unitRows('rankRelevant: queries', queries);
  const right = unitRows('rankRelevant: candidates', candidates);
  const width = right[0]?.length ?? 0;
  if (left.length > 0 && left[0]!.length !== width) {
    throw new ChainruleError(
      'INDEX_WIDTH',
      `rankRelevant: queries must have the candidates' width ${width}, got ${left[0]!.length}`,
    );
  }
  const all: Ranks[] = [];
  if (left.length === 0) return all;
  const columns = tf.keep(tf.tensor2d(joined(right, width), [right.length, width]));
  try {
    const step = Math.max(1, Math.floor(HELD / right.length));
    for (let from = 0; from < left.length; from += step) {
      signal?.throwIfAborted();
      const some = left.slice(from, from + step);
      const product = tf.tidy(() =>
        tf.matMul(tf.tensor2d(joined(some, width), [some.length, width]), columns, false, true),
      );
      const scores = await product.data<'float32'>();
      product.dispose();
      for (let i = 0; i < some.length; i++) {
        const row = scores.subarray(i * right.length, (i + 1) * right.length);
        all.push(ranksAmong(row, relevantOf(from + i)));
      }
    }
  } finally {
    columns.dispose();
  }
  return all;
}

/**
 * The same from scores that are there already: the higher, the nearer. Ties count against.
 *
 * @param relevant positions in `scores`.
 */
export function ranksAmong(scores: ArrayLike<number>, relevant: readonly number[]): Ranks {
  const own = relevant.map((at) => scores[at]!).sort((a, b) => b - a);
  const right = new Set(relevant);
  // Wrong candidates at least as good as the j-th relevant one and better than the one before.
  const ahead = new Array<number>(own.length + 1).fill(0);
  for (let i = 0; i < scores.length; i++) {
    const score = scores[i]!;
    if (score < own[own.length - 1]! || right.has(i)) continue;
    let low = 0;
    let high = own.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (own[middle]! <= score) high = middle;
      else low = middle + 1;
    }
    ahead[low]! += 1;
  }
  let wrong = 0;
  return own.map((_, j) => {
    wrong += ahead[j]!;
    return j + 1 + wrong;
  });
}

function relevant(
  relevance: Relevance,
  queries: number,
  candidates: number,
): (query: number) => readonly number[] {
  if (relevance === 'rows') {
    if (queries === candidates) return (query) => [query];
    throw new ChainruleError(
      'METRIC_RELEVANCE',
      `rankRelevant: relevance 'rows' needs as many queries as candidates, got ${queries} and ` +
        `${candidates}; give labels instead`,
    );
  }
  const { queries: asked, candidates: labels } = relevance;
  if (asked.length !== queries || labels.length !== candidates) {
    throw new ChainruleError(
      'METRIC_RELEVANCE',
      `rankRelevant: expected ${queries} labels of queries and ${candidates} of candidates, got ` +
        `${asked.length} and ${labels.length}`,
    );
  }
  const rows = new Map<string | number, number[]>();
  labels.forEach((label, row) => {
    const same = rows.get(label);
    if (same === undefined) rows.set(label, [row]);
    else same.push(row);
  });
  const without = asked.findIndex((label) => !rows.has(label));
  if (without >= 0) {
    throw new ChainruleError(
      'METRIC_RELEVANCE',
      `rankRelevant: no candidate has the label ${JSON.stringify(asked[without])} of query ` +
        `${without}; leave out queries that nothing can answer`,
    );
  }
  return (query) => rows.get(asked[query]!)!;
}
