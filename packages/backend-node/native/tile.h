// The sums of a few rows and columns of a product of matrices, in registers: for the loops that need them.
#pragma once

#include "transpose.h"

// A tile's sums stay in registers: 14·2 of thirty-two, or 6·2 of sixteen.
enum { ROWS = LANES == 16 ? 14 : 6, COLUMNS = 2, WIDTH = COLUMNS * LANES };

// What rows are scaled by: the number of row r and step k is at[r·row + k·step].
struct Scalars {
  const float* at;
  long row, step;
};

// What columns are taken from: the number of step k and column c is at[k·step + c].
struct Lines {
  const float* at;
  long step;
};

// What is added to a product: nothing, a bias of the columns, or what is there.
enum Start { NOTHING, BIAS, OUT };

// Where a product goes: row r and column c are at[r·row + c].
struct Target {
  float* at;
  long row;
  Start start;
  const float* bias;
};

// R rows and C·LANES columns of a · b. LINE: a step's scalars stand side by side, or else a row's do.
template <int R, int C, bool LINE>
static inline void tile(Scalars a, Lines b, long depth, Target to) {
  Vector sums[R][C] = {};
  const long row = LINE ? 1 : a.row, step = LINE ? a.step : 1;
  for (long k = 0; k < depth; k++, a.at += step, b.at += b.step) {
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
#pragma GCC unroll 2
    for (int c = 0; c < C; c++) {
      float* out = to.at + r * to.row + c * LANES;
      Vector sum = sums[r][c];
      if (to.start == BIAS) sum += load(to.bias + c * LANES);
      if (to.start == OUT) sum += load(out);
      store(out, sum);
    }
}

// All rows of a · b, C·LANES columns.
template <int C, bool LINE>
static inline void tiles(Scalars a, Lines b, long depth, Target to, long rows) {
#define WHILE(R)                                                     \
  for (; rows >= R; rows -= R, a.at += R * a.row, to.at += R * to.row) \
    tile<R, C, LINE>(a, b, depth, to);
  WHILE(ROWS)
#if LANES == 16
  WHILE(8)
#endif
  WHILE(4)
  WHILE(2)
  WHILE(1)
#undef WHILE
}
