/* What happens to one token's vector by itself: its embedding, layer normalization, rounding to uint8. */
#ifndef LOCALRANK_ROWS_H
#define LOCALRANK_ROWS_H

#include <stdint.h>

#include "products.h"

/* (row - mean) / sqrt(variance + epsilon) * gain + bias, in place (Ba et al. 2016). Returns whether the variance is a
   number: it is none where one of the row is none, or where they are too great for it. */
static inline int normalize(float *row, int width, const float *gain, const float *bias, float epsilon)
{
    vec16 sum = zero16(), squares = zero16();
    for (int c = 0; c < width; c += LANES) sum = add16(sum, load16(row + c));
    const vec16 mean = all16(sum16(sum) / (float)width);
    for (int c = 0; c < width; c += LANES) {
        const vec16 apart = sub16(load16(row + c), mean);
        squares = fma16(apart, apart, squares);
    }
    const float variance = sum16(squares) / (float)width + epsilon;
    const vec16 factor = all16(1.0f / __builtin_sqrtf(variance));
    for (int c = 0; c < width; c += LANES) {
        const vec16 unit = mul16(sub16(load16(row + c), mean), factor);
        store16(row + c, fma16(unit, load16(gain + c), load16(bias + c)));
    }
    return __builtin_isfinite(variance);
}

static inline int is_finite_row(const float *row, int width)
{
    vec16 zeros = zero16(); /* times zero, what is not finite is NaN */
    for (int c = 0; c < width; c += LANES) zeros = fma16(load16(row + c), zero16(), zeros);
    return sum16(zeros) == 0;
}

/* Times `factors`, rounded half to even, plus `offset`, cut to 0 .. 255. */
static inline void round_rows(const float *rows, const float *factors, int offset, const rounded_rows *to)
{
    for (int r = 0; r < to->rows; r++, rows += to->inputs)
        for (int c = 0; c < to->inputs; c += LANES)
            put_rounded(to, r, c, mul16(load16(rows + c), load16(factors + c)), all_ints(offset));
}

static inline void add_row(float *row, const float *other, int width)
{
    for (int c = 0; c < width; c += LANES) store16(row + c, add16(load16(row + c), load16(other + c)));
}

static inline float dot(const float *row, const float *other, int width)
{
    vec16 sum = zero16();
    for (int c = 0; c < width; c += LANES) sum = fma16(load16(row + c), load16(other + c), sum);
    return sum16(sum);
}

/* int8 times a scale. */
static inline void widen_row(const int8_t *small, float scale, int width, float *row)
{
    for (int c = 0; c < width; c += LANES) store16(row + c, mul16(widened(small + c), all16(scale)));
}

enum { WORD_BLOCK = 32 };

/* The number that a float16 is (IEEE 754 binary16). */
static inline float widen_half(uint16_t half)
{
    const uint32_t sign = (uint32_t)(half & 0x8000) << 16, exponent = half >> 10 & 31, fraction = half & 1023;
    if (!exponent) { /* zero, or fraction times 2 to the -24 */
        const float small = (float)fraction * 0x1p-24f;
        return sign ? -small : small;
    }
    const uint32_t bits = sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13;
    float wide;
    __builtin_memcpy(&wide, &bits, sizeof wide);
    return wide;
}

/* 4 bits a weight, less 8, times the scale of its block. */
static inline void widen_blocks(const uint8_t *packed, const uint16_t *scales, int width, float *row)
{
    for (int c = 0; c < width; c += WORD_BLOCK, packed += WORD_BLOCK / 2) {
        int8_t small[WORD_BLOCK];
        for (int i = 0; i < WORD_BLOCK / 2; i++) {
            small[2 * i] = (int8_t)((packed[i] & 15) - 8);
            small[2 * i + 1] = (int8_t)((packed[i] >> 4) - 8);
        }
        widen_row(small, widen_half(*scales++), WORD_BLOCK, row + c);
    }
}

#endif
