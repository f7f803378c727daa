import { expect, it } from 'vitest';
import { resultsJson, resultsOf, resultsTable, scoreOf } from '../../src/retrieval/results.js';

const score = scoreOf([{ recall: { 1: 0.5, 10: 0.8 } }, { recall: { 1: 0.52, 10: 0.84 } }]);
const both = { flat: score, solid: score };
const results = { seeds: 2, taskA: both, taskB: both, fromScratch: both, seconds: 60 };

it('averages over seeds, with the deviation of a sample', () => {
  expect(score.recallAt1).toBeCloseTo(0.51, 12);
  expect(score.deviation).toBeCloseTo(0.02 / Math.SQRT2, 12);
  expect(scoreOf([{ recall: { 1: 0.5, 10: 0.8 } }]).deviation).toBeNull();
});

it('shows the references beside what was measured', () => {
  const table = resultsTable(results);
  expect(table).toMatch(/flat: linear probe +\.277 +\.628 +\.140 +\.479/);
  expect(table).toMatch(/3D: from scratch +\.510 ± \.014 +\.820 ± \.028/);
  expect(table).toMatch(/flat: this run +\.510 ± \.014 +\.820 ± \.028/);
});

it('prints one JSON object', () => {
  const brief = { recallAt1: 0.51, recallAt10: 0.8200000000000001 };
  expect(JSON.parse(resultsJson(results))).toMatchObject({
    taskA: brief,
    taskB: brief,
    fromScratch: { ...brief, deviation: expect.closeTo(0.01414, 5) },
  });
});

it('finds results in a saved model, and says where there are none', () => {
  expect(resultsOf({ results: JSON.parse(JSON.stringify(results)) })).toEqual(results);
  expect(() => resultsOf({})).toThrow(/--retrain/);
});
