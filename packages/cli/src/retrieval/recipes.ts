/** How the heads on the frozen encoders are made. */
export interface Recipe {
  /** λ of the ridge regression. */
  readonly ridge: number;
  /** τ: how much a name that is nearer counts more, as e^(τ · cosine). */
  readonly sharpness: number;
}

const RIDGE = 1e-3;

/**
 * A: each concept was seen, so a name is to mean that concept alone. B: concepts are new, so a name
 * is to mean all that are like it, each a little. Between the two: a model for any query.
 *
 * Chosen on validation splits of the training artists, with one of them held out (openmoji, both sets of
 * noto, twemoji).
 */
export const recipes: { readonly [task in 'A' | 'B' | 'use']: Recipe } = {
  A: { ridge: RIDGE, sharpness: 60 },
  B: { ridge: RIDGE, sharpness: 8 },
  use: { ridge: RIDGE, sharpness: 15 },
};
