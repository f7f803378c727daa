export type {
  Entry,
  Metadata,
  Neighbour,
  SearchOptions,
  VectorIndex,
} from './vector-index.js';
