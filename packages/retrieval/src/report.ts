import {
  meanAveragePrecision,
  meanReciprocalRank,
  medianRank,
  ndcg,
  recallAtK,
  rPrecision,
} from './metrics.js';
import { type Ranks, rankRelevant } from './ranks.js';

export interface Measures {
  readonly queries: number;
  /** By k. */
  readonly recall: { readonly [k: number]: number };
  readonly medianRank: number;
  readonly meanReciprocalRank: number;
  readonly meanAveragePrecision: number;
  readonly ndcg: number;
  readonly rPrecision: number;
}

export interface ReportOptions {
  /** `'rows'` (default): text i belongs to image i. Labels: what has the same label belongs together. */
  readonly relevance?:
    | 'rows'
    | {
        readonly images: readonly (string | number)[];
        readonly texts: readonly (string | number)[];
      };
  /** Where recall is measured; default 1, 5 and 10. */
  readonly ks?: readonly number[];
  readonly signal?: AbortSignal;
}

/**
 * How well images and texts find each other, in both directions, over the whole ranking by cosine
 * (ties count against: {@link rankRelevant}).
 *
 * @param images rows [images, width], of any length.
 * @param texts rows [texts, width].
 * @throws ChainruleError as {@link rankRelevant} does.
 *
 * @example
 * ```ts
 * import '@tensorflow/tfjs';
 * import { retrievalReport } from '@chainrule/retrieval';
 *
 * const images = [new Float32Array([1, 0]), new Float32Array([0, 1])];
 * const texts = [new Float32Array([3, 1]), new Float32Array([1, 3])];
 * const { textToImage } = await retrievalReport(images, texts);
 * console.log(textToImage.recall[1], textToImage.medianRank); // 1, 1
 * ```
 */
export async function retrievalReport(
  images: readonly Float32Array[],
  texts: readonly Float32Array[],
  { relevance = 'rows', ks = [1, 5, 10], signal }: ReportOptions = {},
): Promise<{ readonly textToImage: Measures; readonly imageToText: Measures }> {
  const labels = (queries: 'images' | 'texts', candidates: 'images' | 'texts') =>
    relevance === 'rows'
      ? relevance
      : { queries: relevance[queries], candidates: relevance[candidates] };
  const abort = signal === undefined ? {} : { signal };
  const toImage = { relevance: labels('texts', 'images'), ...abort };
  const toText = { relevance: labels('images', 'texts'), ...abort };
  return {
    textToImage: measures(await rankRelevant(texts, images, toImage), ks),
    imageToText: measures(await rankRelevant(images, texts, toText), ks),
  };
}

/** Every measure of rankings that are there already. */
export function measures(ranks: readonly Ranks[], ks: readonly number[] = [1, 5, 10]): Measures {
  return {
    queries: ranks.length,
    recall: Object.fromEntries(ks.map((k) => [k, recallAtK(ranks, k)])),
    medianRank: medianRank(ranks),
    meanReciprocalRank: meanReciprocalRank(ranks),
    meanAveragePrecision: meanAveragePrecision(ranks),
    ndcg: ndcg(ranks),
    rPrecision: rPrecision(ranks),
  };
}
