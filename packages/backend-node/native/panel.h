// Products of a matrix by a panel of some columns of another, of which each step of the depth lies side by
// side: for the loops that need them.
#pragma once

#include "tile.h"

// A tile's sums stay in registers: 6·4 of thirty-two, or 6·2 of sixteen.
enum { ROWS = 6, COLUMNS = LANES == 16 ? 4 : 2, WIDTH = COLUMNS * LANES };
// Steps of a panel that stay in the nearest cache.
enum { DEPTH = 128 };

// `width` is that of the panel: a multiple of LANES, WIDTH at most.
static inline void panel_rows(Scalars a, const float* panel, long width, long depth, Way way, float* out,
                              long out_row, long rows, Ahead ahead) {
  const bool line = a.row == 1;
  const Target to{out, out_row, way, nullptr};
#define CASE(C)                                                                                    \
  case C:                                                                                          \
    if (C > COLUMNS) break;                                                                        \
    if (line) return tiles<ROWS, C, true>(a, {panel, width}, depth, to, rows, ahead);              \
    return tiles<ROWS, C, false>(a, {panel, width}, depth, to, rows, ahead);
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
