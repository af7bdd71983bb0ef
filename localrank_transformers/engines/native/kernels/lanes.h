/* Tiles of a processor that multiplies by one lane of a register: a row's inputs are loaded once for several steps. */
#ifndef LOCALRANK_LANES_H
#define LOCALRANK_LANES_H

#include "products.h"

#define COLUMNS (LANES / 4) /* Registers of four columns. */

/* What four steps fetch. With a single tile, which goes through all weights at once, that is every other line; there
   the processor sees by itself where it leads. */
INLINE void fetch_four(fetched *next)
{
    fetch(next->from);
    fetch(next->from + 2 * next->step);
    next->from += 4 * next->step;
}

#if defined __ARM_FEATURE_MATMUL_INT8

/* Two rows of eight inputs times two columns of eight weights at a time. */
INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    const weight_t *weights = w->panels + (int64_t)panel * w->inputs * PANEL;
    const int32_t *start = w->start + panel * PANEL;
    int32x4_t sum[(INT8_ROWS + 1) / 2][PANEL / 2];
#pragma GCC unroll 8
    for (int c = 0; c < PANEL / 2; c++)
#pragma GCC unroll 6
        for (int r = 0; r < rows; r += 2)
            sum[r / 2][c] = vcombine_s32(vld1_s32(start + 2 * c), vld1_s32(start + 2 * c));
    for (int k = 0; k < w->inputs; k += 8, a += 8, next.from += next.step) {
        uint8x16_t inputs[(INT8_ROWS + 1) / 2];
#pragma GCC unroll 6
        for (int r = 0; r < rows; r += 2)
            inputs[r / 2] = vcombine_u8(vld1_u8(a + r * a_stride), vld1_u8(a + (r + 1 < rows ? r + 1 : r) * a_stride));
        fetch(next.from);
#pragma GCC unroll 8
        for (int c = 0; c < PANEL / 2; c++, weights += 16) {
            const int8x16_t two = vld1q_s8(weights);
#pragma GCC unroll 6
            for (int r = 0; r < rows; r += 2) sum[r / 2][c] = vusmmlaq_s32(sum[r / 2][c], inputs[r / 2], two);
        }
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r += 2)
#pragma GCC unroll 4
        for (int c = 0; c < COLUMNS; c++) {
            const int64x2_t left = vreinterpretq_s64_s32(sum[r / 2][2 * c]);
            const int64x2_t right = vreinterpretq_s64_s32(sum[r / 2][2 * c + 1]);
            vst1q_s32(sums + r * PANEL + 4 * c, vreinterpretq_s32_s64(vzip1q_s64(left, right)));
            if (r + 1 < rows) vst1q_s32(sums + (r + 1) * PANEL + 4 * c, vreinterpretq_s32_s64(vzip2q_s64(left, right)));
        }
}

#elif defined __ARM_FEATURE_DOTPROD

/* Inputs of one lane, four of them, in every row. */
#define STEP(lane)                                                           \
    for (int c = 0; c < COLUMNS; c++, weights += 16) {                       \
        const int8x16_t four = vld1q_s8(weights);                            \
        _Pragma("GCC unroll 6") for (int r = 0; r < rows; r++) sum[r].q[c] = \
            vdotq_laneq_s32(sum[r].q[c], four, inputs[r], lane);             \
    }

INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    const weight_t *weights = w->panels + (int64_t)panel * w->inputs * PANEL;
    ints16 sum[INT8_ROWS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) sum[r] = load_ints(w->start + panel * PANEL);
    for (int k = 0; k < w->inputs; k += 16, a += 16) {
        int8x16_t inputs[INT8_ROWS];
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) inputs[r] = vreinterpretq_s8_u8(vld1q_u8(a + r * a_stride));
        fetch_four(&next);
#pragma GCC unroll 4
        STEP(0)
#pragma GCC unroll 4
        STEP(1)
#pragma GCC unroll 4
        STEP(2)
#pragma GCC unroll 4
        STEP(3)
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) store_ints(sums + r * PANEL, sum[r]);
}

#undef STEP

#else

/* Products of int8 are int16, and are added in pairs to int32: a column has two sums until the end. */
INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    const weight_t *weights = w->panels + (int64_t)panel * w->inputs * PANEL;
    int32x4_t sum[INT8_ROWS][PANEL / 2];
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 8
        for (int c = 0; c < PANEL / 2; c++) sum[r][c] = vdupq_n_s32(0);
    for (int k = 0; k < w->inputs; k += A_STEP, a += A_STEP, next.from += next.step) {
        int8x16_t inputs[INT8_ROWS];
#pragma GCC unroll 3
        for (int r = 0; r < rows; r++)
            inputs[r] = vreinterpretq_s8_s32(vld1q_dup_s32((const int32_t *)(a + r * a_stride)));
        fetch(next.from);
#pragma GCC unroll 4
        for (int c = 0; c < COLUMNS; c++, weights += 16) {
            const int8x16_t four = vld1q_s8(weights);
#pragma GCC unroll 3
            for (int r = 0; r < rows; r++) {
                sum[r][2 * c] = vpadalq_s16(sum[r][2 * c], vmull_s8(vget_low_s8(four), vget_low_s8(inputs[r])));
                sum[r][2 * c + 1] = vpadalq_s16(sum[r][2 * c + 1], vmull_high_s8(four, inputs[r]));
            }
        }
    }
    const ints16 start = load_ints(w->start + panel * PANEL);
#pragma GCC unroll 3
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 4
        for (int c = 0; c < COLUMNS; c++)
            vst1q_s32(sums + r * PANEL + 4 * c, vaddq_s32(start.q[c], vpaddq_s32(sum[r][2 * c], sum[r][2 * c + 1])));
}

#endif

/* One step of one lane: sixteen columns, and an input of each row. */
#define STEP(lane)                                                           \
    for (int c = 0; c < COLUMNS; c++) {                                      \
        const float32x4_t four = vld1q_f32(b + 4 * c);                       \
        _Pragma("GCC unroll 6") for (int r = 0; r < rows; r++) sum[r].q[c] = \
            vfmaq_laneq_f32(sum[r].q[c], four, some[r], lane);               \
    }                                                                        \
    b += b_stride;

/* With `next`, also fetches. `lanes` is 1 here. */
INLINE void float_rows(const int rows, const int lanes, const float *a, int64_t a_stride, const float *b,
                       int64_t b_stride, int inputs, const float *bias, float *out, int64_t out_stride,
                       const fetched *next)
{
    (void)lanes;
    fetched ahead = next ? *next : (fetched){0, 0};
    vec16 sum[TILE_ROWS];
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) sum[r] = bias ? load16(bias) : zero16();
    int k = 0;
    for (; k + 4 <= inputs; k += 4, a += 4) {
        float32x4_t some[TILE_ROWS];
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) some[r] = vld1q_f32(a + r * a_stride);
        if (next) fetch_four(&ahead);
#pragma GCC unroll 4
        STEP(0)
#pragma GCC unroll 4
        STEP(1)
#pragma GCC unroll 4
        STEP(2)
#pragma GCC unroll 4
        STEP(3)
    }
    for (; k < inputs; k++, a++) { /* keys of attention may be any number */
        float32x4_t some[TILE_ROWS];
#pragma GCC unroll 6
        for (int r = 0; r < rows; r++) some[r] = vdupq_n_f32(a[r * a_stride]);
#pragma GCC unroll 4
        STEP(0)
    }
#pragma GCC unroll 6
    for (int r = 0; r < rows; r++) store16(out + r * out_stride, sum[r]);
}

#undef STEP

#endif
