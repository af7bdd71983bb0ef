/* Tiles of Arm's processors: 24 of the 32 registers are sums.

   The loops are in assembler, since a load of four registers wants neighbours, and so full a file of them no compiler
   divides so: Zig's clang keeps a third of the sums in memory, and GCC loads one register at a time or moves pointers
   by instructions of their own. */
#ifndef LOCALRANK_LANES_H
#define LOCALRANK_LANES_H

#include "products.h"

#define REGISTERS                                                                                                      \
    "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10", "v11", "v12", "v13", "v14", "v15", "v16",       \
        "v17", "v18", "v19", "v20", "v21", "v22", "v23", "v24", "v25", "v26", "v27", "v28", "v29", "v30", "v31", "cc", \
        "memory"

/* Two lines each time, which are all lines where four tiles or more share them. With fewer, which are soon through with
   all weights, the processor sees by itself where it leads. */
#define FETCH                               \
    "prfm pldl2keep, [%[next]]\n"           \
    "prfm pldl2keep, [%[next], %[apart]]\n" \
    "add %[next], %[next], %[apart], lsl #1\n"

#define REPEAT(body) "1:\n" body "subs %w[times], %w[times], #1\nb.ne 1b\n"

/* Of each row the registers of its sums. */
#define ROWS_1(DO) DO(8, 9, 10, 11)
#define ROWS_2(DO) ROWS_1(DO) DO(12, 13, 14, 15)
#define ROWS_3(DO) ROWS_2(DO) DO(16, 17, 18, 19)
#define ROWS_4(DO) ROWS_3(DO) DO(20, 21, 22, 23)
#define ROWS_5(DO) ROWS_4(DO) DO(24, 25, 26, 27)
#define ROWS_6(DO) ROWS_5(DO) DO(28, 29, 30, 31)
#define FOUR(a, b, c, d) "{v" #a ".4s, v" #b ".4s, v" #c ".4s, v" #d ".4s}"
#define BEGIN_ROW(a, b, c, d) "ld1 " FOUR(a, b, c, d) ", [%[start]]\n"
#define END_ROW(a, b, c, d) "st1 " FOUR(a, b, c, d) ", [%[out]], %[row]\n"

#if defined __ARM_FEATURE_DOTPROD

/* Eight inputs of each row of the tile, two rows a register, and four registers of weights. */
#define INPUTS_1 "ldr d4, [%[a]], #8\n"
#define INPUTS_2 "ldr q4, [%[a]], #16\n"
#define INPUTS_3 INPUTS_2 "ldr d5, [%[a]], #8\n"
#define INPUTS_4 "ld1 {v4.16b, v5.16b}, [%[a]], #32\n"
#define INPUTS_5 INPUTS_4 "ldr d6, [%[a]], #8\n"
#define INPUTS_6 "ld1 {v4.16b, v5.16b, v6.16b}, [%[a]], #48\n"
#define WEIGHTS "ld1 {v0.16b, v1.16b, v2.16b, v3.16b}, [%[b]], #64\n"

#endif

#if defined __ARM_FEATURE_MATMUL_INT8

/* Two rows times two columns at a time: a register holds sums of two columns in two rows. */
#define MULTIPLY(sum, rows, columns) "usmmla v" #sum ".4s, v" #rows ".16b, v" #columns ".16b\n"
#define EIGHT(a, b, c, d, rows) MULTIPLY(a, rows, 0) MULTIPLY(b, rows, 1) MULTIPLY(c, rows, 2) MULTIPLY(d, rows, 3)
#define LEFT_1 EIGHT(8, 9, 10, 11, 4)
#define LEFT_2 LEFT_1 EIGHT(16, 17, 18, 19, 5)
#define LEFT_3 LEFT_2 EIGHT(24, 25, 26, 27, 6)
#define RIGHT_1 EIGHT(12, 13, 14, 15, 4)
#define RIGHT_2 RIGHT_1 EIGHT(20, 21, 22, 23, 5)
#define RIGHT_3 RIGHT_2 EIGHT(28, 29, 30, 31, 6)
#define STEP(rows, pairs) INPUTS_##rows WEIGHTS LEFT_##pairs WEIGHTS RIGHT_##pairs

/* One row of two, from the halves of eight registers. */
#define HALF(zip, a, b, c, d, e, f, g, h)                     \
    zip " v0.2d, v" #a ".2d, v" #b ".2d\n" zip " v1.2d, v" #c ".2d, v" #d ".2d\n" \
    zip " v2.2d, v" #e ".2d, v" #f ".2d\n" zip " v3.2d, v" #g ".2d, v" #h ".2d\n" END_ROW(0, 1, 2, 3)
#define BEGIN_PAIR(a, b, c, d, e, f, g, h) \
    BEGIN_ROW(a, b, c, d) "ld1 " FOUR(e, f, g, h) ", [%[more]]\n"
#define END_PAIR(...) HALF("zip1", __VA_ARGS__) HALF("zip2", __VA_ARGS__)
#define END_ONE(...) HALF("zip1", __VA_ARGS__)
#define FIRST(DO) DO(8, 9, 10, 11, 12, 13, 14, 15)
#define SECOND(DO) DO(16, 17, 18, 19, 20, 21, 22, 23)
#define THIRD(DO) DO(24, 25, 26, 27, 28, 29, 30, 31)
#define BEGIN_1 FIRST(BEGIN_PAIR)
#define BEGIN_2 BEGIN_1 SECOND(BEGIN_PAIR)
#define BEGIN_3 BEGIN_2 THIRD(BEGIN_PAIR)
#define END_1 FIRST(END_ONE)
#define END_2 FIRST(END_PAIR)
#define END_3 END_2 SECOND(END_ONE)
#define END_4 END_2 SECOND(END_PAIR)
#define END_5 END_4 THIRD(END_ONE)
#define END_6 END_4 THIRD(END_PAIR)

#define TILE(rows, pairs) \
    BEGIN_##pairs REPEAT(FETCH STEP(rows, pairs) STEP(rows, pairs) STEP(rows, pairs) STEP(rows, pairs)) END_##rows

INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    (void)a_stride;
    const weight_t *b = w->panels + (int64_t)panel * w->inputs * PANEL;
    const int32_t *start = w->start + panel * PANEL * STARTS;
    int times = w->inputs / 32;
#define RUN(rows, pairs)                                                                                          \
    __asm__ volatile(TILE(rows, pairs)                                                                            \
                     : [a] "+r"(a), [b] "+r"(b), [times] "+r"(times), [next] "+r"(next.from), [out] "+r"(sums)    \
                     : [start] "r"(start), [more] "r"(start + PANEL), [apart] "r"(2 * next.step),                   \
                       [row] "r"((int64_t)PANEL * 4)                                                              \
                     : REGISTERS)
    switch (rows) {
    case 1: RUN(1, 1); break;
    case 2: RUN(2, 1); break;
    case 3: RUN(3, 2); break;
    case 4: RUN(4, 2); break;
    case 5: RUN(5, 3); break;
    default: RUN(6, 3); break;
    }
#undef RUN
}

#elif defined __ARM_FEATURE_DOTPROD

/* Four inputs of a row, which are one lane, times sixteen columns. */
#define MULTIPLY(sum, columns, row, lane) "sdot v" #sum ".4s, v" #columns ".16b, v" #row ".4b[" #lane "]\n"
#define SIXTEEN(a, b, c, d, row, lane) \
    MULTIPLY(a, 0, row, lane) MULTIPLY(b, 1, row, lane) MULTIPLY(c, 2, row, lane) MULTIPLY(d, 3, row, lane)
#define ALL_1(even, odd) SIXTEEN(8, 9, 10, 11, 4, even)
#define ALL_2(even, odd) ALL_1(even, odd) SIXTEEN(12, 13, 14, 15, 4, odd)
#define ALL_3(even, odd) ALL_2(even, odd) SIXTEEN(16, 17, 18, 19, 5, even)
#define ALL_4(even, odd) ALL_3(even, odd) SIXTEEN(20, 21, 22, 23, 5, odd)
#define ALL_5(even, odd) ALL_4(even, odd) SIXTEEN(24, 25, 26, 27, 6, even)
#define ALL_6(even, odd) ALL_5(even, odd) SIXTEEN(28, 29, 30, 31, 6, odd)
#define STEPS(rows) INPUTS_##rows WEIGHTS ALL_##rows(0, 2) WEIGHTS ALL_##rows(1, 3)

#define TILE(rows) \
    ROWS_##rows(BEGIN_ROW) REPEAT(FETCH STEPS(rows) STEPS(rows) STEPS(rows) STEPS(rows)) ROWS_##rows(END_ROW)

INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    (void)a_stride;
    const weight_t *b = w->panels + (int64_t)panel * w->inputs * PANEL;
    int times = w->inputs / 32;
#define RUN(rows)                                                                                                 \
    __asm__ volatile(TILE(rows)                                                                                   \
                     : [a] "+r"(a), [b] "+r"(b), [times] "+r"(times), [next] "+r"(next.from), [out] "+r"(sums)    \
                     : [start] "r"(w->start + panel * PANEL), [apart] "r"(4 * next.step),                         \
                       [row] "r"((int64_t)PANEL * 4)                                                              \
                     : REGISTERS)
    switch (rows) {
    case 1: RUN(1); break;
    case 2: RUN(2); break;
    case 3: RUN(3); break;
    case 4: RUN(4); break;
    case 5: RUN(5); break;
    default: RUN(6); break;
    }
#undef RUN
}

#else

/* Products of int8 are int16, and are added in pairs to int32, since twice the lowest number's square is beyond int16.
   Sixteen inputs of a column are one register, and its sum is four until the end: a tile is two rows and eight columns,
   twice. */
#define WEIGHTS(after) "ld1 {v0.16b, v1.16b, v2.16b, v3.16b}, [%[b]], " after "\n"
#define INPUTS_1 "ldr q4, [%[a]], #16\n"
#define INPUTS_2 "ld1 {v4.16b, v5.16b}, [%[a]], #32\n"
#define PRODUCTS_OF(to, more, column, row)                              \
    "smull v" #to ".8h, v" #column ".8b, v" #row ".8b\n"                \
    "smull2 v" #more ".8h, v" #column ".16b, v" #row ".16b\n"
#define ADD(sum, products) "sadalp v" #sum ".4s, v" #products ".8h\n"
#define COLUMNS_OF(a, b, c, d, row)                                                     \
    PRODUCTS_OF(24, 25, 0, row) PRODUCTS_OF(26, 27, 1, row) PRODUCTS_OF(28, 29, 2, row) \
    ADD(a, 24) ADD(b, 26) PRODUCTS_OF(30, 31, 3, row) ADD(c, 28) ADD(d, 30)             \
    ADD(a, 25) ADD(b, 27) ADD(c, 29) ADD(d, 31)
#define LEFT_1 COLUMNS_OF(8, 9, 10, 11, 4)
#define LEFT_2 LEFT_1 COLUMNS_OF(16, 17, 18, 19, 5)
#define RIGHT_1 COLUMNS_OF(12, 13, 14, 15, 4)
#define RIGHT_2 RIGHT_1 COLUMNS_OF(20, 21, 22, 23, 5)
#define STEP(rows) INPUTS_##rows WEIGHTS("#64") LEFT_##rows WEIGHTS("%[other]") RIGHT_##rows

#define BEGIN(sum) "movi v" #sum ".4s, #0\n"
#define BEGIN_1 BEGIN(8) BEGIN(9) BEGIN(10) BEGIN(11) BEGIN(12) BEGIN(13) BEGIN(14) BEGIN(15)
#define BEGIN_2 BEGIN_1 BEGIN(16) BEGIN(17) BEGIN(18) BEGIN(19) BEGIN(20) BEGIN(21) BEGIN(22) BEGIN(23)
#define PAIR(to, a, b) "addp v" #to ".4s, v" #a ".4s, v" #b ".4s\n"
#define END_ONE(a, b, c, d, e, f, g, h)                                                   \
    PAIR(a, a, b) PAIR(c, c, d) PAIR(e, e, f) PAIR(g, g, h) PAIR(a, a, c) PAIR(b, e, g)   \
    "add v" #a ".4s, v" #a ".4s, v0.4s\nadd v" #b ".4s, v" #b ".4s, v1.4s\n"              \
    "st1 {v" #a ".4s, v" #b ".4s}, [%[out]], %[row]\n"
#define END_1 "ld1 {v0.4s, v1.4s}, [%[start]]\n" END_ONE(8, 9, 10, 11, 12, 13, 14, 15)
#define END_2 END_1 END_ONE(16, 17, 18, 19, 20, 21, 22, 23)

#define FETCH_ONE "prfm pldl2keep, [%[next]]\nadd %[next], %[next], %[step]\n"
#define TILE(rows) BEGIN_##rows REPEAT(FETCH_ONE STEP(rows) STEP(rows)) END_##rows

INLINE void int8_rows(const int rows, const rounded_t *a, int64_t a_stride, const int8_weights *w, int panel,
                      int32_t *sums, fetched next)
{
    (void)a_stride;
    for (int half = 0; half < PANEL; half += PANEL / 2) {
        const weight_t *b = w->panels + (int64_t)panel * w->inputs * PANEL + half * A_STEP;
        const rounded_t *at = a;
        int32_t *out = sums + half;
        int times = w->inputs / 32;
#define RUN(rows)                                                                                                 \
    __asm__ volatile(TILE(rows)                                                                                   \
                     : [a] "+r"(at), [b] "+r"(b), [times] "+r"(times), [next] "+r"(next.from), [out] "+r"(out)    \
                     : [start] "r"(w->start + panel * PANEL + half), [step] "r"(next.step),                       \
                       [other] "r"((int64_t)PANEL * A_STEP - 64), [row] "r"((int64_t)PANEL * 4)                   \
                     : REGISTERS)
        if (rows == 1)
            RUN(1);
        else
            RUN(2);
#undef RUN
    }
}

#endif

#undef MULTIPLY

/* float32: four inputs of each row, and of four steps two registers of weights at a time. */
#define MULTIPLY(sum, columns, row, lane) "fmla v" #sum ".4s, v" #columns ".4s, v" #row ".s[" #lane "]\n"
#define EIGHT_OF(a, b, row, lane) MULTIPLY(a, 0, row, lane) MULTIPLY(b, 1, row, lane)
#define LOW_1(lane) EIGHT_OF(8, 9, 2, lane)
#define LOW_2(lane) LOW_1(lane) EIGHT_OF(12, 13, 3, lane)
#define LOW_3(lane) LOW_2(lane) EIGHT_OF(16, 17, 4, lane)
#define LOW_4(lane) LOW_3(lane) EIGHT_OF(20, 21, 5, lane)
#define LOW_5(lane) LOW_4(lane) EIGHT_OF(24, 25, 6, lane)
#define LOW_6(lane) LOW_5(lane) EIGHT_OF(28, 29, 7, lane)
#define HIGH_1(lane) EIGHT_OF(10, 11, 2, lane)
#define HIGH_2(lane) HIGH_1(lane) EIGHT_OF(14, 15, 3, lane)
#define HIGH_3(lane) HIGH_2(lane) EIGHT_OF(18, 19, 4, lane)
#define HIGH_4(lane) HIGH_3(lane) EIGHT_OF(22, 23, 5, lane)
#define HIGH_5(lane) HIGH_4(lane) EIGHT_OF(26, 27, 6, lane)
#define HIGH_6(lane) HIGH_5(lane) EIGHT_OF(30, 31, 7, lane)
#define TWO_OF(after) "ld1 {v0.4s, v1.4s}, [%[b]], " after "\n"
#define LINE_OF(rows, lane) TWO_OF("#32") LOW_##rows(lane) TWO_OF("%[line]") HIGH_##rows(lane)

#define READ_1(kind, bytes) "ldr " kind "2, [%[a0]], " bytes "\n"
#define READ_2(kind, bytes) READ_1(kind, bytes) "ldr " kind "3, [%[a1]], " bytes "\n"
#define READ_3(kind, bytes) READ_2(kind, bytes) "ldr " kind "4, [%[a2]], " bytes "\n"
#define READ_4(kind, bytes) READ_3(kind, bytes) "ldr " kind "5, [%[a3]], " bytes "\n"
#define READ_5(kind, bytes) READ_4(kind, bytes) "ldr " kind "6, [%[a4]], " bytes "\n"
#define READ_6(kind, bytes) READ_5(kind, bytes) "ldr " kind "7, [%[a5]], " bytes "\n"

#define FLOAT_TILE(rows, FETCHES)                                                                                 \
    ROWS_##rows(BEGIN_ROW) "cbz %w[times], 2f\n"                                                                  \
    REPEAT(FETCHES READ_##rows("q", "#16") LINE_OF(rows, 0) LINE_OF(rows, 1) LINE_OF(rows, 2) LINE_OF(rows, 3))   \
    "2:\ncbz %w[rest], 4f\n3:\n" READ_##rows("s", "#4") LINE_OF(rows, 0)                                          \
    "subs %w[rest], %w[rest], #1\nb.ne 3b\n4:\n" ROWS_##rows(END_ROW)

/* With `next`, also fetches. `lanes` is 1 here. Keys of attention may be any number. */
INLINE void float_rows(const int rows, const int lanes, const float *a, int64_t a_stride, const float *b,
                       int64_t b_stride, int inputs, const float *bias, float *out, int64_t out_stride,
                       const fetched *next)
{
    static const float zeros[PANEL] = {0};
    (void)lanes;
    const float *a0 = a, *a1 = rows > 1 ? a + a_stride : a, *a2 = rows > 2 ? a1 + a_stride : a,
                *a3 = rows > 3 ? a2 + a_stride : a, *a4 = rows > 4 ? a3 + a_stride : a,
                *a5 = rows > 5 ? a4 + a_stride : a;
    int times = inputs / 4, rest = inputs % 4;
    fetched ahead = next ? *next : (fetched){0, 0};
#define RUN(rows, FETCHES)                                                                                        \
    __asm__ volatile(FLOAT_TILE(rows, FETCHES)                                                                    \
                     : [a0] "+r"(a0), [a1] "+r"(a1), [a2] "+r"(a2), [a3] "+r"(a3), [a4] "+r"(a4), [a5] "+r"(a5),  \
                       [b] "+r"(b), [times] "+r"(times), [rest] "+r"(rest), [next] "+r"(ahead.from),              \
                       [out] "+r"(out)                                                                            \
                     : [start] "r"(bias ? bias : zeros), [apart] "r"(2 * ahead.step),                               \
                       [line] "r"(b_stride * 4 - 32), [row] "r"(out_stride * 4)                                   \
                     : REGISTERS)
#define RUN_EITHER(rows)   \
    if (next)              \
        RUN(rows, FETCH);  \
    else                   \
        RUN(rows, "")
    switch (rows) {
    case 1: RUN_EITHER(1); break;
    case 2: RUN_EITHER(2); break;
    case 3: RUN_EITHER(3); break;
    case 4: RUN_EITHER(4); break;
    case 5: RUN_EITHER(5); break;
    default: RUN_EITHER(6); break;
    }
#undef RUN_EITHER
#undef RUN
}

#endif
