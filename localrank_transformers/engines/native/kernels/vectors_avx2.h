/* Sixteen numbers at once in two registers of 256 bits: AVX2 with FMA, and with AVX-VNNI where that is compiled for. */
#ifndef LOCALRANK_VECTORS_AVX2_H
#define LOCALRANK_VECTORS_AVX2_H

#include "vectors_x86.h"

#define TILE_ROWS 6 /* Twelve accumulators, two registers of weights, one of inputs. */
#define PANEL 16
#define CHUNK 96
#define SUMS_ROWS 48 /* See `next_sums`. */
#define GELUS_AT_ONCE 8

typedef struct {
    __m256 low, high;
} vec16;
typedef struct {
    __m256i low, high;
} ints16;

/* Of a function of eight lanes, the same one of sixteen. */
#define BOTH(type, does, x) ((type){does((x).low), does((x).high)})
#define BOTH_OF(type, does, x, y) ((type){does((x).low, (y).low), does((x).high, (y).high)})
#define BOTH_OF_THREE(type, does, x, y, z) ((type){does((x).low, (y).low, (z).low), does((x).high, (y).high, (z).high)})

INLINE vec16 load16(const float *from) { return (vec16){_mm256_loadu_ps(from), _mm256_loadu_ps(from + 8)}; }
INLINE void store16(float *to, vec16 x)
{
    _mm256_storeu_ps(to, x.low);
    _mm256_storeu_ps(to + 8, x.high);
}
INLINE vec16 zero16(void) { return (vec16){_mm256_setzero_ps(), _mm256_setzero_ps()}; }
INLINE vec16 all16(float x)
{
    __m256 eight = _mm256_set1_ps(x);
    __asm__("" : "+x"(eight)); /* GCC would have every instruction read a constant from memory, for each half */
    return (vec16){eight, eight};
}
INLINE vec16 add16(vec16 x, vec16 y) { return BOTH_OF(vec16, _mm256_add_ps, x, y); }
INLINE vec16 sub16(vec16 x, vec16 y) { return BOTH_OF(vec16, _mm256_sub_ps, x, y); }
INLINE vec16 mul16(vec16 x, vec16 y) { return BOTH_OF(vec16, _mm256_mul_ps, x, y); }
INLINE vec16 div16(vec16 x, vec16 y) { return BOTH_OF(vec16, _mm256_div_ps, x, y); }
INLINE vec16 fma16(vec16 x, vec16 y, vec16 z) { return BOTH_OF_THREE(vec16, _mm256_fmadd_ps, x, y, z); }
INLINE vec16 min16(vec16 x, vec16 y) { return BOTH_OF(vec16, _mm256_min_ps, x, y); }
INLINE vec16 max16(vec16 x, vec16 y) { return BOTH_OF(vec16, _mm256_max_ps, x, y); }
INLINE float sum16(vec16 x) { return sum_of_eight(_mm256_add_ps(x.high, x.low)); }
INLINE float greatest16(vec16 x) { return greatest_of_eight(_mm256_max_ps(x.high, x.low)); }

/* All ones for the first `count` lanes, 0 .. 15. */
INLINE ints16 first_lanes(int count)
{
    static const int32_t ones[2 * LANES] = {-1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1};
    const __m256i *from = (const __m256i *)(ones + LANES - count);
    return (ints16){_mm256_loadu_si256(from), _mm256_loadu_si256(from + 1)};
}

INLINE vec16 as_floats(ints16 x) { return BOTH(vec16, _mm256_castsi256_ps, x); }
INLINE vec16 keep_first(vec16 x, int count) { return BOTH_OF(vec16, _mm256_and_ps, x, as_floats(first_lanes(count))); }

/* The first `count` numbers, and of `rest` the others. */
INLINE vec16 load_first(const float *from, int count, vec16 rest)
{
    const ints16 mask = first_lanes(count);
    const vec16 found = {_mm256_maskload_ps(from, mask.low), _mm256_maskload_ps(from + 8, mask.high)};
    return BOTH_OF_THREE(vec16, _mm256_blendv_ps, rest, found, as_floats(mask));
}
INLINE void store_first(float *to, int count, vec16 x)
{
    const ints16 mask = first_lanes(count);
    _mm256_maskstore_ps(to, mask.low, x.low);
    _mm256_maskstore_ps(to + 8, mask.high, x.high);
}

/* See `exp2_of`. 2^x is 0 below -150, and -152 is where this may stop to count. */
INLINE vec16 within_reach(vec16 x) { return max16(all16(-152.0f), x); }

/* x - ⌊x⌋ rounded downwards, as AVX-512 does it: where the difference came out greater than it is, the number below. */
INLINE __m256 above_whole_8(__m256 x)
{
    const __m256 whole = _mm256_floor_ps(x), part = _mm256_sub_ps(x, whole);
    const __m256 is_above = _mm256_cmp_ps(x, _mm256_add_ps(part, whole), _CMP_LT_OQ);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(part), _mm256_castps_si256(is_above)));
}
INLINE vec16 above_whole(vec16 x) { return BOTH(vec16, above_whole_8, x); }

/* p 2^⌊x⌋ for x in -152 .. 100, rounded once also where it has no bits left: times a power that no p makes too small,
   and then times 2^-27. */
INLINE __m256 times_power_8(__m256 p, __m256 x)
{
    const __m256i exponent = _mm256_add_epi32(_mm256_cvtps_epi32(_mm256_floor_ps(x)), _mm256_set1_epi32(127 + 27));
    const __m256 power = _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23));
    return _mm256_mul_ps(_mm256_mul_ps(p, power), _mm256_set1_ps(0x1p-27f));
}
INLINE vec16 times_power(vec16 p, vec16 x) { return BOTH_OF(vec16, times_power_8, p, x); }

/* See `exp2_near`. */
#define ADDS_EXPONENTS 1
INLINE __m256 plus_exponent_8(__m256 p, __m256 x)
{
    const __m256i exponent = _mm256_slli_epi32(_mm256_cvtps_epi32(_mm256_floor_ps(x)), 23);
    return _mm256_castsi256_ps(_mm256_add_epi32(_mm256_castps_si256(p), exponent));
}
INLINE vec16 plus_exponent(vec16 p, vec16 x) { return BOTH_OF(vec16, plus_exponent_8, p, x); }

INLINE ints16 load_ints(const int32_t *from)
{
    return (ints16){_mm256_loadu_si256((const __m256i *)from), _mm256_loadu_si256((const __m256i *)(from + 8))};
}
INLINE void store_ints(int32_t *to, ints16 x)
{
    _mm256_storeu_si256((__m256i *)to, x.low);
    _mm256_storeu_si256((__m256i *)(to + 8), x.high);
}
INLINE ints16 all_ints(int32_t x) { return (ints16){_mm256_set1_epi32(x), _mm256_set1_epi32(x)}; }
INLINE ints16 mul_ints(ints16 x, ints16 y) { return BOTH_OF(ints16, _mm256_mullo_epi32, x, y); }
INLINE vec16 to_float(ints16 x) { return BOTH(vec16, _mm256_cvtepi32_ps, x); }

INLINE vec16 widened(const int8_t *from)
{
    const __m128i all = _mm_loadu_si128((const __m128i *)from);
    return to_float((ints16){_mm256_cvtepi8_epi32(all), _mm256_cvtepi8_epi32(_mm_srli_si128(all, 8))});
}

/* Rounded half to even, plus `offset`, as sixteen int16; what int16 does not hold becomes its nearest number. */
INLINE __m256i whole_numbers(vec16 x, ints16 offset)
{
    const ints16 whole = {_mm256_add_epi32(_mm256_cvtps_epi32(x.low), offset.low),
                          _mm256_add_epi32(_mm256_cvtps_epi32(x.high), offset.high)};
    return _mm256_permute4x64_epi64(_mm256_packs_epi32(whole.low, whole.high), 0xd8);
}

INLINE ints16 load_weights(const weight_t *from) { return load_ints((const int32_t *)from); }
INLINE void store_rounded(rounded_t *to, vec16 x, ints16 offset)
{
    const __m256i whole = whole_numbers(x, offset);
    _mm_storeu_si128((__m128i *)to,
                     _mm_packus_epi16(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1)));
}

#ifdef __AVXVNNI__
#define INT8_ROWS TILE_ROWS
INLINE ints16 add_products(ints16 sums, ints16 inputs, ints16 weights)
{
    return BOTH_OF_THREE(ints16, _mm256_dpbusd_avx_epi32, sums, inputs, weights);
}
#else
#define INT8_ROWS 4 /* Eight accumulators, four registers of weights, two of inputs. */
#define WITHOUT_VNNI

/* Exact for inputs up to 127: see window.h. */
INLINE __m256i add_products_8(__m256i sums, __m256i inputs, __m256i weights)
{
    return _mm256_add_epi32(sums, _mm256_madd_epi16(_mm256_maddubs_epi16(inputs, weights), _mm256_set1_epi16(1)));
}
INLINE ints16 add_products(ints16 sums, ints16 inputs, ints16 weights)
{
    return BOTH_OF_THREE(ints16, add_products_8, sums, inputs, weights);
}
#endif

/* Plus the sum of each column's weights of one step. */
INLINE ints16 add_weights(ints16 sums, const weight_t *step)
{
    return add_products(sums, all_ints(0x01010101), load_weights(step));
}

/* Eight rows of eight numbers, of which `rows` are there, to columns. */
INLINE void transpose_8(const float *from, int64_t stride, int rows, float *to, int64_t to_stride)
{
    __m256 line[8], half[8];
    for (int r = 0; r < 8; r++) line[r] = r < rows ? _mm256_loadu_ps(from + r * stride) : _mm256_setzero_ps();
    for (int r = 0; r < 8; r += 2) {
        half[r] = _mm256_unpacklo_ps(line[r], line[r + 1]);
        half[r + 1] = _mm256_unpackhi_ps(line[r], line[r + 1]);
    }
    for (int r = 0; r < 8; r += 4)
        for (int c = 0; c < 2; c++) {
            line[r + 2 * c] = _mm256_shuffle_ps(half[r + c], half[r + c + 2], 0x44);
            line[r + 2 * c + 1] = _mm256_shuffle_ps(half[r + c], half[r + c + 2], 0xee);
        }
    for (int c = 0; c < 4; c++) { /* halves, from four rows each, change places */
        _mm256_storeu_ps(to + c * to_stride, _mm256_permute2f128_ps(line[c], line[c + 4], 0x20));
        _mm256_storeu_ps(to + (c + 4) * to_stride, _mm256_permute2f128_ps(line[c], line[c + 4], 0x31));
    }
}

/* Sixteen rows of sixteen numbers, of which `rows` are there, to columns. */
static inline void transpose(const float *from, int64_t stride, int rows, float *to, int64_t to_stride)
{
    for (int r = 0; r < LANES; r += 8)
        for (int c = 0; c < LANES; c += 8)
            transpose_8(from + r * stride + c, stride, rows - r, to + c * to_stride + r, to_stride);
}

#endif
