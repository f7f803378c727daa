import { ChainruleError } from '@chainrule/tensor';
import type { Ranks } from './ranks.js';

/**
 * Share of the queries with a relevant candidate among the first `k`: recall@k as image–text
 * retrieval reports it (where several candidates are right, one of them is enough).
 */
export function recallAtK(ranks: readonly Ranks[], k: number): number {
  checkK('recallAtK', k);
  return mean(ranks, (own) => (own[0]! <= k ? 1 : 0));
}

/** Median over the queries of the rank of the first relevant candidate; 1 is best. */
export function medianRank(ranks: readonly Ranks[]): number {
  if (ranks.length === 0) return Number.NaN;
  const first = ranks.map((own) => own[0]!).sort((a, b) => a - b);
  const middle = first.length >> 1;
  return first.length % 2 === 1 ? first[middle]! : (first[middle - 1]! + first[middle]!) / 2;
}

/** Mean over the queries of 1 / rank of the first relevant candidate. */
export function meanReciprocalRank(ranks: readonly Ranks[]): number {
  return mean(ranks, (own) => 1 / own[0]!);
}

/**
 * Mean average precision: over the queries, the mean of the precision at the rank of each relevant
 * candidate, (1/R) Σⱼ j / rankⱼ.
 */
export function meanAveragePrecision(ranks: readonly Ranks[]): number {
  return mean(ranks, (own) => own.reduce((sum, rank, j) => sum + (j + 1) / rank, 0) / own.length);
}

/**
 * Normalised discounted cumulative gain with relevance 0 or 1: Σ 1 / log₂(rank + 1) over the relevant
 * candidates among the first `k`, divided by the same for the best ranking there could be. Default:
 * of the whole ranking.
 */
export function ndcg(ranks: readonly Ranks[], k = Number.POSITIVE_INFINITY): number {
  if (k !== Number.POSITIVE_INFINITY) checkK('ndcg', k);
  const gain = (rank: number) => 1 / Math.log2(rank + 1);
  return mean(ranks, (own) => {
    let sum = 0;
    let best = 0;
    own.forEach((rank, j) => {
      if (rank <= k) sum += gain(rank);
      if (j < k) best += gain(j + 1);
    });
    return sum / best;
  });
}

/** R-precision: over the queries, the share of the R relevant candidates among the first R. */
export function rPrecision(ranks: readonly Ranks[]): number {
  return mean(ranks, (own) => own.filter((rank) => rank <= own.length).length / own.length);
}

function mean(ranks: readonly Ranks[], of: (own: Ranks) => number): number {
  return ranks.reduce((sum, own) => sum + of(own), 0) / ranks.length;
}

function checkK(where: string, k: number): void {
  if (Number.isSafeInteger(k) && k >= 1) return;
  throw new ChainruleError('INDEX_K', `${where}: k must be an integer from 1 on, got ${k}`);
}
