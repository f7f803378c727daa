// The sums of a few rows and columns of a product of matrices, in registers: for the loops that need them.
#pragma once

#include "transpose.h"

// What rows are scaled by: the number of row r and step k is at[r·row + k·step].
struct Scalars {
  const float* at;
  long row, step;

  Scalars skip(long rows) const { return {at + rows * row, row, step}; }
};

// What columns are taken from: the number of step k and column c is at[k·step + c].
struct Lines {
  const float* at;
  long step;
};

// What is done with the sums: they are written, with the columns' bias or without, added to what is there,
// or written past the caches.
enum Way { WRITE, BIASED, ADD, STREAM };

// Where they go: row r and column c are at[r·row + c].
struct Target {
  float* at;
  long row;
  Way way;
  const float* bias;

  Target skip(long rows) const { return {at + rows * row, row, way, bias}; }
  Target beside(long columns) const {
    return {at + columns, row, way, way == BIASED ? bias + columns : bias};
  }
};

// Memory that is read next, in steps like a tile's.
struct Ahead {
  const float* at;
  long step;
};

// What will be written is fetched while it is computed.
static inline void fetch_to_write(const float* p) {
#if LANES == 16
  __asm__ volatile("prefetchw %0" ::"m"(*p));
#else
  __builtin_prefetch(p, 1);
#endif
}

// Past the caches, for what is not read again soon: memory is not fetched to be overwritten.
static inline void stream(float* to, Vector value) {
#if LANES == 16
  __asm__ volatile("vmovntps %1, %0" : "=m"(*(Vector*)to) : "v"(value));
#else
  store(to, value);
#endif
}

// R rows and C·LANES columns of a · b. LINE: a step's scalars stand side by side, or else a row's do. FETCH:
// each step fetches one of what is ahead.
template <int R, int C, bool LINE, bool FETCH>
static inline void tile(Scalars a, Lines b, long depth, Target to, Ahead ahead) {
  Vector sums[R][C] = {};
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int c = 0; c < C; c++)
      if (to.way != STREAM) fetch_to_write(to.at + r * to.row + c * LANES);
  const long row = LINE ? 1 : a.row, step = LINE ? a.step : 1;
  for (long k = 0; k < depth; k++, a.at += step, b.at += b.step) {
    if (FETCH) {
      // Into the second cache: the first has the columns.
      __builtin_prefetch(ahead.at, 0, 2);
      ahead.at += ahead.step;
    }
    Vector values[C];
    for (int c = 0; c < C; c++) values[c] = load(b.at + c * LANES);
#pragma GCC unroll 16
    for (int r = 0; r < R; r++) {
      const float scale = a.at[r * row];
      for (int c = 0; c < C; c++) sums[r][c] += scale * values[c];
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) {
      float* out = to.at + r * to.row + c * LANES;
      const Vector sum = sums[r][c];
      if (to.way == STREAM)
        stream(out, sum);
      else if (to.way == ADD)
        store(out, load(out) + sum);
      else
        store(out, to.way == BIASED ? load(to.bias + c * LANES) + sum : sum);
    }
}

// All rows of a · b and C·LANES columns, R at a time while there are as many. Each of the first tiles fetches
// a column of vectors from `ahead`, if there is one.
template <int R, int C, bool LINE>
static inline void tiles(Scalars a, Lines b, long depth, Target to, long rows, Ahead ahead) {
#define WHILE(N)                                                                                   \
  for (; rows >= N; rows -= N, a = a.skip(N), to = to.skip(N))                                     \
    tile<N, C, LINE, false>(a, b, depth, to, ahead);
  for (int c = 0; ahead.at && c < C && rows >= R; c++, rows -= R, a = a.skip(R), to = to.skip(R))
    tile<R, C, LINE, true>(a, b, depth, to, {ahead.at + c * LANES, ahead.step});
  WHILE(R)
  if (R > 8) WHILE(8)
  WHILE(4)
  WHILE(2)
  WHILE(1)
#undef WHILE
}

// For products of many rows: 14·2 sums of thirty-two registers, or 6·2 of sixteen. A tile so narrow may read its
// columns from the second cache.
enum { TALL_ROWS = LANES == 16 ? 14 : 6, TALL_COLUMNS = 2, TALL_WIDTH = TALL_COLUMNS * LANES };
