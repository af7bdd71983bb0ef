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
    int tokens, width, bits;
} document;

/* Bytes of a token's numbers. */
INLINE int64_t bytes_of(int width, int bits) { return bits == 1 ? width / 8 : width; }

static document opened(const void *from, int tokens, const token_vectors *query, const void *next)
{
    const char *scales = (const char *)from + tokens * bytes_of(query->width, query->bits);
    return (document){from, scales, scales + (int64_t)tokens * 4, next, tokens, query->width, query->bits};
}

/* A group of fewer tokens as a whole one: its last one stands in each place that is left, since nothing behind a
   document may be read. */
static void copy_group(const int8_t *from, int count, int width, int8_t *room)
{
    for (int k = 0; k < width; k += 4, from += 4 * count, room += 4 * GROUP) {
        __builtin_memcpy(room, from, (size_t)count * 4);
        for (int t = count; t < GROUP; t++) __builtin_memcpy(room + 4 * t, from + 4 * (count - 1), 4);
    }
}

/* Four bits as four numbers of one byte each, 0 or 1; and those as -1 or 1. */
INLINE uint32_t spread(uint32_t four) { return (four | four << 7 | four << 14 | four << 21) & 0x01010101u; }
INLINE uint32_t signed_of(uint32_t ones)
{
    const uint32_t others = ones ^ 0x01010101u;
    return ones | ((others << 8) - others);
}

/* Signs of `count` tokens as the numbers of a whole group, and what each token's sum begins with. */
INLINE void widen(const uint8_t *from, const int count, int width, int8_t *room, int32_t *starts)
{
    int32_t ones[GROUP] = {0};
    for (int k = 0; k < width; k += AHEAD, from += count, room += AHEAD * GROUP) {
        uint8_t eight[GROUP];
        uint32_t four[2][GROUP];
        __builtin_memcpy(eight, from, (size_t)count);
        for (int t = count; t < GROUP; t++) eight[t] = from[count - 1];
        for (int t = 0; t < GROUP; t++) {
            const uint32_t one = spread(eight[t] & 15u), other = spread((uint32_t)eight[t] >> 4);
            ones[t] += (int32_t)((one + other) * 0x01010101u >> 24);
            four[0][t] = signed_of(one);
            four[1][t] = signed_of(other);
        }
        __builtin_memcpy(room, four, sizeof four);
    }
    for (int t = 0; t < GROUP; t++) starts[t] = -LARGEST * (2 * ones[t] - width);
}

static void widen_group(const uint8_t *from, int count, int width, int8_t *room, int32_t *starts)
{
    if (count == GROUP)
        widen(from, GROUP, width, room, starts);
    else
        widen(from, count, width, room, starts);
}

/* What makes of a product with signs one with the vector, of which their cosine is so many 255ths. */
INLINE float scale_of(uint8_t cosine, int width)
{
    return cosine ? 255.0f / ((float)cosine * __builtin_sqrtf((float)width)) : 0;
}

/* A group's numbers, all of them, which may be in `room`. */
static const int8_t *load_group(const document *d, int first, int8_t *room, int32_t *starts, float *scales)
{
    const int count = d->tokens - first < GROUP ? d->tokens - first : GROUP;
    const int8_t *numbers = d->numbers + first * bytes_of(d->width, d->bits);
    if (d->bits == 1) {
        widen_group((const uint8_t *)numbers, count, d->width, room, starts);
        const uint8_t *cosines = (const uint8_t *)d->scales + first;
        for (int t = 0; t < GROUP; t++) scales[t] = scale_of(cosines[t < count ? t : count - 1], d->width);
        return room;
    }
    __builtin_memcpy(starts, d->starts + first * 4, (size_t)count * 4);
    __builtin_memcpy(scales, d->scales + first * 4, (size_t)count * 4);
    if (count == GROUP) return numbers;
    for (int t = count; t < GROUP; t++) starts[t] = starts[count - 1], scales[t] = scales[count - 1];
    copy_group(numbers, count, d->width, room);
    return room;
}

/* The best product of each of `rows` tokens of the query, in one of sixteen lanes. */
static void compare_rows(const uint8_t *query, int rows, const document *d, vec16 *best)
{
    int8_t room[GROUP * d->width]; /* no longer than it must be: a thread's stack may be small */
    int32_t starts[GROUP];
    float scales[GROUP];
    for (int r = 0; r < rows; r++) best[r] = all16(-3.4e38f);
    for (int first = 0; first < d->tokens; first += GROUP) {
        const int64_t behind = (int64_t)(first + GROUP) * bytes_of(d->width, d->bits);
        const char *next = d->tokens - first <= GROUP ? d->next : (const char *)d->numbers + behind;
        const int8_t *numbers = load_group(d, first, room, starts, scales);
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
        const document one = opened(documents[n], tokens[n], query, documents[n + 1 < count ? n + 1 : n]);
        out[n] = compare_one(query, &one);
    }
}

/* Of one token: whole numbers to `row`, with zeros up to `filled`. Plain C, every operation
   rounded by itself, so that numpy gives the same bits. */
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

/* Sums and differences of neighbours `half` apart, of which `numbers` are a power of two: Hadamard's matrix (Yates). */
static void add_halves(int32_t *row, int numbers)
{
    for (int half = 1; half < numbers; half *= 2)
        for (int first = 0; first < numbers; first += 2 * half)
            for (int n = first; n < first + half; n++) {
                const int32_t one = row[n], other = row[n + half];
                row[n] = one + other;
                row[n + half] = one - other;
            }
}

/* A vector in other directions, in which each number holds a part of all: its sign says more than it did (RaBitQ, Gao
   and Long 2024, by a random turn). Twice: some change their sign, blocks as long as the greatest power of two that
   divides the width are multiplied by Hadamard's matrix, and the first numbers of all blocks come first, then the
   second ones. Exact in integers: 63 times the block's length twice is below 2^31 for any MOST_WIDTH up to 4096. */
static void turn(int32_t *row, int width)
{
    int32_t other[width];
    const int block = width & -width, blocks = width / block;
    for (int times = 0; times < 2; times++) {
        for (int n = 0; n < width; n++) other[n] = (uint32_t)n * 0x9e3779b1u >> 31 ? row[n] : -row[n];
        for (int b = 0; b < blocks; b++) {
            add_halves(other + b * block, block);
            for (int n = 0; n < block; n++) row[n * blocks + b] = other[b * block + n];
        }
    }
}

/* A token's signs to their places in a group of `size` tokens, of which `to` is the token's first; and their cosine. */
static uint8_t put_signs(const int8_t *whole, int width, int size, uint8_t *to)
{
    int32_t row[width];
    int64_t sum = 0, squares = 0;
    for (int k = 0; k < width; k++) row[k] = whole[k];
    turn(row, width);
    for (int k = 0; k < width; k++) {
        sum += __builtin_abs(row[k]);
        squares += (int64_t)row[k] * row[k];
    }
    for (int k = 0; k < width; k += AHEAD, to += size) {
        *to = 0;
        for (int n = 0; n < AHEAD; n++) *to |= (uint8_t)((row[k + n] >= 0) << n);
    }
    if (!squares) return 0;
    return (uint8_t)(int32_t)__builtin_rintf(255.0f * (float)sum / __builtin_sqrtf((float)squares * (float)width));
}

/* A token's numbers likewise. */
static void put_numbers(const int8_t *row, int filled, int size, uint8_t *to)
{
    for (int k = 0; k < filled; k += 4, to += 4 * size) __builtin_memcpy(to, row + k, 4);
}

static int32_t pack_all(const float *vectors, const int64_t *counted, int32_t tokens, int32_t width, int32_t kept,
                        int32_t bits, void *out)
{
    const int filled = (width + AHEAD - 1) / AHEAD * AHEAD;
    int8_t row[filled];
    char *scales = (char *)out + kept * bytes_of(filled, bits), *starts = scales + (int64_t)kept * 4;
    for (int t = 0, place = 0; t < tokens; t++, vectors += width) {
        if (counted && !counted[t]) continue;
        if (!is_finite(vectors, width)) return 0;
        const int first = place / GROUP * GROUP, size = kept - first < GROUP ? kept - first : GROUP;
        uint8_t *group = (uint8_t *)out + first * bytes_of(filled, bits);
        int32_t sum;
        const float scale = round_token(vectors, width, filled, row, &sum);
        if (bits == 1) {
            scales[place] = (char)put_signs(row, filled, size, group + (place - first));
        } else {
            const int32_t start = -LARGEST * sum;
            put_numbers(row, filled, size, group + 4 * (place - first));
            __builtin_memcpy(scales + 4 * (int64_t)place, &scale, 4);
            __builtin_memcpy(starts + 4 * (int64_t)place, &start, 4);
        }
        place++;
    }
    return 1;
}

/* A query's token in the directions of signs, whole numbers as well; returns what makes its vector one of length 1. */
static float turn_rounded(int8_t *row, int width)
{
    int32_t turned[width], sum;
    float again[width];
    for (int k = 0; k < width; k++) turned[k] = row[k];
    turn(turned, width);
    for (int k = 0; k < width; k++) again[k] = (float)turned[k];
    return round_token(again, width, width, row, &sum);
}

static int32_t pack_query_all(const float *vectors, int32_t tokens, int32_t width, int32_t bits, uint8_t *numbers,
                              float *scales)
{
    const int filled = (width + AHEAD - 1) / AHEAD * AHEAD;
    int8_t row[filled];
    for (int t = 0; t < tokens; t++, vectors += width, numbers += filled) {
        if (!is_finite(vectors, width)) return 0;
        int32_t sum;
        scales[t] = round_token(vectors, width, filled, row, &sum);
        if (bits == 1) scales[t] = turn_rounded(row, filled);
        for (int k = 0; k < filled; k++) numbers[k] = (uint8_t)(row[k] + LARGEST);
    }
    return 1;
}

const late_interaction NAMED(late) = {compare_all, pack_all, pack_query_all};
