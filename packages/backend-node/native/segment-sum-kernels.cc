// The loops of segment-sum.cc.
#include "vector.h"

// The columns from…to of the sums of all segments. A row of no segment counts nowhere.
extern "C" void NAME(segment_sum)(const float* x, const int* segments, long rows, long width, long count,
                                  long from, long to, float* sums) {
  for (long s = 0; s < count; s++)
    for (long k = from; k < to; k++) sums[s * width + k] = 0;
  for (long row = 0; row < rows; row++) {
    if (segments[row] < 0 || segments[row] >= count) continue;
    const float* own = x + row * width;
    float* sum = sums + segments[row] * width;
    long k = from;
    for (; k + LANES <= to; k += LANES) store(sum + k, load(sum + k) + load(own + k));
    for (; k < to; k++) sum[k] += own[k];
  }
}
