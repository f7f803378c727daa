// What product.cc knows of product-kernels.cc.
#pragma once

// A block is a tile of each of a number's three parts: 16 rows of A or columns of B, 32 of the depth.
enum { BLOCK_BYTES = 3 * 1024 };

static inline long blocks_of(long depth) { return (depth + 31) / 32; }
// What `cut_blocks` needs.
static inline long bytes_of(long count, long depth) {
  return (count + 15) / 16 * blocks_of(depth) * BLOCK_BYTES;
}

// Whether this processor has AMX's tiles and this process may use them. Without them the others do
// nothing.
extern "C" bool has_tiles();

// Some rows of A, or columns of B, in blocks. A lies as [rows, depth] and B as [depth, columns], each
// the other way round where it is transposed; rows lie `row` apart. `to` is aligned to 64 bytes.
extern "C" void cut_blocks(const float* from, long row, bool is_a, bool transposed, long count, long depth,
                           char* to);

// c = a · b (+ bias) for `rows` of A and `columns` of B, and of that what is positive where `relu`.
extern "C" void multiply_blocks(const char* a, const char* b, long rows, long columns, long depth,
                                const float* bias, bool relu, float* c, long c_row);
