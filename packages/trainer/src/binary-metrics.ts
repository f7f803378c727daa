import { ChainruleError, checkPositiveInteger } from '@chainrule/tensor';

type Numbers = ArrayLike<number>;

/**
 * The area under the ROC curve: how probably a positive example has a higher score than a negative
 * one, ties counted half (the Mann–Whitney statistic). 0.5 is chance. Scores may be logits.
 *
 * @param labels 1 = positive, 0 = negative.
 * @throws ChainruleError `SHAPE` where the lengths differ; `OPTION` for other labels, scores that
 * are NaN, or labels that are all alike, where there is nothing to compare.
 *
 * @example
 * rocAuc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]); // 0.75
 */
export function rocAuc(scores: Numbers, labels: Numbers): number {
  const where = 'trainer.rocAuc';
  const positives = check(where, scores, labels);
  const negatives = scores.length - positives;
  if (positives === 0 || negatives === 0) {
    throw new ChainruleError(
      'OPTION',
      `${where}: the labels are all ${positives === 0 ? 0 : 1}; give examples of both kinds`,
    );
  }
  const order = Array.from(scores, (score, i) => ({ score, label: labels[i]! }));
  order.sort((a, b) => a.score - b.score);
  let ranks = 0;
  for (let start = 0, end = 0; start < order.length; start = end) {
    while (end < order.length && order[end]!.score === order[start]!.score) end++;
    // Equal scores share the mean of their ranks, which are start + 1 … end.
    for (let i = start; i < end; i++) ranks += order[i]!.label * ((start + 1 + end) / 2);
  }
  return (ranks - (positives * (positives + 1)) / 2) / (positives * negatives);
}

/**
 * The mean of (p − y)²: 0 is perfect, 0.25 what always saying one half gives (Brier, 1950).
 *
 * @throws ChainruleError `SHAPE` where the lengths differ; `OPTION` for other labels, or
 * probabilities that are not within 0 … 1.
 *
 * @example
 * brierScore([0.9, 0.2], [1, 0]); // (0.01 + 0.04) / 2 = 0.025
 */
export function brierScore(probabilities: Numbers, labels: Numbers): number {
  const where = 'trainer.brierScore';
  check(where, probabilities, labels);
  checkProbabilities(where, probabilities);
  const sum = Array.from(probabilities).reduce((sum, p, i) => sum + (p - labels[i]!) ** 2, 0);
  return sum / probabilities.length;
}

/**
 * The expected calibration error: of what is said to be probable to 80 %, how far from 80 % is it
 * true? Probabilities fall into bins of equal width, and the gaps between the mean
 * probability and the share of positives in a bin are averaged, by the bins' counts:
 *
 * ECE = Σ_b n_b/n · |mean p in b − mean y in b|.
 *
 * Source: Naeini et al., Obtaining well calibrated probabilities using Bayesian binning (2015).
 *
 * @throws ChainruleError as {@link brierScore}.
 *
 * @example
 * expectedCalibrationError([0.9, 0.9, 0.1], [1, 0, 0]); // (2·0.4 + 1·0.1) / 3 = 0.3
 */
export function expectedCalibrationError(
  probabilities: Numbers,
  labels: Numbers,
  options: { readonly bins?: number } = {},
): number {
  const where = 'trainer.expectedCalibrationError';
  const { bins = 15 } = options;
  checkPositiveInteger(where, 'bins', bins);
  check(where, probabilities, labels);
  checkProbabilities(where, probabilities);
  const gaps = new Float64Array(bins);
  for (let i = 0; i < probabilities.length; i++) {
    const p = probabilities[i]!;
    gaps[Math.min(bins - 1, Math.floor(p * bins))]! += p - labels[i]!;
  }
  return gaps.reduce((sum, gap) => sum + Math.abs(gap), 0) / probabilities.length;
}

/** The number of positives. */
function check(where: string, scores: Numbers, labels: Numbers): number {
  if (scores.length !== labels.length || scores.length === 0) {
    throw new ChainruleError(
      'SHAPE',
      `${where}: there must be one label for each of one or more scores, got ${scores.length} scores and ${labels.length} labels`,
    );
  }
  let positives = 0;
  for (let i = 0; i < labels.length; i++) {
    if (labels[i] !== 0 && labels[i] !== 1) {
      throw new ChainruleError('OPTION', `${where}: a label must be 0 or 1, got ${labels[i]}`);
    }
    if (Number.isNaN(scores[i])) {
      throw new ChainruleError('OPTION', `${where}: score ${i} is NaN`);
    }
    positives += labels[i]!;
  }
  return positives;
}

function checkProbabilities(where: string, probabilities: Numbers): void {
  const wrong = Array.from(probabilities).find((p) => p < 0 || p > 1);
  if (wrong === undefined) return;
  throw new ChainruleError(
    'OPTION',
    `${where}: a probability must be within 0 and 1, got ${wrong}; give the sigmoid of logits`,
  );
}
