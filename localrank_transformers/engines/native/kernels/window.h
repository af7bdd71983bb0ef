/* int8 products by VPMADDUBSW, exact all the same.

   It multiplies four uint8 by four int8 and cuts the sum of two products to int16. So an input is taken as seven bits
   of a window of WINDOW + 1 numbers around where most inputs are, and what is beyond the window is listed and added
   afterwards. Inside it no sum of two products is cut, and nearly always none of four: two steps share the rest of the
   work, but where the weights of a panel are too large for that, which is known when they are packed. */
#ifndef LOCALRANK_WINDOW_H
#define LOCALRANK_WINDOW_H

#include "tiles.h"
#include "vectors.h"

#define WINDOW 127

/* Where the window of an input with this offset begins; what is beyond it on either side is 127 at most. */
INLINE int base_of(int offset)
{
    const int base = offset - WINDOW / 2;
    return base < 128 - WINDOW ? 128 - WINDOW : base > 127 ? 127 : base;
}

/* Four neighbouring inputs of a row, by how much each is above the window, or below it. */
typedef struct {
    uint32_t four;
    int32_t sign;    /* 1 or -1, twice in sixteen bits */
    int32_t weights; /* where their step begins in a panel */
    int32_t sums;    /* where the row begins among sums of rows */
} beyond;

/* Rounded rows lie one after another, and behind them the list of what is beyond in any of them, tile after tile, with
   one of no row at its end. One list, since the end of one for each row is what a processor does not foresee. A tile's
   are in the order of its inputs: one after another of the same row would wait for the sum before it. */
INLINE int64_t rounded_room(int inputs) { return inputs + (inputs / 2 + 1) * (int64_t)sizeof(beyond) + 64; }
INLINE beyond *listed_behind(const rounded_t *rows, int count, int inputs)
{
    return (beyond *)(rows + (int64_t)count * inputs);
}

/* Append those fours of eight, from `first` on, that are not zero. */
static inline beyond *listed(beyond *to, __m256i by_how_much, int row, int first, int32_t sign)
{
    uint32_t fours[8];
    _mm256_storeu_si256((__m256i *)fours, by_how_much);
    const __m256i are_none = _mm256_cmpeq_epi32(by_how_much, _mm256_setzero_si256());
    unsigned some = 0xffu & ~(unsigned)_mm256_movemask_ps(_mm256_castsi256_ps(are_none));
    for (; some; some &= some - 1) {
        const int n = __builtin_ctz(some);
        *to++ = (beyond){fours[n], sign, (first + n) * 4 * LANES, row * LANES};
    }
    return to;
}

/* Rows of uint8 become rows of their window, in place. */
static inline void settle(rounded_t *rows, int count, int inputs, int offset)
{
    const int base = base_of(offset);
    const __m256i low = _mm256_set1_epi8((char)base), high = _mm256_set1_epi8((char)(base + WINDOW));
    beyond *end = listed_behind(rows, count, inputs);
    for (int row = 0, some; row < count; row += some) {
        some = tile_rows(count - row, INT8_ROWS);
        for (int k = 0; k < inputs; k += 32)
            for (int r = row; r < row + some; r++) {
                __m256i *at = (__m256i *)(rows + (int64_t)r * inputs + k);
                const __m256i x = _mm256_loadu_si256(at);
                const __m256i above = _mm256_subs_epu8(x, high), below = _mm256_subs_epu8(low, x);
                const __m256i inside = _mm256_min_epu8(_mm256_subs_epu8(x, low), _mm256_set1_epi8(WINDOW));
                _mm256_storeu_si256(at, inside);
                const __m256i any = _mm256_or_si256(above, below);
                if (_mm256_testz_si256(any, any)) continue;
                end = listed(end, above, r, k / 4, 0x00010001);
                end = listed(end, below, r, k / 4, -1);
            }
    }
    *end = (beyond){.sums = INT32_MAX};
}

/* Sixteen columns of four inputs each: whether sums of four products, of this step and the next one, may be cut. Inputs
   are not negative, so it is the greatest sum of those above zero, or the least of those below. */
static inline int is_too_large(const weight_t *step)
{
    const __m256i zero = _mm256_setzero_si256(), ones = _mm256_set1_epi8(1),
                  most = _mm256_set1_epi16(INT16_MAX / WINDOW);
    __m256i any = zero;
    for (int n = 0; n < 4 * LANES; n += 32) {
        const __m256i one = _mm256_loadu_si256((const __m256i *)(step + n));
        const __m256i other = _mm256_loadu_si256((const __m256i *)(step + 4 * LANES + n));
        const __m256i above = _mm256_add_epi16(_mm256_maddubs_epi16(ones, _mm256_max_epi8(one, zero)),
                                               _mm256_maddubs_epi16(ones, _mm256_max_epi8(other, zero)));
        const __m256i below = _mm256_add_epi16(_mm256_maddubs_epi16(ones, _mm256_min_epi8(one, zero)),
                                               _mm256_maddubs_epi16(ones, _mm256_min_epi8(other, zero)));
        any = _mm256_or_si256(any, _mm256_cmpgt_epi16(above, most));
        any = _mm256_or_si256(any, _mm256_cmpgt_epi16(_mm256_sub_epi16(zero, below), most));
    }
    return !_mm256_testz_si256(any, any);
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

/* To sums of the rows `first` up to `end`, what is beyond the window in them; returns what is listed of later rows. */
INLINE const void *add_beyond(const void *list, int first, int end, const weight_t *panel, int32_t *sums)
{
    const beyond *at = list;
    for (; at->sums < end * LANES; at++) {
        const ints16 weights = load_weights(panel + at->weights);
        const __m256i four = _mm256_set1_epi32((int)at->four), sign = _mm256_set1_epi32(at->sign);
        int32_t *const row = sums + (at->sums - first * LANES);
        ints16 sum = load_ints(row);
        sum.low = _mm256_add_epi32(sum.low, _mm256_madd_epi16(_mm256_maddubs_epi16(four, weights.low), sign));
        sum.high = _mm256_add_epi32(sum.high, _mm256_madd_epi16(_mm256_maddubs_epi16(four, weights.high), sign));
        store_ints(row, sum);
    }
    return at;
}

#endif
