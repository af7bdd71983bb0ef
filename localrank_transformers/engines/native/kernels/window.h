/* int8 products by VPMADDUBSW, exact all the same.

   It multiplies four uint8 by four int8 and cuts the sum of two products to int16. So an input is taken as seven bits
   of a window of WINDOW + 1 numbers around where most inputs are, and what is beyond the window is listed and added
   afterwards. Inside it no sum of two products is cut, and nearly always none of four: two steps share the rest of the
   work, but where the weights of a panel are too large for that, which is known when they are packed. */
#ifndef LOCALRANK_WINDOW_H
#define LOCALRANK_WINDOW_H

#include "vectors.h"

#define WINDOW 120

/* Where the window of an input with this offset begins; what is beyond it on either side is 127 at most. */
INLINE int base_of(int offset)
{
    const int base = offset - WINDOW / 2;
    return base < 128 - WINDOW ? 128 - WINDOW : base > 127 ? 127 : base;
}

/* Four neighbouring inputs of a row, by how much each is above the window, or below it. */
typedef struct {
    uint32_t four;
    uint32_t place; /* twice the number of the four, and 1 for below */
} beyond;

/* A rounded row: `inputs` numbers, how many lists of four there are, and these; their number is a multiple of BATCH,
   which the processor foresees better than a number of its own for each row. */
#define BATCH 4
INLINE int64_t rounded_stride(int inputs) { return inputs + 64 + inputs / 2 * (int64_t)sizeof(beyond); }
INLINE const uint32_t *count_of(const rounded_t *row, int inputs) { return (const uint32_t *)(row + inputs); }
INLINE const beyond *lists_of(const rounded_t *row, int inputs) { return (const beyond *)(row + inputs + 64); }

/* Append those fours of eight, from `first` on, that are not zero. */
static inline beyond *listed(beyond *to, __m256i by_how_much, int first, int is_below)
{
    uint32_t fours[8];
    _mm256_storeu_si256((__m256i *)fours, by_how_much);
    const __m256i are_none = _mm256_cmpeq_epi32(by_how_much, _mm256_setzero_si256());
    unsigned some = 0xffu & ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(are_none));
    for (; some; some &= some - 1) {
        const int n = __builtin_ctz(some);
        *to++ = (beyond){fours[n], (uint32_t)((first + n) * 2 + is_below)};
    }
    return to;
}

/* A row of uint8 becomes one of its window, in place. */
static inline void settle(rounded_t *row, int inputs, int offset)
{
    const int base = base_of(offset);
    const __m256i low = _mm256_set1_epi8((char)base), high = _mm256_set1_epi8((char)(base + WINDOW));
    beyond *const lists = (beyond *)(row + inputs + 64), *end = lists;
    for (int k = 0; k < inputs; k += 32) {
        const __m256i x = _mm256_loadu_si256((const __m256i *)(row + k));
        const __m256i above = _mm256_subs_epu8(x, high), below = _mm256_subs_epu8(low, x);
        const __m256i inside = _mm256_min_epu8(_mm256_subs_epu8(x, low), _mm256_set1_epi8(WINDOW));
        _mm256_storeu_si256((__m256i *)(row + k), inside);
        const __m256i any = _mm256_or_si256(above, below);
        if (_mm256_testz_si256(any, any)) continue;
        end = listed(end, above, k / 4, 0);
        end = listed(end, below, k / 4, 1);
    }
    while ((end - lists) % BATCH) *end++ = (beyond){0, 0};
    *(uint32_t *)(row + inputs) = (uint32_t)(end - lists);
}

/* Sixteen columns of four inputs each: whether sums of four products, of this step and the next one, may be cut. */
static inline int is_too_large(const weight_t *step)
{
    for (int n = 0; n < 4 * LANES; n += 2) {
        const int8_t *one = step + n, *other = step + 4 * LANES + n;
        const int sum =
            __builtin_abs(one[0]) + __builtin_abs(one[1]) + __builtin_abs(other[0]) + __builtin_abs(other[1]);
        if (sum * WINDOW > INT16_MAX) return 1;
    }
    return 0;
}

/* Two steps with one sum: products of four inputs each, which int16 holds. */
INLINE __m256i add_two_steps_8(__m256i sums, __m256i inputs, __m256i others, __m256i weights, __m256i more)
{
    const __m256i four = _mm256_add_epi16(_mm256_maddubs_epi16(inputs, weights), _mm256_maddubs_epi16(others, more));
    return _mm256_add_epi32(sums, _mm256_madd_epi16(four, _mm256_set1_epi16(1)));
}
INLINE ints16 add_two_steps(ints16 sums, ints16 inputs, ints16 others, ints16 weights, ints16 more)
{
    return (ints16){add_two_steps_8(sums.low, inputs.low, others.low, weights.low, more.low),
                    add_two_steps_8(sums.high, inputs.high, others.high, weights.high, more.high)};
}

/* Of what is beyond the window. */
INLINE ints16 add_beyond(ints16 sums, const rounded_t *row, int inputs, const weight_t *panel)
{
    static const uint32_t signs[2] = {0x00010001, 0xffffffff};
    const beyond *at = lists_of(row, inputs), *end = at + *count_of(row, inputs);
    for (; at < end; at++) {
        const ints16 weights = load_weights(panel + (int64_t)(at->place / 2) * 4 * LANES);
        const __m256i four = _mm256_set1_epi32((int)at->four), sign = _mm256_set1_epi32((int)signs[at->place & 1]);
        sums.low = _mm256_add_epi32(sums.low, _mm256_madd_epi16(_mm256_maddubs_epi16(four, weights.low), sign));
        sums.high = _mm256_add_epi32(sums.high, _mm256_madd_epi16(_mm256_maddubs_epi16(four, weights.high), sign));
    }
    return sums;
}

#endif
