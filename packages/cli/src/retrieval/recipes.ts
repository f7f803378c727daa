import type { Recipe } from './heads.js';

/**
 * Task A: each concept was seen, so both heads may learn all names by heart.
 */
const seen: Recipe = {
  width: 512,
  image: { hidden: [1024], dropout: 0.3 },
  text: { hidden: [1024], dropout: 0.1 },
  scale: 20,
  maxScale: 50,
  epochs: 30,
  batchSize: 1024,
  learningRate: 1e-3,
  weightDecay: 0.1,
  names: 0.6,
  icons: false,
};

/**
 * Task B: concepts are new, so that texts stay where their encoder puts them, and pictures are
 * brought there by a head that can not learn much by heart.
 */
const unseen: Recipe = {
  width: 384,
  image: { hidden: [1024], dropout: 0.5 },
  text: false,
  scale: 20,
  maxScale: 30,
  epochs: 12,
  batchSize: 1024,
  learningRate: 1e-3,
  weightDecay: 0.1,
  names: 0.5,
  icons: true,
};

export const recipes = { A: seen, B: unseen, use: unseen } as const;
