/* Products of matrices, a tile of up to ten rows and 32 columns in registers at a time.

   A row's numbers come from the same operations in the same order whatever rows share its tile: the inner index runs
   upwards, one multiplication and addition after another. */
#include "products.h"

#include "vectors.h"

/* Calls KERNEL with a constant number of rows, so that its accumulators are registers. */
#define FOR_ROWS(rows, KERNEL, ...)                 \
    switch (rows) {                                 \
    case 1: KERNEL(1, __VA_ARGS__); break;          \
    case 2: KERNEL(2, __VA_ARGS__); break;          \
    case 3: KERNEL(3, __VA_ARGS__); break;          \
    case 4: KERNEL(4, __VA_ARGS__); break;          \
    case 5: KERNEL(5, __VA_ARGS__); break;          \
    case 6: KERNEL(6, __VA_ARGS__); break;          \
    case 7: KERNEL(7, __VA_ARGS__); break;          \
    case 8: KERNEL(8, __VA_ARGS__); break;          \
    case 9: KERNEL(9, __VA_ARGS__); break;          \
    default: KERNEL(TILE_ROWS, __VA_ARGS__); break; \
    }

/* Where row `r` of a tile is read. Two pointers and multiples of the stride lead to all ten rows; left to itself, GCC
   makes a pointer of each and has too few registers. */
typedef struct {
    const char *upper, *lower;
    long stride;
} cursor;

INLINE cursor rows_from(const void *a, long stride)
{
    return (cursor){a, (const char *)a + TILE_ROWS / 2 * stride, stride};
}

INLINE const void *row_at(const cursor *at, int r)
{
    return r < TILE_ROWS / 2 ? at->upper + r * at->stride : at->lower + (r - TILE_ROWS / 2) * at->stride;
}

INLINE void advance(cursor *at)
{
    at->upper += 4;
    at->lower += 4;
    __asm__("" : "+r"(at->upper), "+r"(at->lower));
}

INLINE __m512i four_inputs(const void *at)
{
    int32_t four;
    __builtin_memcpy(&four, at, 4);
    return _mm512_set1_epi32(four);
}

/* Ends with the sums in memory: with more to do behind the loop, GCC moves its registers about inside it. */
INLINE void int8_rows(const int rows, const uint8_t *a, long a_stride, const int8_weights *w, int panel, int32_t *sums,
                      fetched next)
{
    const int8_t *four_by_32 = w->panels + (long)panel * w->inputs * PANEL;
    __m512i left[TILE_ROWS], right[TILE_ROWS];
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        left[r] = _mm512_loadu_si512(w->start + panel * PANEL);
        right[r] = _mm512_loadu_si512(w->start + panel * PANEL + LANES);
    }
    cursor at = rows_from(a, a_stride);
    for (long k = 0; k < w->inputs; k += 4, four_by_32 += 4 * PANEL, next.from += next.step, advance(&at)) {
        _mm_prefetch(next.from, _MM_HINT_T1);
        const __m512i low = _mm512_loadu_si512(four_by_32), high = _mm512_loadu_si512(four_by_32 + 64);
#pragma GCC unroll 10
        for (int r = 0; r < rows; r++) {
            const __m512i four = four_inputs(row_at(&at, r));
            left[r] = _mm512_dpbusd_epi32(left[r], four, low);
            right[r] = _mm512_dpbusd_epi32(right[r], four, high);
        }
    }
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        _mm512_store_si512(sums + r * PANEL, left[r]);
        _mm512_store_si512(sums + r * PANEL + LANES, right[r]);
    }
}

/* With `next`, also fetches. */
INLINE void float_rows(const int rows, const int lanes, const float *a, long a_stride, const float *b, long b_stride,
                       int inputs, const float *bias, float *out, long out_stride, const fetched *next)
{
    __m512 left[TILE_ROWS], right[TILE_ROWS];
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        left[r] = bias ? _mm512_loadu_ps(bias) : _mm512_setzero_ps();
        right[r] = bias && lanes > 1 ? _mm512_loadu_ps(bias + LANES) : _mm512_setzero_ps();
    }
    cursor at = rows_from(a, a_stride * (long)sizeof(float));
    for (long k = 0; k < inputs; k++, b += b_stride, advance(&at)) {
        if (next) _mm_prefetch(next->from + k * next->step, _MM_HINT_T1);
        const __m512 low = _mm512_loadu_ps(b), high = lanes > 1 ? _mm512_loadu_ps(b + LANES) : _mm512_setzero_ps();
#pragma GCC unroll 10
        for (int r = 0; r < rows; r++) {
            const __m512 one = _mm512_set1_ps(*(const float *)row_at(&at, r));
            left[r] = _mm512_fmadd_ps(one, low, left[r]);
            if (lanes > 1) right[r] = _mm512_fmadd_ps(one, high, right[r]);
        }
    }
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        _mm512_storeu_ps(out + r * out_stride, left[r]);
        if (lanes > 1) _mm512_storeu_ps(out + r * out_stride + LANES, right[r]);
    }
}

void int8_sums(int rows, const uint8_t *a, long a_stride, const int8_weights *w, int panel, int32_t *sums, fetched next)
{
    FOR_ROWS(rows, int8_rows, a, a_stride, w, panel, sums, next)
}

void float_sums(int rows, const float *a, long a_stride, const float_weights *w, int panel, float *sums, fetched next)
{
    const float *weights = w->panels + (long)panel * w->inputs * PANEL, *bias = w->bias + panel * PANEL;
    FOR_ROWS(rows, float_rows, 2, a, a_stride, weights, PANEL, w->inputs, bias, sums, PANEL, &next)
}

void float_tile(int rows, int lanes, const float *a, long a_stride, const float *b, long b_stride, int inputs,
                float *out, long out_stride)
{
    if (lanes > 1) {
        FOR_ROWS(rows, float_rows, 2, a, a_stride, b, b_stride, inputs, 0, out, out_stride, 0)
    } else {
        FOR_ROWS(rows, float_rows, 1, a, a_stride, b, b_stride, inputs, 0, out, out_stride, 0)
    }
}

/* Four rows of sixteen numbers as sixteen columns of four. */
static void interleave(const int8_t *from, long stride, int8_t *to)
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

void pack_int8(const int8_t *matrix, int inputs, int outputs, int offset, int8_t *panels, int32_t *starts)
{
    const __m512i ones = _mm512_set1_epi8(1);
    for (int column = 0; column < outputs; column += LANES) {
        int8_t *to = panels + (long)(column / PANEL) * inputs * PANEL + column % PANEL * 4;
        __m512i sum = _mm512_setzero_si512();
        for (int k = 0; k < inputs; k += 4, to += 4 * PANEL) {
            interleave(matrix + (long)k * outputs + column, outputs, to);
            sum = _mm512_dpbusd_epi32(sum, ones, _mm512_loadu_si512(to));
        }
        _mm512_storeu_si512(starts + column, _mm512_mullo_epi32(sum, _mm512_set1_epi32(-offset)));
    }
}

void pack_float(const float *matrix, int inputs, int outputs, float share, float *panels)
{
    for (int k = 0; k < inputs; k++)
        for (int column = 0; column < outputs; column += LANES)
            _mm512_storeu_ps(
                panels + (long)(column / PANEL) * inputs * PANEL + (long)k * PANEL + column % PANEL,
                _mm512_mul_ps(_mm512_loadu_ps(matrix + (long)k * outputs + column), _mm512_set1_ps(share)));
}
