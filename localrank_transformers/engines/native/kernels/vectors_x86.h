/* What x86's processors share: the last steps of sums in registers of 256 bits, and the order of int8 weights. */
#ifndef LOCALRANK_VECTORS_X86_H
#define LOCALRANK_VECTORS_X86_H

#include <immintrin.h>
#include <stdint.h>

/* int8 products: an input is uint8, a step takes four of them. */
#define A_STEP 4
#define STORED_LESS 0
typedef uint8_t rounded_t;
typedef int8_t weight_t;

/* The end of a sum of sixteen. */
INLINE float sum_of_eight(__m256 x)
{
    const __m128 four = _mm_add_ps(_mm256_extractf128_ps(x, 1), _mm256_castps256_ps128(x));
    const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return two[0] + two[1];
}

INLINE float greatest_of_eight(__m256 x)
{
    const __m128 four = _mm_max_ps(_mm256_extractf128_ps(x, 1), _mm256_castps256_ps128(x));
    const __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
}

/* Four rows of sixteen numbers as sixteen columns of four. */
static inline void interleave(const int8_t *from, int64_t stride, int8_t *to)
{
    __m128i row[4];
    for (int r = 0; r < 4; r++) row[r] = _mm_loadu_si128((const __m128i *)(from + r * stride));
    const __m128i low_ab = _mm_unpacklo_epi8(row[0], row[1]), high_ab = _mm_unpackhi_epi8(row[0], row[1]);
    const __m128i low_cd = _mm_unpacklo_epi8(row[2], row[3]), high_cd = _mm_unpackhi_epi8(row[2], row[3]);
    _mm_storeu_si128((__m128i *)to, _mm_unpacklo_epi16(low_ab, low_cd));
    _mm_storeu_si128((__m128i *)(to + 16), _mm_unpackhi_epi16(low_ab, low_cd));
    _mm_storeu_si128((__m128i *)(to + 32), _mm_unpacklo_epi16(high_ab, high_cd));
    _mm_storeu_si128((__m128i *)(to + 48), _mm_unpackhi_epi16(high_ab, high_cd));
}

#endif
