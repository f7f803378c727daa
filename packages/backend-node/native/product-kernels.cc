// The loops of product.cc, on the tiles of a processor that has AMX. Tiles multiply bfloat16, whose 8
// bits of mantissa are the upper half of a float32. Each number is cut into three of them, which hold
// all of its 24 bits, and of the nine products of the parts the six that count are added up, in float32:
// as exact as with float32 arithmetic and faster, as a tile does 16 times the work of a vector.
//
// Compiled for one instruction set alone, so nothing here may come from a header that is not static.
#include "product.h"

#ifdef TILES
#include <immintrin.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {

// A tile has 16 rows of 64 bytes: 32 numbers of A along the depth, or 16 pairs of numbers of B.
enum { TILE = 16, DEPTH = 32, PARTS = 3, TILE_BYTES = 1024 };
static_assert(BLOCK_BYTES == PARTS * TILE_BYTES, "a block is a tile of each part");

// Cuts 16 pairs of numbers into the parts of one row of each part's tile.
inline __attribute__((always_inline)) void cut(__m512 even, __m512 odd, char* to) {
  const __m512i high = _mm512_set1_epi32(static_cast<int>(0xffff0000));
#pragma GCC unroll 3
  for (int part = 0; part < PARTS; part++) {
    const __m512i e = _mm512_castps_si512(even), o = _mm512_castps_si512(odd);
    // The upper half of each number; a pair's first below its second.
    const __m512i pair = _mm512_ternarylogic_epi32(_mm512_srli_epi32(e, 16), o, high, 0xf8);
    _mm512_store_si512(reinterpret_cast<__m512i*>(to + part * TILE_BYTES), pair);
    if (part == PARTS - 1) break;
    even = _mm512_sub_ps(even, _mm512_castsi512_ps(_mm512_and_si512(e, high)));
    odd = _mm512_sub_ps(odd, _mm512_castsi512_ps(_mm512_and_si512(o, high)));
  }
}

inline __mmask16 first(long count) {
  return count >= 16 ? 0xffff : count <= 0 ? 0 : static_cast<__mmask16>((1u << count) - 1);
}

inline __attribute__((always_inline)) void transpose(__m512 r[16]) {
  __m512i a[16], b[16];
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) a[i] = _mm512_castps_si512(r[i]);
#pragma GCC unroll 8
  for (int i = 0; i < 16; i += 2) {
    b[i] = _mm512_unpacklo_epi32(a[i], a[i + 1]);
    b[i + 1] = _mm512_unpackhi_epi32(a[i], a[i + 1]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 16; i += 4) {
    a[i] = _mm512_unpacklo_epi64(b[i], b[i + 2]);
    a[i + 1] = _mm512_unpackhi_epi64(b[i], b[i + 2]);
    a[i + 2] = _mm512_unpacklo_epi64(b[i + 1], b[i + 3]);
    a[i + 3] = _mm512_unpackhi_epi64(b[i + 1], b[i + 3]);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    b[i] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0x88);
    b[i + 4] = _mm512_shuffle_i32x4(a[i], a[i + 4], 0xdd);
    b[i + 8] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0x88);
    b[i + 12] = _mm512_shuffle_i32x4(a[i + 8], a[i + 12], 0xdd);
  }
#pragma GCC unroll 4
  for (int i = 0; i < 4; i++) {
    r[i] = _mm512_castsi512_ps(_mm512_shuffle_i32x4(b[i], b[i + 8], 0x88));
    r[i + 4] = _mm512_castsi512_ps(_mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0x88));
    r[i + 8] = _mm512_castsi512_ps(_mm512_shuffle_i32x4(b[i], b[i + 8], 0xdd));
    r[i + 12] = _mm512_castsi512_ps(_mm512_shuffle_i32x4(b[i + 4], b[i + 12], 0xdd));
  }
}

// 16 rows of 16 numbers, transposed.
inline __attribute__((always_inline)) void load_transposed(const float* from, long row, long rows,
                                                           __mmask16 mask, __m512 r[16]) {
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++)
    r[i] = i < rows ? _mm512_maskz_loadu_ps(mask, from + i * row) : _mm512_setzero_ps();
  transpose(r);
}

// What follows makes one block, of `count` rows (of A) or columns (of B) and `depth` numbers of each;
// the rest is 0. In B's, the numbers d and d + 16 are a pair.

// A's rows: pairs of neighbours, as they lie.
void cut_a(const float* from, long row, long count, long depth, char* to) {
  const __mmask16 left = first(depth), right = first(depth - TILE);
  for (long i = 0; i < TILE; i++) {
    const bool is = i < count;
    const __m512 none = _mm512_setzero_ps();
    cut(is ? _mm512_maskz_loadu_ps(left, from + i * row) : none,
        is ? _mm512_maskz_loadu_ps(right, from + i * row + TILE) : none, to + i * 64);
  }
}
void cut_a_transposed(const float* from, long row, long count, long depth, char* to) {
  __m512 e[16], o[16];
  const __mmask16 mask = first(count);
  load_transposed(from, row, depth, mask, e);
  load_transposed(from + TILE * row, row, depth - TILE, mask, o);
#pragma GCC unroll 16
  for (int i = 0; i < 16; i++) cut(e[i], o[i], to + i * 64);
}

void cut_b(const float* from, long row, long count, long depth, char* to) {
  const __mmask16 mask = first(count);
  for (long d = 0; d < TILE; d++) {
    const __m512 none = _mm512_setzero_ps();
    cut(d < depth ? _mm512_maskz_loadu_ps(mask, from + d * row) : none,
        d + TILE < depth ? _mm512_maskz_loadu_ps(mask, from + (d + TILE) * row) : none, to + d * 64);
  }
}
void cut_b_transposed(const float* from, long row, long count, long depth, char* to) {
  __m512 e[16], o[16];
  load_transposed(from, row, count, first(depth), e);
  load_transposed(from + TILE, row, count, first(depth - TILE), o);
#pragma GCC unroll 16
  for (int d = 0; d < 16; d++) cut(e[d], o[d], to + d * 64);
}

struct Config {
  unsigned char palette = 1, start = 0, reserved[14] = {};
  unsigned short bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
  unsigned char rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
};

// The sums of R·C tiles, in the first four of the tile registers.
template <int R, int C>
inline __attribute__((always_inline)) void add_products() {
  _tile_dpbf16ps(0, 4, 6);
  if (C > 1) _tile_dpbf16ps(1, 4, 7);
  if (R > 1) _tile_dpbf16ps(2, 5, 6);
  if (R > 1 && C > 1) _tile_dpbf16ps(3, 5, 7);
}
#define LOAD_A(part)                             \
  _tile_loadd(4, a + (part) * TILE_BYTES, 64);   \
  if (R > 1) _tile_loadd(5, a + stride + (part) * TILE_BYTES, 64)
#define LOAD_B(part)                             \
  _tile_loadd(6, b + (part) * TILE_BYTES, 64);   \
  if (C > 1) _tile_loadd(7, b + stride + (part) * TILE_BYTES, 64)

// A's and B's tiles lie `stride` apart, and so many bytes are all blocks of one.
template <int R, int C>
inline void sum(const char* a, const char* b, long stride) {
  _tile_zero(0);
  if (C > 1) _tile_zero(1);
  if (R > 1) _tile_zero(2);
  if (R > 1 && C > 1) _tile_zero(3);
  // The smallest products first.
  for (const char* end = a + stride; a < end; a += BLOCK_BYTES, b += BLOCK_BYTES) {
    LOAD_A(0);
    LOAD_B(2);
    add_products<R, C>();
    LOAD_B(1);
    add_products<R, C>();
    LOAD_B(0);
    add_products<R, C>();
    LOAD_A(1);
    add_products<R, C>();
    LOAD_A(2);
    add_products<R, C>();
    LOAD_A(1);
    LOAD_B(1);
    add_products<R, C>();
  }
}

struct Target {
  float* c;
  long row;
  const float* bias;  // of these columns, or null
  bool relu;
};

inline __m512 finished(__m512 sum, __m512 bias, bool relu) {
  const __m512 v = _mm512_add_ps(sum, bias);
  // Not max(0, v), of which not a number would become 0.
  return relu ? _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(v, _mm512_setzero_ps(), _CMP_NLE_UQ), v) : v;
}

void store_tile(const float* sums, const Target& to, long rows, long columns) {
  const __mmask16 mask = first(columns);
  const __m512 bias = to.bias ? _mm512_maskz_loadu_ps(mask, to.bias) : _mm512_setzero_ps();
  for (long i = 0; i < TILE && i < rows; i++) {
    const __m512 v = finished(_mm512_load_ps(sums + i * TILE), bias, to.relu);
    _mm512_mask_storeu_ps(to.c + i * to.row, mask, v);
  }
}

template <int R, int C>
inline void tiles(const char* a, const char* b, long stride, const Target& to, long rows, long columns) {
  sum<R, C>(a, b, stride);
  if (rows >= R * TILE && columns >= C * TILE && !to.bias && !to.relu) {
    _tile_stored(0, to.c, to.row * 4);
    if (C > 1) _tile_stored(1, to.c + TILE, to.row * 4);
    if (R > 1) _tile_stored(2, to.c + TILE * to.row, to.row * 4);
    if (R > 1 && C > 1) _tile_stored(3, to.c + TILE * to.row + TILE, to.row * 4);
    return;
  }
  alignas(64) float sums[4][TILE * TILE];
  _tile_stored(0, sums[0], 64);
  if (C > 1) _tile_stored(1, sums[1], 64);
  if (R > 1) _tile_stored(2, sums[2], 64);
  if (R > 1 && C > 1) _tile_stored(3, sums[3], 64);
  for (int r = 0; r < R; r++)
    for (int c = 0; c < C; c++) {
      const Target part{to.c + r * TILE * to.row + c * TILE, to.row,
                        to.bias ? to.bias + c * TILE : nullptr, to.relu};
      store_tile(sums[2 * r + c], part, rows - r * TILE, columns - c * TILE);
    }
}

}  // namespace

extern "C" bool has_tiles() {
  static const bool allowed = [] {
    unsigned a, b, c, d;
    asm volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(7), "c"(0));
    const bool has = (d >> 22 & 1) && (d >> 24 & 1) && __builtin_cpu_supports("avx512dq") &&
                     __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
    // The tiles' registers are large, so Linux wants to be asked for them, once a process.
    const long request = 0x1023, tile_data = 18;
    return has && syscall(SYS_arch_prctl, request, tile_data) == 0;
  }();
  return allowed;
}

extern "C" void cut_blocks(const float* from, long row, bool is_a, bool transposed, long count, long depth,
                           char* to) {
  const auto block = is_a ? (transposed ? cut_a_transposed : cut_a)
                          : (transposed ? cut_b_transposed : cut_b);
  // Numbers along the depth lie side by side in A and in a transposed B.
  const bool along = is_a != transposed;
  const long stride = blocks_of(depth) * BLOCK_BYTES;
  const auto make = [&](long i, long d) {
    block(from + (along ? i * row + d : d * row + i), row, count - i, depth - d,
          to + i / TILE * stride + d / DEPTH * BLOCK_BYTES);
  };
  // In the order in which the numbers lie.
  if (along) {
    for (long i = 0; i < count; i += TILE)
      for (long d = 0; d < depth; d += DEPTH) make(i, d);
  } else {
    for (long d = 0; d < depth; d += DEPTH)
      for (long i = 0; i < count; i += TILE) make(i, d);
  }
}

extern "C" void multiply_blocks(const char* a, const char* b, long rows, long columns, long depth,
                                const float* bias, bool relu, float* c, long c_row) {
  const Config config;
  _tile_loadconfig(&config);
  const long stride = blocks_of(depth) * BLOCK_BYTES;
  for (long j = 0; j < columns; j += 2 * TILE)
    for (long i = 0; i < rows; i += 2 * TILE) {
      const char *ai = a + i / TILE * stride, *bj = b + j / TILE * stride;
      const Target to{c + i * c_row + j, c_row, bias ? bias + j : nullptr, relu};
      const bool tall = rows - i > TILE, wide = columns - j > TILE;
      const auto product = tall ? (wide ? tiles<2, 2> : tiles<2, 1>) : (wide ? tiles<1, 2> : tiles<1, 1>);
      product(ai, bj, stride, to, rows - i, columns - j);
    }
  _tile_release();
}

#else

extern "C" bool has_tiles() { return false; }
extern "C" void cut_blocks(const float*, long, bool, bool, long, long, char*) {}
extern "C" void multiply_blocks(const char*, const char*, long, long, long, const float*, bool, float*,
                                long) {}

#endif
