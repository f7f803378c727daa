// The loop of transpose.cc.
#include "transpose.h"

// Rows from…to of y = xᵀ, of which x, [rows, columns], has as many columns.
extern "C" void NAME(transpose_rows)(const float* x, long rows, long columns, long from, long to,
                                     float* y) {
  transpose(x + from, columns, rows, to - from, y + from * rows, rows, rows);
}
