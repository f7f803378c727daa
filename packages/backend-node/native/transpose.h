// A matrix with its rows as columns, for the loops that need it.
#pragma once

#include "vector.h"

// A square of LANES rows, rows as columns.
static inline void turn(Vector rows[LANES]) {
#pragma GCC unroll 4
  for (int step = 1; step < LANES; step *= 2) {
    Ints low, high;
    for (int l = 0; l < LANES; l++) {
      low[l] = l & step ? LANES + l - step : l;
      high[l] = l & step ? LANES + l : l + step;
    }
#pragma GCC unroll 16
    for (int r = 0; r < LANES; r++) {
      if (r & step) continue;
      const Vector a = rows[r], b = rows[r + step];
#ifdef __clang__
      for (int l = 0; l < LANES; l++) {
        rows[r][l] = l & step ? b[l - step] : a[l];
        rows[r + step][l] = l & step ? b[l] : a[l + step];
      }
#else
      rows[r] = __builtin_shuffle(a, b, low);
      rows[r + step] = __builtin_shuffle(a, b, high);
#endif
    }
  }
}

// to[0…columns, 0…rows] = from[0…rows, 0…columns] turned; what lies beyond, up to `padded` rows, is 0.
static inline void transpose(const float* from, long from_row, long rows, long columns, float* to,
                             long to_row, long padded) {
  for (long r = 0; r < padded; r += LANES)
    for (long c = 0; c < columns; c += LANES) {
      if (r + LANES <= rows && c + LANES <= columns) {
        Vector square[LANES];
        for (int i = 0; i < LANES; i++) square[i] = load(from + (r + i) * from_row + c);
        turn(square);
        for (int i = 0; i < LANES; i++) store(to + (c + i) * to_row + r, square[i]);
        continue;
      }
      for (long j = c; j < columns && j < c + LANES; j++)
        for (long i = r; i < padded && i < r + LANES; i++)
          to[j * to_row + i] = i < rows ? from[i * from_row + j] : 0;
    }
}
