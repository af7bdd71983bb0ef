/* Products of matrices, a tile of up to TILE_ROWS rows and PANEL columns in registers at a time. */
#ifndef LOCALRANK_PRODUCTS_H
#define LOCALRANK_PRODUCTS_H

#include <stdint.h>

#include "tiles.h"
#include "variant.h"
#include "vectors.h"

#ifndef STARTS
#define STARTS 1 /* How often a column's start stands side by side. */
#endif

#ifdef WITHOUT_VNNI
#include "window.h"
#else
INLINE int base_of(int offset) { return (void)offset, STORED_LESS; }
INLINE int64_t rounded_room(int inputs) { return inputs; }
INLINE const void *listed_behind(const rounded_t *rows, int count, int inputs)
{
    return (void)rows, (void)count, (void)inputs, (const void *)0;
}
INLINE void settle(rounded_t *rows, int count, int inputs, int offset)
{
    (void)rows, (void)count, (void)inputs, (void)offset;
}
INLINE const void *add_beyond(const void *list, int first, int end, const weight_t *panel, int32_t *sums)
{
    return (void)first, (void)end, (void)panel, (void)sums, list;
}
#endif

/* Weights of int8 for rows of uint8, or of float32 for rows of float32, in panels of PANEL outputs. */
typedef struct {
    int inputs;             /* a multiple of A_STEP */
    const weight_t *panels; /* [panel][inputs / A_STEP][PANEL][A_STEP] */
    const int32_t *start;   /* STARTS an output: minus the inputs' offset times the sum of the column */
    const float *scale;     /* one an output: of the inputs times of the column */
    const float *bias;
#ifdef WITHOUT_VNNI
    const uint16_t *large; /* of each panel the pairs of steps that are too large for two, and behind them inputs / 8 */
#endif
} int8_weights;

typedef struct {
    int inputs;
    const float *panels; /* [panel][inputs][PANEL] */
    const float *bias;
} float_weights;

/* What a tile fetches into the core's second cache while it computes: `step` bytes at each of its steps, of which a
   product of int8 has one for A_STEP inputs and one of float32 one for each. */
typedef struct {
    const char *from;
    int64_t step;
} fetched;

/* sums[r][c] = start[c] + Σ a[r][k] w[k][c] for the columns of one panel and a tile of at most INT8_ROWS rows. Strides
   are in numbers; `sums` has rows of PANEL and begins at a multiple of 64 bytes. */
void int8_sums(int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel, int32_t *sums,
               fetched next);

/* Sixteen sums, from `column` on, as what they stand for. */
static inline vec16 scaled(const int32_t *sums, const int8_weights *w, int column)
{
    return fma16(to_float(load_ints(sums)), load16(w->scale + column), load16(w->bias + column));
}

/* sums[r][c] = bias[c] + Σ a[r][k] w[k][c], as above, of at most TILE_ROWS rows. */
void float_sums(int rows, const float *a, int64_t a_stride, const float_weights *w, int panel, float *sums,
                fetched next);

/* out[r][c] = Σ a[r][k] b[k][c], of at most TILE_ROWS rows. Of `b` a panel begins `b_panel` numbers after the one
   before it; `columns` are filled up to whole sixteens. */
void float_product(int rows, const float *a, int64_t a_stride, const float *b, int64_t b_stride, int64_t b_panel,
                   int inputs, int columns, float *out, int64_t out_stride);

/* How many rounded rows the next tile has: where two are multiplied at once, no tile but the last one has an odd
   number. */
static inline int rounded_tile_rows(int rows)
{
    const int some = tile_rows(rows, INT8_ROWS);
#ifdef IN_TURN
    return some < rows ? some + some % 2 : some;
#else
    return some;
#endif
}

/* Rounded rows: one after another, or where there is IN_TURN, side by side those of one tile. */
typedef struct {
    rounded_t *from;
    int rows, inputs;
} rounded_rows;

/* Of `rows` that are left to cut into tiles, and of which `some` are at hand, how many come next. */
INLINE int side_by_side(int rows, int some)
{
#ifdef IN_TURN
    return (void)some, rounded_tile_rows(rows);
#else
    return (void)rows, some;
#endif
}

INLINE void put_rounded(const rounded_rows *to, int row, int column, vec16 x, ints16 offset)
{
#ifdef IN_TURN
    const int64_t apart = (int64_t)to->rows * IN_TURN;
    store_rounded(to->from + column / IN_TURN * apart + row * IN_TURN, apart, x, offset);
#else
    store_rounded(to->from + (int64_t)row * to->inputs + column, x, offset);
#endif
}

/* Put a row-major matrix into panels; of int8, with minus `offset` times the sum of each column in `starts`;
   of float32, times `share`. */
void pack_int8(const int8_t *matrix, int inputs, int outputs, int offset, weight_t *panels, int32_t *starts);
#ifdef WITHOUT_VNNI
void find_large(const weight_t *panels, int inputs, int outputs, uint16_t *large);
#endif
void pack_float(const float *matrix, int inputs, int outputs, float share, float *panels);

#endif
