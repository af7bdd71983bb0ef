/* Products of matrices, a tile of up to TILE_ROWS rows and PANEL columns in registers at a time.

   A row's numbers come from the same operations in the same order whatever rows share its tile: the inner index runs
   upwards, one multiplication and addition after another. */
#include "products.h"

/* Calls KERNEL with a constant number of rows, so that its accumulators are registers. */
#if TILE_ROWS == 10
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
#elif TILE_ROWS == 6
#define FOR_ROWS(rows, KERNEL, ...)                 \
    switch (rows) {                                 \
    case 1: KERNEL(1, __VA_ARGS__); break;          \
    case 2: KERNEL(2, __VA_ARGS__); break;          \
    case 3: KERNEL(3, __VA_ARGS__); break;          \
    case 4: KERNEL(4, __VA_ARGS__); break;          \
    case 5: KERNEL(5, __VA_ARGS__); break;          \
    default: KERNEL(TILE_ROWS, __VA_ARGS__); break; \
    }
#endif

#define FOR_TWO_ROWS(rows, KERNEL, ...)     \
    switch (rows) {                         \
    case 1: KERNEL(1, __VA_ARGS__); break;  \
    default: KERNEL(2, __VA_ARGS__); break; \
    }

#define FOR_FOUR_ROWS(rows, KERNEL, ...)    \
    switch (rows) {                         \
    case 1: KERNEL(1, __VA_ARGS__); break;  \
    case 2: KERNEL(2, __VA_ARGS__); break;  \
    case 3: KERNEL(3, __VA_ARGS__); break;  \
    default: KERNEL(4, __VA_ARGS__); break; \
    }

#ifdef BY_LANE
#include "lanes.h"
#else

/* Where row `r` of a tile is read. Two pointers and multiples of the stride lead to all rows; left to itself, GCC
   makes a pointer of each and has too few registers. */
typedef struct {
    const char *upper, *lower;
    int64_t stride;
} cursor;

INLINE cursor rows_from(const void *a, int64_t stride)
{
    return (cursor){a, (const char *)a + TILE_ROWS / 2 * stride, stride};
}

INLINE const void *row_at(const cursor *at, int r)
{
    return r < TILE_ROWS / 2 ? at->upper + r * at->stride : at->lower + (r - TILE_ROWS / 2) * at->stride;
}

INLINE void advance(cursor *at, const int bytes)
{
    at->upper += bytes;
    at->lower += bytes;
    __asm__("" : "+r"(at->upper), "+r"(at->lower));
}

/* Inputs of one step, four bytes of them, in every lane. */
INLINE ints16 inputs_at(const void *at)
{
    int32_t some;
    __builtin_memcpy(&some, at, 4);
    return all_ints(some);
}

#ifdef WITHOUT_VNNI

/* See window.h. */
INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    const int pairs = w->inputs / 8;
    const weight_t *weights = w->panels + (int64_t)panel * w->inputs * PANEL;
    const uint16_t *large = w->large + (int64_t)panel * (pairs + 1);
    ints16 sum[INT8_ROWS];
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) sum[r] = load_ints(w->start + panel * PANEL);
    cursor at = rows_from(a, a_stride);
    for (int pair = 0;; pair++, large++) {
        for (const int until = *large; pair < until; pair++, weights += 8 * PANEL, advance(&at, 8)) {
            fetch(next.from); /* Two steps are within a line, but with a single tile. */
            next.from += 2 * next.step;
            const ints16 one = load_weights(weights), other = load_weights(weights + 4 * PANEL);
#pragma GCC unroll 10
            for (int r = 0; r < rows; r++) {
                const char *from = row_at(&at, r);
                sum[r] = add_two_steps(sum[r], inputs_at(from), inputs_at(from + 4), one, other);
            }
        }
        if (pair == pairs) break;
        for (int step = 0; step < 2; step++, weights += 4 * PANEL, next.from += next.step, advance(&at, 4)) {
            fetch(next.from);
            const ints16 one = load_weights(weights);
#pragma GCC unroll 10
            for (int r = 0; r < rows; r++) sum[r] = add_products(sum[r], inputs_at(row_at(&at, r)), one);
        }
    }
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) store_ints(sums + r * PANEL, sum[r]);
}

#else

/* Ends with the sums in memory: with more to do behind the loop, GCC moves its registers about inside it. */
INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    const int lanes = PANEL / LANES;
    const weight_t *weights = w->panels + (int64_t)panel * w->inputs * PANEL;
    const int32_t *start = w->start + panel * PANEL;
    ints16 left[TILE_ROWS], right[TILE_ROWS];
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        left[r] = load_ints(start);
        if (lanes > 1) right[r] = load_ints(start + LANES);
    }
    cursor at = rows_from(a, a_stride * (int64_t)sizeof(rounded_t));
    for (int64_t k = 0; k < w->inputs;
         k += A_STEP, weights += A_STEP * PANEL, next.from += next.step, advance(&at, 4)) {
        fetch(next.from);
        const ints16 low = load_weights(weights), high = lanes > 1 ? load_weights(weights + A_STEP * LANES) : low;
#pragma GCC unroll 10
        for (int r = 0; r < rows; r++) {
            const ints16 inputs = inputs_at(row_at(&at, r));
            left[r] = add_products(left[r], inputs, low);
            if (lanes > 1) right[r] = add_products(right[r], inputs, high);
        }
    }
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        store_ints(sums + r * PANEL, left[r]);
        if (lanes > 1) store_ints(sums + r * PANEL + LANES, right[r]);
    }
}

#endif

/* With `next`, also fetches. */
INLINE void float_rows(const int rows, const int lanes, const float *a, int64_t a_stride, const float *b,
                       int64_t b_stride, int inputs, const float *bias, float *out, int64_t out_stride,
                       const fetched *next)
{
    vec16 left[TILE_ROWS], right[TILE_ROWS];
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        left[r] = bias ? load16(bias) : zero16();
        right[r] = bias && lanes > 1 ? load16(bias + LANES) : zero16();
    }
    cursor at = rows_from(a, a_stride * (int64_t)sizeof(float));
    for (int64_t k = 0; k < inputs; k++, b += b_stride, advance(&at, 4)) {
        if (next) fetch(next->from + k * next->step);
        const vec16 low = load16(b), high = lanes > 1 ? load16(b + LANES) : zero16();
#pragma GCC unroll 10
        for (int r = 0; r < rows; r++) {
            const vec16 one = all16(*(const float *)row_at(&at, r));
            left[r] = fma16(one, low, left[r]);
            if (lanes > 1) right[r] = fma16(one, high, right[r]);
        }
    }
#pragma GCC unroll 10
    for (int r = 0; r < rows; r++) {
        store16(out + r * out_stride, left[r]);
        if (lanes > 1) store16(out + r * out_stride + LANES, right[r]);
    }
}

#endif

void int8_sums(int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel, int32_t *sums,
               fetched next)
{
#if INT8_ROWS == 2
    FOR_TWO_ROWS(rows, int8_rows, a, a_stride, w, panel, sums, next)
#elif INT8_ROWS == 4
    FOR_FOUR_ROWS(rows, int8_rows, a, a_stride, w, panel, sums, next)
#else
    FOR_ROWS(rows, int8_rows, a, a_stride, w, panel, sums, next)
#endif
}

void float_sums(int rows, const float *a, int64_t a_stride, const float_weights *w, int panel, float *sums,
                fetched next)
{
    const float *weights = w->panels + (int64_t)panel * w->inputs * PANEL, *bias = w->bias + panel * PANEL;
    FOR_ROWS(rows, float_rows, PANEL / LANES, a, a_stride, weights, PANEL, w->inputs, bias, sums, PANEL, &next)
}

/* Panel after panel of columns; of the last one as many lanes as there are columns. */
INLINE void float_panels(const int rows, const float *a, int64_t a_stride, const float *b, int64_t b_stride,
                         int64_t b_panel, int inputs, int columns, float *out, int64_t out_stride)
{
    for (; columns > 0; columns -= PANEL, b += b_panel, out += PANEL)
        if (PANEL > LANES && columns > LANES)
            float_rows(rows, 2, a, a_stride, b, b_stride, inputs, 0, out, out_stride, 0);
        else
            float_rows(rows, 1, a, a_stride, b, b_stride, inputs, 0, out, out_stride, 0);
}

void float_product(int rows, const float *a, int64_t a_stride, const float *b, int64_t b_stride, int64_t b_panel,
                   int inputs, int columns, float *out, int64_t out_stride)
{
    FOR_ROWS(rows, float_panels, a, a_stride, b, b_stride, b_panel, inputs, columns, out, out_stride)
}

INLINE void store_starts(int32_t *to, ints16 starts)
{
#if STARTS == 2
    for (int n = 0; n < LANES / 4; n++, to += 8) {
        const int64x2_t two = vreinterpretq_s64_s32(starts.q[n]);
        vst1q_s32(to, vreinterpretq_s32_s64(vdupq_laneq_s64(two, 0)));
        vst1q_s32(to + 4, vreinterpretq_s32_s64(vdupq_laneq_s64(two, 1)));
    }
#else
    store_ints(to, starts);
#endif
}

void pack_int8(const int8_t *matrix, int inputs, int outputs, int offset, weight_t *panels, int32_t *starts)
{
    for (int column = 0; column < outputs; column += LANES) {
        weight_t *to = panels + (int64_t)(column / PANEL) * inputs * PANEL + column % PANEL * A_STEP;
        ints16 sum = all_ints(0);
        for (int k = 0; k < inputs; k += A_STEP, to += A_STEP * PANEL) {
            interleave(matrix + (int64_t)k * outputs + column, outputs, to);
            sum = add_weights(sum, to);
        }
        store_starts(starts + column * STARTS, mul_ints(sum, all_ints(base_of(offset) - offset)));
    }
}

#ifdef WITHOUT_VNNI

void find_large(const weight_t *panels, int inputs, int outputs, uint16_t *large)
{
    const int pairs = inputs / 8;
    for (int column = 0; column < outputs; column += PANEL, large += pairs + 1) {
        uint16_t *next = large;
        for (int pair = 0; pair < pairs; pair++, panels += 8 * PANEL)
            if (is_too_large(panels)) *next++ = (uint16_t)pair;
        *next = (uint16_t)pairs;
    }
}

#endif

void pack_float(const float *matrix, int inputs, int outputs, float share, float *panels)
{
    for (int k = 0; k < inputs; k++)
        for (int column = 0; column < outputs; column += LANES)
            store16(panels + (int64_t)(column / PANEL) * inputs * PANEL + (int64_t)k * PANEL + column % PANEL,
                    mul16(load16(matrix + (int64_t)k * outputs + column), all16(share)));
}
