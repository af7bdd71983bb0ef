/* Sixteen numbers at once in one register of 512 bits: AVX-512 with VNNI. */
#ifndef LOCALRANK_VECTORS_AVX512_H
#define LOCALRANK_VECTORS_AVX512_H

#include "vectors_x86.h"

#define TILE_ROWS 10 /* Two accumulators a row: more rows leave too few registers for addresses. */
#define PANEL 32
#define CHUNK 160
#define SUMS_ROWS TILE_ROWS

typedef __m512 vec16;
typedef __m512i ints16;

INLINE vec16 load16(const float *from) { return _mm512_loadu_ps(from); }
INLINE void store16(float *to, vec16 x) { _mm512_storeu_ps(to, x); }
INLINE vec16 zero16(void) { return _mm512_setzero_ps(); }
INLINE vec16 all16(float x) { return _mm512_set1_ps(x); }
INLINE vec16 add16(vec16 x, vec16 y) { return _mm512_add_ps(x, y); }
INLINE vec16 sub16(vec16 x, vec16 y) { return _mm512_sub_ps(x, y); }
INLINE vec16 mul16(vec16 x, vec16 y) { return _mm512_mul_ps(x, y); }
INLINE vec16 div16(vec16 x, vec16 y) { return _mm512_div_ps(x, y); }
INLINE vec16 fma16(vec16 x, vec16 y, vec16 z) { return _mm512_fmadd_ps(x, y, z); }
INLINE vec16 min16(vec16 x, vec16 y) { return _mm512_min_ps(x, y); }
INLINE vec16 max16(vec16 x, vec16 y) { return _mm512_max_ps(x, y); }

INLINE float sum16(vec16 x)
{
    const __m256 eight = _mm256_add_ps(_mm512_extractf32x8_ps(x, 1), _mm512_castps512_ps256(x));
    return sum_of_eight(eight);
}

INLINE float greatest16(vec16 x)
{
    return greatest_of_eight(_mm256_max_ps(_mm512_extractf32x8_ps(x, 1), _mm512_castps512_ps256(x)));
}

/* The first `count` numbers, 0 .. 15 of them, and of `rest` the others. */
INLINE vec16 load_first(const float *from, int count, vec16 rest)
{
    return _mm512_mask_loadu_ps(rest, (__mmask16)((1u << count) - 1), from);
}
INLINE vec16 keep_first(vec16 x, int count) { return _mm512_maskz_mov_ps((__mmask16)((1u << count) - 1), x); }
INLINE void store_first(float *to, int count, vec16 x) { _mm512_mask_storeu_ps(to, (__mmask16)((1u << count) - 1), x); }

/* See `exp2_of`. */
INLINE vec16 within_reach(vec16 x) { return x; }
INLINE vec16 above_whole(vec16 x) { return _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF); }
INLINE vec16 times_power(vec16 p, vec16 x) { return _mm512_scalef_ps(p, x); }

#define INT8_ROWS TILE_ROWS

INLINE ints16 load_ints(const int32_t *from) { return _mm512_loadu_si512(from); }
INLINE void store_ints(int32_t *to, ints16 x) { _mm512_store_si512(to, x); }
INLINE ints16 all_ints(int32_t x) { return _mm512_set1_epi32(x); }
INLINE ints16 mul_ints(ints16 x, ints16 y) { return _mm512_mullo_epi32(x, y); }
INLINE vec16 to_float(ints16 x) { return _mm512_cvtepi32_ps(x); }
INLINE ints16 load_weights(const weight_t *from) { return _mm512_loadu_si512(from); }
INLINE ints16 add_products(ints16 sums, ints16 inputs, ints16 weights)
{
    return _mm512_dpbusd_epi32(sums, inputs, weights);
}

/* Plus the sum of each column's weights of one step. */
INLINE ints16 add_weights(ints16 sums, const weight_t *step)
{
    return add_products(sums, all_ints(0x01010101), load_weights(step));
}

INLINE vec16 widened(const int8_t *from)
{
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)from)));
}

/* Rounded half to even, plus `offset`, cut to 0 .. 255. */
INLINE void store_rounded(rounded_t *to, vec16 x, ints16 offset)
{
    const __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(x), offset);
    _mm_storeu_si128((__m128i *)to, _mm512_cvtusepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512())));
}

/* Sixteen rows of sixteen numbers, of which `rows` are there, to columns. */
static inline void transpose(const float *from, int64_t stride, int rows, float *to, int64_t to_stride)
{
    __m512 line[LANES], half[LANES];
    for (int r = 0; r < LANES; r++) line[r] = r < rows ? _mm512_loadu_ps(from + r * stride) : _mm512_setzero_ps();
    for (int r = 0; r < LANES; r += 2) {
        half[r] = _mm512_unpacklo_ps(line[r], line[r + 1]);
        half[r + 1] = _mm512_unpackhi_ps(line[r], line[r + 1]);
    }
    for (int r = 0; r < LANES; r += 4)
        for (int c = 0; c < 2; c++) {
            const __m512d low = _mm512_castps_pd(half[r + c]), high = _mm512_castps_pd(half[r + c + 2]);
            line[r + 2 * c] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            line[r + 2 * c + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (int c = 0; c < 4; c++) { /* quarters of 128 bits, from four rows each, change places */
        const __m512 ab = _mm512_shuffle_f32x4(line[c], line[c + 4], 0x88),
                     AB = _mm512_shuffle_f32x4(line[c], line[c + 4], 0xdd);
        const __m512 cd = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0x88),
                     CD = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0xdd);
        _mm512_storeu_ps(to + c * to_stride, _mm512_shuffle_f32x4(ab, cd, 0x88));
        _mm512_storeu_ps(to + (c + 8) * to_stride, _mm512_shuffle_f32x4(ab, cd, 0xdd));
        _mm512_storeu_ps(to + (c + 4) * to_stride, _mm512_shuffle_f32x4(AB, CD, 0x88));
        _mm512_storeu_ps(to + (c + 12) * to_stride, _mm512_shuffle_f32x4(AB, CD, 0xdd));
    }
}

#endif
