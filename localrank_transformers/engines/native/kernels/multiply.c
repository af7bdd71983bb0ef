/* Whole products: each tile's sums become what they stand for while they lie in a core's first cache. */
#include "multiply.h"

#include "rows.h"

/* Of a panel; see `fetched`. */
#define INT8_BYTES (PANEL * A_STEP * (int)sizeof(weight_t))
#define FLOAT_BYTES (PANEL * (int)sizeof(float))

/* A run reads its weights from the cache that the cores share, and would wait for them. So each tile fetches its share
   of the next panel; behind the last one lies the next product. */
INLINE fetched share_of(const void *panels, int64_t steps, int bytes_a_step, int panel, int tile, int tiles)
{
    const int step = (bytes_a_step + tiles - 1) / tiles;
    return (fetched){(const char *)panels + (panel + 1) * steps * bytes_a_step + tile * steps * step, step};
}

INLINE int next_rows(const int is_int8, int rows)
{
    return is_int8 ? rounded_tile_rows(rows) : tile_rows(rows, TILE_ROWS);
}

/* Sums of one panel for the next tile of `rows`; returns how many rows it has. */
INLINE int next_tile(const int is_int8, const product *w, const void *input, int rows, int done, int panel, void *sums)
{
    const int most = is_int8 ? INT8_ROWS : TILE_ROWS, some = next_rows(is_int8, rows - done);
    const int tiles = tiles_of(rows, most), tile = tiles - tiles_of(rows - done, most);
    if (is_int8) {
        const int64_t inputs = w->rounded.inputs;
        const fetched next = share_of(w->rounded.panels, inputs / A_STEP, INT8_BYTES, panel, tile, tiles);
        int8_sums(some, (const rounded_t *)input + done * inputs, inputs, &w->rounded, panel, sums, next);
    } else {
        const int64_t inputs = w->whole.inputs;
        const fetched next = share_of(w->whole.panels, inputs, FLOAT_BYTES, panel, tile, tiles);
        float_sums(some, (const float *)input + done * inputs, inputs, &w->whole, panel, sums, next);
    }
    return some;
}

/* Sums of one panel for as many of the next rows as have room, at most SUMS_ROWS; returns how many. */
INLINE int next_sums(const int is_int8, const product *w, const void *input, int rows, int done, int panel,
                     const void **list, char *sums)
{
    int end = done;
    while (end < rows && end - done + next_rows(is_int8, rows - end) <= SUMS_ROWS)
        end += next_tile(is_int8, w, input, rows, end, panel, sums + (end - done) * PANEL * 4);
    if (is_int8)
        *list = add_beyond(*list, done, end, w->rounded.panels + (int64_t)panel * w->rounded.inputs * PANEL,
                           (int32_t *)(void *)sums);
    return end - done;
}

/* What is listed behind int8 rows. */
INLINE const void *list_of(const int is_int8, const product *w, const void *input, int rows)
{
    return is_int8 ? listed_behind(input, rows, w->rounded.inputs) : 0;
}

/* Sixteen sums of `row` as what they stand for. */
INLINE vec16 value_of(const int is_int8, const product *w, const void *sums, int row, int column, int panel)
{
    if (is_int8) return scaled((const int32_t *)sums + row * PANEL + column, &w->rounded, panel * PANEL + column);
    return load16((const float *)sums + row * PANEL + column);
}

INLINE void multiply_in(const int is_int8, const product *w, const void *input, int rows, int first, int end,
                        float *out, int64_t stride, int add)
{
    _Alignas(64) char sums[SUMS_ROWS * PANEL * 4];
    for (int panel = first; panel < end; panel++, out += PANEL) {
        const void *list = list_of(is_int8, w, input, rows);
        for (int r = 0, some; r < rows; r += some) {
            some = next_sums(is_int8, w, input, rows, r, panel, &list, sums);
            for (int t = 0; t < some; t++)
                for (int c = 0; c < PANEL; c += LANES) {
                    float *place = out + (r + t) * stride + c;
                    const vec16 value = value_of(is_int8, w, sums, t, c, panel);
                    store16(place, add ? add16(value, load16(place)) : value);
                }
        }
    }
}

#if GELUS_AT_ONCE
/* Sums of int8 products, sixteen of each row, become GELU, a part of its chain after the other for several of them: the
   whole chain of one is longer than a processor looks ahead. */
INLINE void gelu_of_sums(const product *w, int32_t *sums, int rows, int column)
{
    float *values = (float *)sums;
    for (int r = 0; r < rows; r += GELUS_AT_ONCE, sums += GELUS_AT_ONCE * LANES, values += GELUS_AT_ONCE * LANES) {
        vec16 x[GELUS_AT_ONCE], part[GELUS_AT_ONCE];
        const int some = rows - r < GELUS_AT_ONCE ? rows - r : GELUS_AT_ONCE;
        for (int n = 0; n < some; n++) {
            x[n] = scaled(sums + n * LANES, &w->rounded, column);
            part[n] = gelu_argument(x[n], COARSE_LIMIT);
        }
        for (int n = 0; n < some; n++) part[n] = polynomial(part[n], COARSE, 10);
        for (int n = 0; n < some; n++) store16(values + n * LANES, gelu_of_parts(x[n], part[n], COARSE_LIMIT));
    }
}

#else
INLINE void gelu_of_sums(const product *w, int32_t *sums, int rows, int column)
{
    (void)w, (void)sums, (void)rows, (void)column;
}
#endif

INLINE void widen_in(const int is_int8, const product *w, const void *input, int rows, int outputs,
                     const float *factors, int offset, void *inner)
{
    _Alignas(64) char sums[SUMS_ROWS * PANEL * 4];
    for (int first = 0; first < outputs; first += PANEL) {
        const void *list = list_of(is_int8, w, input, rows);
        for (int r = 0, some; r < rows; r += some) {
            some = next_sums(is_int8, w, input, rows, r, first / PANEL, &list, sums);
            if (GELUS_AT_ONCE && is_int8) gelu_of_sums(w, (int32_t *)(void *)sums, some, first);
            for (int t = 0; !is_int8 && t < some; t++)
                for (int c = 0; c < PANEL; c += LANES)
                    store16((float *)inner + (int64_t)(r + t) * outputs + first + c,
                            gelu_of(value_of(is_int8, w, sums, t, c, first / PANEL)));
            for (int t = 0, few; is_int8 && t < some; t += few) {
                few = side_by_side(rows - r - t, some - t);
                const rounded_rows to = {(rounded_t *)inner + (int64_t)(r + t) * outputs, few, outputs};
                for (int n = 0; n < few; n++)
                    for (int c = 0; c < PANEL; c += LANES) {
                        const vec16 value = value_of(is_int8 && !GELUS_AT_ONCE, w, sums, t + n, c, first / PANEL);
                        put_rounded(&to, n, first + c,
                                    mul16(GELUS_AT_ONCE ? value : coarse_gelu_of(value), load16(factors + first + c)),
                                    all_ints(offset));
                    }
            }
        }
    }
    if (is_int8) settle(inner, rows, outputs, offset);
}

void multiply(const product *w, const void *input, int rows, int first, int end, float *out, int64_t stride, int add)
{
    if (w->rounded.panels)
        multiply_in(1, w, input, rows, first, end, out, stride, add);
    else
        multiply_in(0, w, input, rows, first, end, out, stride, add);
}

void widen(const product *w, const void *input, int rows, int outputs, const float *factors, int offset, void *inner)
{
    if (w->rounded.panels)
        widen_in(1, w, input, rows, outputs, factors, offset, inner);
    else
        widen_in(0, w, input, rows, outputs, factors, offset, inner);
}
