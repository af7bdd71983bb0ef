/* See maxsim.h. A tile is some of the query's tokens times sixteen of the document's, whose numbers go through the
   registers once for all of them. */
#include "maxsim.h"

#include <stddef.h>

#include "variant.h"
#include "vectors.h"
#ifdef WITHOUT_VNNI
#include "window.h"
#endif

#define GROUP 16
#define AHEAD 8    /* numbers of each token that a tile takes at once */
#define AT_ONCE 64 /* of a query's tokens between two readings of a document */
#define TILE 4     /* of the query's tokens */
#define LINE 64    /* bytes that are fetched at once */

#if defined __x86_64__ || defined _M_X64

INLINE ints16 load_numbers(const int8_t *from) { return load_ints((const int32_t *)(const void *)from); }

INLINE ints16 four_of(const uint8_t *from)
{
    int32_t some;
    __builtin_memcpy(&some, from, 4);
    return all_ints(some);
}

/* Eight numbers of sixteen tokens times those of one. Without VNNI the products of four are added in int16, which holds
   them: 126 * 63 * 4 is less than 2^15. */
INLINE ints16 add_eight(ints16 sums, const uint8_t *query, ints16 one, ints16 other)
{
#ifdef WITHOUT_VNNI
    return add_two_steps(sums, four_of(query), four_of(query + 4), one, other);
#else
    return add_products(add_products(sums, four_of(query), one), four_of(query + 4), other);
#endif
}

#elif defined __ARM_FEATURE_DOTPROD

typedef struct {
    int8x16_t of[GROUP / 4];
} numbers16;

INLINE numbers16 load_numbers(const int8_t *from)
{
    return (numbers16){{vld1q_s8(from), vld1q_s8(from + 16), vld1q_s8(from + 32), vld1q_s8(from + 48)}};
}

/* A query's numbers are at most 126, which int8 holds as well. */
INLINE ints16 add_eight(ints16 sums, const uint8_t *query, numbers16 one, numbers16 other)
{
    const int8x8_t eight = vreinterpret_s8_u8(vld1_u8(query));
#pragma GCC unroll 4
    for (int t = 0; t < GROUP / 4; t++)
        sums.q[t] = vdotq_lane_s32(vdotq_lane_s32(sums.q[t], one.of[t], eight, 0), other.of[t], eight, 1);
    return sums;
}

#else

typedef struct {
    int8_t of[GROUP * 4];
} numbers16;

INLINE numbers16 load_numbers(const int8_t *from)
{
    numbers16 found;
    __builtin_memcpy(&found, from, sizeof found);
    return found;
}

INLINE ints16 add_eight(ints16 sums, const uint8_t *query, numbers16 one, numbers16 other)
{
    int32_t all[GROUP];
    store_ints(all, sums);
    for (int t = 0; t < GROUP; t++)
        for (int n = 0; n < 4; n++) all[t] += query[n] * one.of[4 * t + n] + query[4 + n] * other.of[4 * t + n];
    return load_ints(all);
}

#endif

/* Sixteen tokens of a document. */
typedef struct {
    const int8_t *numbers;
    ints16 starts;
    vec16 scales;
    const char *next; /* what is read after it */
} group;

INLINE void tile(const int rows, const uint8_t *query, int width, const group *of, vec16 *best)
{
    ints16 sums[TILE];
    const int8_t *numbers = of->numbers;
    const char *next = of->next;
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) sums[r] = of->starts;
    for (int k = 0; k < width; k += AHEAD, query += AHEAD, numbers += GROUP * AHEAD, next += GROUP * AHEAD) {
        __builtin_prefetch(next, 0, 2);
        __builtin_prefetch(next + LINE, 0, 2);
        const __typeof__(load_numbers(numbers)) one = load_numbers(numbers), other = load_numbers(numbers + GROUP * 4);
#pragma GCC unroll 4
        for (int r = 0; r < rows; r++) sums[r] = add_eight(sums[r], query + (int64_t)r * width, one, other);
    }
#pragma GCC unroll 4
    for (int r = 0; r < rows; r++) best[r] = max16(best[r], mul16(to_float(sums[r]), of->scales));
}

static void compare_group(const uint8_t *query, int rows, int width, const group *of, vec16 *best)
{
    const int64_t some = (int64_t)TILE * width;
    for (; rows >= TILE; rows -= TILE, query += some, best += TILE) tile(TILE, query, width, of, best);
    switch (rows) {
    case 1: tile(1, query, width, of, best); break;
    case 2: tile(2, query, width, of, best); break;
    case 3: tile(3, query, width, of, best); break;
    default: break;
    }
}

/* A document as it lies. */
typedef struct {
    const int8_t *numbers;
    const char *scales, *starts, *next;
    int tokens, width;
} document;

static document opened(const void *from, int tokens, int width, const void *next)
{
    const char *scales = (const char *)from + (int64_t)tokens * width;
    return (document){from, scales, scales + (int64_t)tokens * 4, next, tokens, width};
}

/* The last tokens, fewer than sixteen, as a whole group in `room`: its last one stands in each place that is left,
   since nothing behind a document may be read. */
static void fill_up(const document *d, int first, int8_t *room, int32_t *starts, float *scales)
{
    const int count = d->tokens - first;
    const int8_t *from = d->numbers + (int64_t)first * d->width;
    for (int k = 0; k < d->width; k += 4, from += 4 * count, room += 4 * GROUP) {
        __builtin_memcpy(room, from, (size_t)count * 4);
        for (int t = count; t < GROUP; t++) __builtin_memcpy(room + 4 * t, from + 4 * (count - 1), 4);
    }
    __builtin_memcpy(starts, d->starts + first * 4, (size_t)count * 4);
    __builtin_memcpy(scales, d->scales + first * 4, (size_t)count * 4);
    for (int t = count; t < GROUP; t++) starts[t] = starts[count - 1], scales[t] = scales[count - 1];
}

/* The best product of each of `rows` tokens of the query, in one of sixteen lanes. */
static void compare_rows(const uint8_t *query, int rows, const document *d, vec16 *best)
{
    int8_t room[GROUP * MOST_WIDTH];
    int32_t starts[GROUP];
    float scales[GROUP];
    for (int r = 0; r < rows; r++) best[r] = all16(-3.4e38f);
    for (int first = 0; first < d->tokens; first += GROUP) {
        const int8_t *numbers = d->numbers + (int64_t)first * d->width;
        if (d->tokens - first < GROUP) {
            fill_up(d, first, room, starts, scales);
            numbers = room;
        } else {
            __builtin_memcpy(starts, d->starts + first * 4, sizeof starts);
            __builtin_memcpy(scales, d->scales + first * 4, sizeof scales);
        }
        const int is_last = d->tokens - first <= GROUP;
        const char *next = is_last ? d->next : (const char *)(numbers + (int64_t)GROUP * d->width);
        const group of = {numbers, load_ints(starts), load16(scales), next};
        compare_group(query, rows, d->width, &of, best);
    }
}

static double compare_one(const token_vectors *query, const document *d)
{
    double sum = 0;
    for (int first = 0; first < query->tokens; first += AT_ONCE) {
        vec16 best[AT_ONCE];
        const int rows = query->tokens - first < AT_ONCE ? query->tokens - first : AT_ONCE;
        compare_rows(query->vectors + (int64_t)first * query->width, rows, d, best);
        for (int r = 0; r < rows; r++) sum += query->weights[first + r] * (double)greatest16(best[r]);
    }
    return sum;
}

static void compare_all(const token_vectors *query, const void *const *documents, const int32_t *tokens, int32_t count,
                        double *out)
{
    for (int n = 0; n < count; n++) {
        const document one = opened(documents[n], tokens[n], query->width, documents[n + 1 < count ? n + 1 : n]);
        out[n] = compare_one(query, &one);
    }
}

/* Of one token: whole numbers to `row`, with zeros up to `filled`. Plain C, every operation rounded by itself, so that
   numpy gives the same bits. */
static float round_token(const float *vector, int width, int filled, int8_t *row, int32_t *sum)
{
    float greatest[LANES] = {0}, all = 0;
    int k = 0;
    for (; k + LANES <= width; k += LANES)
        for (int n = 0; n < LANES; n++) {
            const float size = __builtin_fabsf(vector[k + n]);
            greatest[n] = size > greatest[n] ? size : greatest[n];
        }
    for (; k < width; k++) all = __builtin_fabsf(vector[k]) > all ? __builtin_fabsf(vector[k]) : all;
    for (int n = 0; n < LANES; n++) all = greatest[n] > all ? greatest[n] : all;
    const float factor = all > SHORTEST ? (float)LARGEST / all : 0;
    int32_t squares = 0, total = 0;
    for (k = 0; k < width; k++) row[k] = (int8_t)(int32_t)__builtin_rintf(vector[k] * factor);
    for (k = width; k < filled; k++) row[k] = 0;
    for (k = 0; k < filled; k++) {
        squares += row[k] * row[k];
        total += row[k];
    }
    *sum = total;
    return squares > 0 ? 1.0f / __builtin_sqrtf((float)squares) : 0;
}

static int32_t is_finite(const float *vectors, int64_t count)
{
    int32_t wrong = 0;
    for (int64_t n = 0; n < count; n++) wrong |= !(__builtin_fabsf(vectors[n]) <= 3.402823466e38f);
    return !wrong;
}

static int32_t pack_all(const float *vectors, const int64_t *counted, int32_t tokens, int32_t width, int32_t kept,
                        void *out)
{
    int8_t row[MOST_WIDTH];
    const int filled = (width + AHEAD - 1) / AHEAD * AHEAD;
    int8_t *numbers = out;
    char *scales = (char *)out + (int64_t)kept * filled, *starts = scales + (int64_t)kept * 4;
    for (int t = 0, place = 0; t < tokens; t++, vectors += width) {
        if (counted && !counted[t]) continue;
        if (!is_finite(vectors, width)) return 0;
        int32_t sum;
        const float scale = round_token(vectors, width, filled, row, &sum);
        const int32_t start = -LARGEST * sum;
        const int first = place / GROUP * GROUP, size = kept - first < GROUP ? kept - first : GROUP;
        int8_t *to = numbers + (int64_t)first * filled + 4 * (place - first);
        for (int k = 0; k < filled; k += 4, to += 4 * size) __builtin_memcpy(to, row + k, 4);
        __builtin_memcpy(scales + 4 * (int64_t)place, &scale, 4);
        __builtin_memcpy(starts + 4 * (int64_t)place, &start, 4);
        place++;
    }
    return 1;
}

static int32_t pack_query_all(const float *vectors, int32_t tokens, int32_t width, uint8_t *numbers, float *scales)
{
    int8_t row[MOST_WIDTH];
    const int filled = (width + AHEAD - 1) / AHEAD * AHEAD;
    for (int t = 0; t < tokens; t++, vectors += width, numbers += filled) {
        if (!is_finite(vectors, width)) return 0;
        int32_t sum;
        scales[t] = round_token(vectors, width, filled, row, &sum);
        for (int k = 0; k < filled; k++) numbers[k] = (uint8_t)(row[k] + LARGEST);
    }
    return 1;
}

const late_interaction NAMED(late) = {compare_all, pack_all, pack_query_all};
