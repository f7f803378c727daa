export { type EmbedOptions, type Encode, embed, encoderOf } from './embed.js';
export { exactIndex } from './exact-index.js';
export {
  meanAveragePrecision,
  meanReciprocalRank,
  medianRank,
  ndcg,
  recallAtK,
  rPrecision,
} from './metrics.js';
export { nearest } from './nearest.js';
export {
  type RankOptions,
  type Ranks,
  type Relevance,
  rankRelevant,
  ranksAmong,
} from './ranks.js';
export { type Measures, measures, type ReportOptions, retrievalReport } from './report.js';
export type {
  Entry,
  Fields,
  Filter,
  IndexOptions,
  Metadata,
  MetadataOf,
  Neighbour,
  SearchOptions,
  VectorIndex,
} from './vector-index.js';
