// The loops of rows.cc.
#include "panel.h"

// The rows of a, [rows, ·], as the columns of a panel: steps from…to of it.
extern "C" void NAME(rows_pack)(const float* a, long a_row, long rows, long from, long to,
                                   float* panel) {
  const long width = (rows + LANES - 1) / LANES * LANES;
  transpose(a + from, a_row, rows, to - from, panel + from * width, width, width);
}

// line += bias, from…to.
extern "C" void NAME(rows_bias)(const float* bias, float* line, long from, long to) {
#pragma GCC ivdep
  for (long i = from; i < to; i++) line[i] += bias[i];
}

// Columns from…to of y = a · bᵀ: a's rows are in a packed panel, y has as many. `scratch` holds
// (to − from)·WIDTH floats.
extern "C" void NAME(rows_inner)(const float* panel, long rows, long depth, const float* b,
                                    long b_row, float* y, long y_row, long from, long to,
                                    float* scratch) {
  const long width = (rows + LANES - 1) / LANES * LANES;
  for (long k = 0; k < depth; k += DEPTH) {
    const long steps = depth - k < DEPTH ? depth - k : DEPTH;
    panel_rows({b + from * b_row + k, b_row, 1}, panel + k * width, width, steps, k > 0 ? ADD : WRITE,
               scratch, width, to - from, {nullptr, 0});
  }
  transpose(scratch, width, to - from, rows, y + from, y_row, to - from);
}

// Columns of y = a · b (+ bias): those of one panel, `columns` from b on, WIDTH at most, in the rows
// from…to. a's number of row r and step k stands at r·row + k·step. `scratch` holds
// (DEPTH + rows)·WIDTH floats, the latter only where `columns` is no multiple of LANES. `far`: y is large
// and not read soon.
extern "C" void NAME(rows_outer)(const float* a, long row, long step, long depth, const float* b,
                                    long b_row, long columns, const float* bias, float* y,
                                    long y_row, bool far, long from, long to, float* scratch) {
  const long width = (columns + LANES - 1) / LANES * LANES;
  const bool whole = columns == width;
  // Streamed vectors begin where they do in memory, and are written once.
  const bool streams = far && whole && depth <= DEPTH && !bias && y_row % LANES == 0 &&
                       (__UINTPTR_TYPE__)y % sizeof(Vector) == 0;
  const Way first = streams ? STREAM : WRITE;
  float* out = whole ? y + from * y_row : scratch + DEPTH * WIDTH;
  const long out_row = whole ? y_row : width;
  for (long k = 0; k < depth; k += DEPTH) {
    const long steps = depth - k < DEPTH ? depth - k : DEPTH;
    pack(b + k * b_row, b_row, columns, width, steps, scratch);
    // The panel's next steps, but not beyond b's end.
    const float* next = depth - k >= 2 * DEPTH ? b + (k + DEPTH) * b_row : nullptr;
    panel_rows({a + from * row + k * step, row, step}, scratch, width, steps, k > 0 ? ADD : first, out,
               out_row, to - from, {next, b_row});
  }
  for (long r = 0; r < to - from; r++) {
    float* line = y + (from + r) * y_row;
    if (!whole) __builtin_memcpy(line, out + r * width, columns * sizeof(float));
    if (bias) NAME(rows_bias)(bias, line, 0, columns);
  }
#if LANES == 16
  if (streams) __asm__ volatile("sfence" ::: "memory");
#endif
}
