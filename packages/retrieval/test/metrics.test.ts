import '@tensorflow/tfjs';
import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type Measures,
  meanAveragePrecision,
  measures,
  medianRank,
  ndcg,
  rankRelevant,
  ranksAmong,
  recallAtK,
  retrievalReport,
  rPrecision,
} from '../src/index.js';
import { randomRows } from './support.js';

interface Reference {
  readonly ranx: { readonly [name: string]: number };
  readonly sklearn: { readonly [name: string]: number };
  readonly numpy: { readonly medianRank: number };
}
interface Case {
  readonly name: string;
  readonly images: number[][];
  readonly texts: number[][];
  readonly imageLabels: number[] | null;
  readonly textLabels: number[] | null;
  readonly textToImage: Reference;
  readonly imageToText: Reference;
}

const fixture = JSON.parse(
  readFileSync(new URL('fixtures/metrics.json', import.meta.url), 'utf8'),
) as { cases: Case[] };
const rows = (numbers: number[][]) => numbers.map((row) => new Float32Array(row));

describe.each(fixture.cases)(
  '$name',
  ({ images, texts, imageLabels, textLabels, ...reference }) => {
    const relevance =
      imageLabels === null || textLabels === null
        ? ('rows' as const)
        : { images: imageLabels, texts: textLabels };

    test.each(['textToImage', 'imageToText'] as const)(
      '%s as in ranx and scikit-learn',
      async (way) => {
        const report: Measures = (await retrievalReport(rows(images), rows(texts), { relevance }))[
          way
        ];
        const { ranx, sklearn, numpy } = reference[way];
        for (const k of [1, 5, 10]) expect(report.recall[k]).toBeCloseTo(ranx[`hit_rate@${k}`]!, 6);
        expect(report.meanReciprocalRank).toBeCloseTo(ranx.mrr!, 6);
        expect(report.meanAveragePrecision).toBeCloseTo(ranx.map!, 6);
        expect(report.meanAveragePrecision).toBeCloseTo(sklearn.map!, 6);
        expect(report.ndcg).toBeCloseTo(ranx.ndcg!, 6);
        expect(report.ndcg).toBeCloseTo(sklearn.ndcg!, 6);
        expect(report.rPrecision).toBeCloseTo(ranx['r-precision']!, 6);
        expect(report.medianRank).toBe(numpy.medianRank);
        expect(report.queries).toBe(way === 'textToImage' ? texts.length : images.length);
      },
    );

    test('nDCG of the first ten', async () => {
      const labels =
        relevance === 'rows'
          ? relevance
          : { queries: relevance.texts, candidates: relevance.images };
      const ranks = await rankRelevant(rows(texts), rows(images), { relevance: labels });
      expect(ndcg(ranks, 10)).toBeCloseTo(reference.textToImage.ranx['ndcg@10']!, 6);
      expect(ndcg(ranks, 10)).toBeCloseTo(reference.textToImage.sklearn['ndcg@10']!, 6);
    });
  },
);

test('ties count against: what gives everything one vector scores nothing', async () => {
  const same = Array.from({ length: 20 }, () => new Float32Array([1, 2, 3]));
  const { textToImage } = await retrievalReport(same, same);
  expect(textToImage.recall).toEqual({ 1: 0, 5: 0, 10: 0 });
  expect(textToImage.medianRank).toBe(20);
});

test('ranks count the better ones, and ties among the relevant are theirs', () => {
  expect(ranksAmong([0.9, 0.5, 0.5, 0.1], [1])).toEqual([3]);
  expect(ranksAmong([0.9, 0.5, 0.5, 0.1], [1, 2])).toEqual([2, 3]);
  expect(ranksAmong([0.1, 0.9, 0.8, 0.7], [0, 2])).toEqual([2, 4]);
});

test('ranks are those of a sort by hand', () => {
  const [scores] = randomRows(1, 200, 3);
  const relevant = [3, 17, 60, 199];
  const order = [...scores!.keys()].sort((a, b) => scores![b]! - scores![a]!);
  const expected = relevant.map((at) => order.indexOf(at) + 1).sort((a, b) => a - b);
  expect(ranksAmong(scores!, relevant)).toEqual(expected);
});

test('measures of known ranks', () => {
  const ranks = [[1, 3], [2], [4, 5]];
  expect(recallAtK(ranks, 1)).toBeCloseTo(1 / 3);
  expect(recallAtK(ranks, 2)).toBeCloseTo(2 / 3);
  expect(medianRank(ranks)).toBe(2);
  expect(medianRank(ranks.slice(0, 2))).toBe(1.5);
  expect(meanAveragePrecision(ranks)).toBeCloseTo((5 / 6 + 1 / 2 + (1 / 4 + 2 / 5) / 2) / 3);
  expect(rPrecision(ranks)).toBeCloseTo(0.5 / 3);
  expect(measures([])).toMatchObject({ queries: 0, medianRank: Number.NaN });
});

test('what can not be measured is named', async () => {
  const [two, three] = [randomRows(2, 4), randomRows(3, 4)];
  await expect(rankRelevant(two, three)).rejects.toMatchObject({ code: 'METRIC_RELEVANCE' });
  await expect(
    rankRelevant(two, three, { relevance: { queries: ['a', 'b'], candidates: ['a', 'a', 'c'] } }),
  ).rejects.toThrow('no candidate has the label "b" of query 1');
  await expect(
    rankRelevant(two, three, { relevance: { queries: ['a'], candidates: ['a', 'a', 'c'] } }),
  ).rejects.toThrow('expected 2 labels of queries and 3 of candidates, got 1 and 3');
  await expect(rankRelevant(two, randomRows(2, 5))).rejects.toMatchObject({ code: 'INDEX_WIDTH' });
  await expect(rankRelevant(two, [two[0]!, new Float32Array(4)])).rejects.toThrow(
    'candidates: row 1 can not be compared',
  );
  expect(() => recallAtK([[1]], 0)).toThrow('k must be an integer from 1 on');
});

test('stops when it is told to', async () => {
  const data = randomRows(10, 4);
  await expect(rankRelevant(data, data, { signal: AbortSignal.abort() })).rejects.toThrow('abort');
});
