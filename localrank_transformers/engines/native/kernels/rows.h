/* What happens to one token's vector by itself: its embedding, layer normalization, rounding to uint8. */
#ifndef LOCALRANK_ROWS_H
#define LOCALRANK_ROWS_H

#include <stdint.h>

#include "vectors.h"

/* (row - mean) / sqrt(variance + epsilon) * gain + bias, in place (Ba et al. 2016). */
static inline void normalize(float *row, int width, const float *gain, const float *bias, float epsilon)
{
    __m512 sum = _mm512_setzero_ps(), squares = _mm512_setzero_ps();
    for (int c = 0; c < width; c += LANES) sum = _mm512_add_ps(sum, _mm512_loadu_ps(row + c));
    const __m512 mean = _mm512_set1_ps(_mm512_reduce_add_ps(sum) / (float)width);
    for (int c = 0; c < width; c += LANES) {
        const __m512 apart = _mm512_sub_ps(_mm512_loadu_ps(row + c), mean);
        squares = _mm512_fmadd_ps(apart, apart, squares);
    }
    const float variance = _mm512_reduce_add_ps(squares) / (float)width + epsilon;
    const __m512 factor = _mm512_set1_ps(1.0f / __builtin_sqrtf(variance));
    for (int c = 0; c < width; c += LANES) {
        const __m512 unit = _mm512_mul_ps(_mm512_sub_ps(_mm512_loadu_ps(row + c), mean), factor);
        _mm512_storeu_ps(row + c, _mm512_fmadd_ps(unit, _mm512_loadu_ps(gain + c), _mm512_loadu_ps(bias + c)));
    }
}

/* Sixteen numbers as uint8: times `factors`, rounded half to even, plus `offset`, cut to 0 .. 255. */
static inline void round_lanes(__m512 x, const float *factors, __m512i offset, uint8_t *out)
{
    const __m512i whole = _mm512_add_epi32(_mm512_cvtps_epi32(_mm512_mul_ps(x, _mm512_loadu_ps(factors))), offset);
    _mm_storeu_si128((__m128i *)out, _mm512_cvtusepi32_epi8(_mm512_max_epi32(whole, _mm512_setzero_si512())));
}

static inline void round_row(const float *row, int width, const float *factors, int offset, uint8_t *out)
{
    for (int c = 0; c < width; c += LANES)
        round_lanes(_mm512_loadu_ps(row + c), factors + c, _mm512_set1_epi32(offset), out + c);
}

static inline void add_row(float *row, const float *other, int width)
{
    for (int c = 0; c < width; c += LANES)
        _mm512_storeu_ps(row + c, _mm512_add_ps(_mm512_loadu_ps(row + c), _mm512_loadu_ps(other + c)));
}

static inline float dot(const float *row, const float *other, int width)
{
    __m512 sum = _mm512_setzero_ps();
    for (int c = 0; c < width; c += LANES)
        sum = _mm512_fmadd_ps(_mm512_loadu_ps(row + c), _mm512_loadu_ps(other + c), sum);
    return _mm512_reduce_add_ps(sum);
}

/* int8 times a scale. */
static inline void widen_row(const int8_t *small, float scale, int width, float *row)
{
    for (int c = 0; c < width; c += LANES) {
        const __m512 whole = _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128((const __m128i *)(small + c))));
        _mm512_storeu_ps(row + c, _mm512_mul_ps(whole, _mm512_set1_ps(scale)));
    }
}

#endif
