/* Products of matrices, a tile of up to ten rows and 32 columns in registers at a time. */
#ifndef LOCALRANK_PRODUCTS_H
#define LOCALRANK_PRODUCTS_H

#include <stdint.h>

#define TILE_ROWS 10 /* Two accumulators a row: more rows leave too few registers for addresses. */
#define PANEL 32

/* Weights of int8 for rows of uint8, or of float32 for rows of float32, in panels of 32 outputs. */
typedef struct {
    int inputs;           /* a multiple of 4 */
    const int8_t *panels; /* [panel][inputs / 4][32][4] */
    const int32_t *start; /* one an output: minus the inputs' offset times the sum of the column */
    const float *scale;   /* one an output: of the inputs times of the column */
    const float *bias;
} int8_weights;

typedef struct {
    int inputs;
    const float *panels; /* [panel][inputs][32] */
    const float *bias;
} float_weights;

/* out[r][c] = (add ? out[r][c] : 0) + bias[c] + Σ a[r][k] w[k][c], times scale[c] in int8, for the columns of one
   panel.

   `rows` is at most TILE_ROWS. Strides are in numbers. */
void int8_tile(int rows, const uint8_t *a, long a_stride, const int8_weights *w, int panel, float *out, long out_stride,
               int add);
void float_weights_tile(int rows, const float *a, long a_stride, const float_weights *w, int panel, float *out,
                        long out_stride);

/* out[r][c] = Σ a[r][k] b[k][c], for `lanes` * 16 columns, 1 or 2. */
void float_tile(int rows, int lanes, const float *a, long a_stride, const float *b, long b_stride, int inputs,
                float *out, long out_stride);

/* The rows of the next tile, so that all are nearly alike. */
static inline int tile_rows(int rows, int done)
{
    const int left = rows - done, tiles = (left + TILE_ROWS - 1) / TILE_ROWS;
    return (left + tiles - 1) / tiles;
}

/* Put a row-major matrix into panels; of int8, with minus `offset` times the sum of each column in `starts`. */
void pack_int8(const int8_t *matrix, int inputs, int outputs, int offset, int8_t *panels, int32_t *starts);
void pack_float(const float *matrix, int inputs, int outputs, float *panels);

#endif
