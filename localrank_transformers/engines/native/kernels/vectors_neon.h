/* Sixteen numbers at once in four registers of 128 bits: aarch64, with int8 matrix products or int8 dot products where
   those are compiled for. */
#ifndef LOCALRANK_VECTORS_NEON_H
#define LOCALRANK_VECTORS_NEON_H

#include <arm_neon.h>
#include <stdint.h>

#define TILE_ROWS 6 /* 24 registers of sums, six of inputs, two of weights. */
#define PANEL 16
#define CHUNK 96
#define SUMS_ROWS 48
#define BY_LANE /* See lanes.h. */

/* int8 products: a step takes A_STEP inputs. They are uint8, and stored less STORED_LESS where the processor only
   multiplies int8 by int8. Rows of one tile lie side by side: IN_TURN inputs of each, then the next ones of each. */
#if defined __ARM_FEATURE_MATMUL_INT8
#define A_STEP 8
#define STORED_LESS 0
#define INT8_ROWS TILE_ROWS
#define IN_TURN 8
#define STARTS 2 /* A register of sums begins with two columns' starts in two rows. */
#elif defined __ARM_FEATURE_DOTPROD
#define A_STEP 4
#define STORED_LESS 128
#define INT8_ROWS TILE_ROWS
#define IN_TURN 8
#else
#define A_STEP 16
#define STORED_LESS 128
#define INT8_ROWS 2 /* Sixteen registers of sums, six of inputs and weights, eight of products. */
#define IN_TURN 16
#endif
typedef uint8_t rounded_t;
typedef int8_t weight_t;

typedef struct {
    float32x4_t q[4];
} vec16;
typedef struct {
    int32x4_t q[4];
} ints16;

/* Of a function of four lanes, the same one of sixteen. */
#define EACH(type, does, x) ((type){{does((x).q[0]), does((x).q[1]), does((x).q[2]), does((x).q[3])}})
#define EACH_OF(type, does, x, y) \
    ((type){{does((x).q[0], (y).q[0]), does((x).q[1], (y).q[1]), does((x).q[2], (y).q[2]), does((x).q[3], (y).q[3])}})
#define EACH_OF_THREE(type, does, x, y, z)                                           \
    ((type){{does((x).q[0], (y).q[0], (z).q[0]), does((x).q[1], (y).q[1], (z).q[1]), \
             does((x).q[2], (y).q[2], (z).q[2]), does((x).q[3], (y).q[3], (z).q[3])}})

/* Four registers by two instructions: GCC would take three or four. */
#define LOAD_FOUR(x, from)                                               \
    __asm__("ldp %q0, %q1, [%4]\n\tldp %q2, %q3, [%4, #32]"              \
            : "=w"((x)[0]), "=w"((x)[1]), "=w"((x)[2]), "=w"((x)[3])     \
            : "r"(from), "m"(*(const __typeof__(x) *)(const void *)(from)))
#define STORE_FOUR(to, x)                                                \
    __asm__("stp %q2, %q3, [%1]\n\tstp %q4, %q5, [%1, #32]"              \
            : "=m"(*(__typeof__(x) *)(void *)(to))                       \
            : "r"(to), "w"((x)[0]), "w"((x)[1]), "w"((x)[2]), "w"((x)[3]))

INLINE vec16 load16(const float *from)
{
    vec16 x;
    LOAD_FOUR(x.q, from);
    return x;
}
INLINE void store16(float *to, vec16 x)
{
    STORE_FOUR(to, x.q);
}
INLINE vec16 all16(float x)
{
    const float32x4_t four = vdupq_n_f32(x);
    return (vec16){{four, four, four, four}};
}
/* A number that is the same in all lanes, as it lies in memory. A multiplication and addition overwrites what it adds
   to, and to load that takes half as many instructions as to copy it. */
typedef struct {
    float lane[16];
} alike;
#define ALIKE(x) {{x, x, x, x, x, x, x, x, x, x, x, x, x, x, x, x}}
INLINE vec16 all_alike(const alike *number) { return all16(number->lane[0]); }
INLINE vec16 next_alike(const alike **next)
{
    vec16 x;
    __asm__ volatile("ldp %q0, %q1, [%4], #32\n\tldp %q2, %q3, [%4], #32"
                     : "=w"(x.q[0]), "=w"(x.q[1]), "=w"(x.q[2]), "=w"(x.q[3]), "+r"(*next)
                     : "m"(**next));
    return x;
}
INLINE vec16 zero16(void) { return all16(0); }

/* As x86 orders them: x y + z. */
INLINE float32x4_t fma_4(float32x4_t x, float32x4_t y, float32x4_t z) { return vfmaq_f32(z, x, y); }

INLINE vec16 add16(vec16 x, vec16 y) { return EACH_OF(vec16, vaddq_f32, x, y); }
INLINE vec16 sub16(vec16 x, vec16 y) { return EACH_OF(vec16, vsubq_f32, x, y); }
INLINE vec16 mul16(vec16 x, vec16 y) { return EACH_OF(vec16, vmulq_f32, x, y); }
INLINE vec16 div16(vec16 x, vec16 y) { return EACH_OF(vec16, vdivq_f32, x, y); }
INLINE vec16 fma16(vec16 x, vec16 y, vec16 z) { return EACH_OF_THREE(vec16, fma_4, x, y, z); }
INLINE vec16 min16(vec16 x, vec16 y) { return EACH_OF(vec16, vminq_f32, x, y); }
INLINE vec16 max16(vec16 x, vec16 y) { return EACH_OF(vec16, vmaxq_f32, x, y); }

INLINE float sum16(vec16 x)
{
    const float32x4_t four = vaddq_f32(vaddq_f32(x.q[2], x.q[0]), vaddq_f32(x.q[3], x.q[1]));
    const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
    return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
INLINE float greatest16(vec16 x) { return vmaxvq_f32(vmaxq_f32(vmaxq_f32(x.q[0], x.q[1]), vmaxq_f32(x.q[2], x.q[3]))); }

/* Of the first `count` lanes, 0 .. 15, those of x, of the others those of y. */
INLINE vec16 either(vec16 x, int count, vec16 y)
{
    static const int32_t numbers[LANES] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
    const int32x4_t until = vdupq_n_s32(count);
    vec16 found;
#pragma GCC unroll 4
    for (int n = 0; n < 4; n++) found.q[n] = vbslq_f32(vcltq_s32(vld1q_s32(numbers + 4 * n), until), x.q[n], y.q[n]);
    return found;
}
INLINE vec16 keep_first(vec16 x, int count) { return either(x, count, zero16()); }

/* The first `count` numbers, and of `rest` the others. There is no loading by a mask: where one is wanted, there must
   be room for sixteen, as there is in attention's. */
INLINE vec16 load_first(const float *from, int count, vec16 rest)
{
    return count ? either(load16(from), count, rest) : rest;
}
INLINE void store_first(float *to, int count, vec16 x)
{
    if (count) store16(to, either(x, count, load16(to)));
}

/* See `exp2_of`; as with AVX2. */
INLINE vec16 within_reach(vec16 x) { return max16(all16(-152.0f), x); }

INLINE float32x4_t above_whole_4(float32x4_t x)
{
    const float32x4_t whole = vrndmq_f32(x), part = vsubq_f32(x, whole);
    const uint32x4_t is_above = vcltq_f32(x, vaddq_f32(part, whole));
    return vreinterpretq_f32_u32(vaddq_u32(vreinterpretq_u32_f32(part), is_above));
}
INLINE vec16 above_whole(vec16 x) { return EACH(vec16, above_whole_4, x); }

INLINE float32x4_t times_power_4(float32x4_t p, float32x4_t x)
{
    const int32x4_t exponent = vaddq_s32(vcvtq_n_s32_f32(vrndmq_f32(x), 23), vdupq_n_s32(27 << 23));
    const float32x4_t power = vreinterpretq_f32_s32(vaddq_s32(vreinterpretq_s32_f32(p), exponent));
    return vmulq_f32(power, vdupq_n_f32(0x1p-27f));
}
INLINE vec16 times_power(vec16 p, vec16 x) { return EACH_OF(vec16, times_power_4, p, x); }

INLINE ints16 load_ints(const int32_t *from)
{
    ints16 x;
    LOAD_FOUR(x.q, from);
    return x;
}
INLINE void store_ints(int32_t *to, ints16 x)
{
    vst1q_s32(to, x.q[0]);
    vst1q_s32(to + 4, x.q[1]);
    vst1q_s32(to + 8, x.q[2]);
    vst1q_s32(to + 12, x.q[3]);
}
INLINE ints16 all_ints(int32_t x)
{
    const int32x4_t four = vdupq_n_s32(x);
    return (ints16){{four, four, four, four}};
}
INLINE ints16 add_ints(ints16 x, ints16 y) { return EACH_OF(ints16, vaddq_s32, x, y); }
INLINE ints16 mul_ints(ints16 x, ints16 y) { return EACH_OF(ints16, vmulq_s32, x, y); }
INLINE vec16 to_float(ints16 x) { return EACH(vec16, vcvtq_f32_s32, x); }

INLINE ints16 widened_ints(const int8_t *from)
{
    const int8x16_t all = vld1q_s8(from);
    const int16x8_t low = vmovl_s8(vget_low_s8(all)), high = vmovl_high_s8(all);
    return (ints16){
        {vmovl_s16(vget_low_s16(low)), vmovl_high_s16(low), vmovl_s16(vget_low_s16(high)), vmovl_high_s16(high)}};
}
INLINE vec16 widened(const int8_t *from) { return to_float(widened_ints(from)); }

/* Rounded half to even, plus `offset`, cut to 0 .. 255, as IN_TURN numbers and others `apart` from them. As with x86,
   what int32 does not hold becomes 0: it is rounded to the highest number, to which at least 1 is added. */
INLINE void store_rounded(rounded_t *to, int64_t apart, vec16 x, ints16 offset)
{
    const int32x4_t added = vmaxq_s32(offset.q[0], vdupq_n_s32(1));
    const int16x8_t too_much =
        vdupq_n_s16((int16_t)(STORED_LESS + vgetq_lane_s32(added, 0) - vgetq_lane_s32(offset.q[0], 0)));
    const ints16 whole = add_ints(EACH(ints16, vcvtnq_s32_f32, x), (ints16){{added, added, added, added}});
    const int16x8_t low = vqsubq_s16(vqmovn_high_s32(vqmovn_s32(whole.q[0]), whole.q[1]), too_much);
    const int16x8_t high = vqsubq_s16(vqmovn_high_s32(vqmovn_s32(whole.q[2]), whole.q[3]), too_much);
#if STORED_LESS
    const uint8x8_t left = vreinterpret_u8_s8(vqmovn_s16(low)), right = vreinterpret_u8_s8(vqmovn_s16(high));
#else
    const uint8x8_t left = vqmovun_s16(low), right = vqmovun_s16(high);
#endif
#if IN_TURN == LANES
    (void)apart;
    vst1q_u8(to, vcombine_u8(left, right));
#else
    vst1_u8(to, left);
    vst1_u8(to + apart, right);
#endif
}

/* Four rows of sixteen numbers as sixteen columns of four. */
INLINE void interleave_four(const int8_t *from, int64_t stride, int8_t *to)
{
    int8x16x4_t rows;
    for (int r = 0; r < 4; r++) rows.val[r] = vld1q_s8(from + r * stride);
    vst4q_s8(to, rows);
}

/* A_STEP rows of sixteen numbers as sixteen columns. */
INLINE void interleave(const int8_t *from, int64_t stride, int8_t *to)
{
    int32_t fours[A_STEP / 4][LANES];
    for (int k = 0; k < A_STEP; k += 4) interleave_four(from + k * stride, stride, (int8_t *)fours[k / 4]);
    for (int c = 0; c < LANES; c++)
        for (int k = 0; k < A_STEP; k += 4) __builtin_memcpy(to + c * A_STEP + k, &fours[k / 4][c], 4);
}

/* Plus the sum of each column's weights of one step. */
INLINE ints16 add_weights(ints16 sums, const weight_t *step)
{
    int32_t found[LANES];
    store_ints(found, sums);
    for (int c = 0; c < LANES; c++)
        for (int k = 0; k < A_STEP; k++) found[c] += step[c * A_STEP + k];
    return load_ints(found);
}

/* Four rows of four numbers, of which `rows` are there, to columns. */
INLINE void transpose_4(const float *from, int64_t stride, int rows, float *to, int64_t to_stride)
{
    float32x4_t line[4];
    for (int r = 0; r < 4; r++) line[r] = r < rows ? vld1q_f32(from + r * stride) : vdupq_n_f32(0);
    const float32x4x2_t upper = vtrnq_f32(line[0], line[1]), lower = vtrnq_f32(line[2], line[3]);
    for (int c = 0; c < 2; c++) {
        const float32x4_t top = upper.val[c], bottom = lower.val[c];
        vst1q_f32(to + c * to_stride, vcombine_f32(vget_low_f32(top), vget_low_f32(bottom)));
        vst1q_f32(to + (c + 2) * to_stride, vcombine_f32(vget_high_f32(top), vget_high_f32(bottom)));
    }
}

/* Sixteen rows of sixteen numbers, of which `rows` are there, to columns. */
static inline void transpose(const float *from, int64_t stride, int rows, float *to, int64_t to_stride)
{
    for (int r = 0; r < LANES; r += 4)
        for (int c = 0; c < LANES; c += 4)
            transpose_4(from + r * stride + c, stride, rows - r, to + c * to_stride + r, to_stride);
}

#endif
