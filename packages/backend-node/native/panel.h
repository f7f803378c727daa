// Products of a matrix by a panel of some columns of another, of which each step of the depth lies side by
// side: for the loops that need them.
#pragma once

#include "transpose.h"

// A tile's sums stay in registers: 6·4 of thirty-two, or 6·2 of sixteen.
enum { ROWS = 6, COLUMNS = LANES == 16 ? 4 : 2, WIDTH = COLUMNS * LANES };
// Steps of a panel that stay in the nearest cache.
enum { DEPTH = 128 };

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

// What is done with a tile's sums.
enum Way { WRITE, ADD, STREAM };

// Where the numbers stand that a tile's rows are scaled by: that of row r and step k.
struct Scalars {
  const float* at;
  long row, step;
};

// Memory that is read next, in steps like a tile's.
struct Ahead {
  const float* at;
  long step;
};

// out[0…R, 0…C·LANES] (+)= scalars[0…R, 0…depth] · panel[0…depth, 0…C·LANES]
template <int R, int C, bool LINE>
static inline void tile(Scalars scalars, const float* panel, long depth, Way way, float* out,
                        long out_row, Ahead ahead) {
  Vector sums[R][C] = {};
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int c = 0; c < C; c++)
      if (way != STREAM) fetch_to_write(out + r * out_row + c * LANES);
  const float* at = scalars.at;
  // LINE: a step's scalars stand side by side, or else a row's do.
  const long row = LINE ? 1 : scalars.row, step = LINE ? scalars.step : 1;
  for (long k = 0; k < depth; k++, at += step, panel += C * LANES) {
    if (!LINE) {
      // Into the second cache: the first has the panel.
      __builtin_prefetch(ahead.at, 0, 2);
      ahead.at += ahead.step;
    }
    Vector values[C];
    for (int c = 0; c < C; c++) values[c] = load(panel + c * LANES);
    for (int r = 0; r < R; r++) {
      const float scale = at[r * row];
      for (int c = 0; c < C; c++) sums[r][c] += scale * values[c];
    }
  }
#pragma GCC unroll 6
  for (int r = 0; r < R; r++)
#pragma GCC unroll 4
    for (int c = 0; c < C; c++) {
      float* to = out + r * out_row + c * LANES;
      if (way == STREAM)
        stream(to, sums[r][c]);
      else
        store(to, way == ADD ? load(to) + sums[r][c] : sums[r][c]);
    }
}

// Each of the first tiles fetches a column of vectors from `ahead`, if there is one.
template <int C, bool LINE>
static inline void tiles(Scalars scalars, const float* panel, long depth, Way way, float* out,
                         long out_row, long rows, Ahead ahead) {
  const auto skip = [&](long r) {
    return Scalars{scalars.at + r * scalars.row, scalars.row, scalars.step};
  };
  const Ahead none{panel, 0};
  long r = 0;
  for (; r + ROWS <= rows; r += ROWS) {
    const long column = r / ROWS;
    const Ahead own = ahead.at && column < C ? Ahead{ahead.at + column * LANES, ahead.step} : none;
    tile<ROWS, C, LINE>(skip(r), panel, depth, way, out + r * out_row, out_row, own);
  }
  for (; r + 4 <= rows; r += 4)
    tile<4, C, LINE>(skip(r), panel, depth, way, out + r * out_row, out_row, none);
  for (; r + 2 <= rows; r += 2)
    tile<2, C, LINE>(skip(r), panel, depth, way, out + r * out_row, out_row, none);
  if (r < rows) tile<1, C, LINE>(skip(r), panel, depth, way, out + r * out_row, out_row, none);
}

// `width` is that of the panel: a multiple of LANES, WIDTH at most.
static inline void panel_rows(Scalars scalars, const float* panel, long width, long depth, Way way,
                              float* out, long out_row, long rows, Ahead ahead) {
  const bool line = scalars.row == 1;
#define CASE(C)                                                                                    \
  case C:                                                                                          \
    if (C > COLUMNS) break;                                                                        \
    if (line) return tiles<C, true>(scalars, panel, depth, way, out, out_row, rows, ahead);        \
    return tiles<C, false>(scalars, panel, depth, way, out, out_row, rows, ahead);
  switch (width / LANES) {
    CASE(1)
    CASE(2)
#if LANES == 16
    CASE(3)
    CASE(4)
#endif
  }
#undef CASE
}

// `columns` of b in a panel, padded with zeros to `width`.
static inline void pack(const float* b, long b_row, long columns, long width, long steps,
                        float* panel) {
  for (long k = 0; k < steps; k++, b += b_row, panel += width) {
    long i = 0;
    for (; i + LANES <= columns; i += LANES) store(panel + i, load(b + i));
    for (; i < width; i++) panel[i] = i < columns ? b[i] : 0;
  }
}
