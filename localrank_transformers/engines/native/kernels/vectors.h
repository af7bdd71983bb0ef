/* Functions of sixteen float32 numbers at once, the same to the last bit on every processor.

   What a processor has of its own is in one header each. Where one of two numbers is NaN, `min16` and `max16` return
   the second one or NaN, as the instructions do: a NaN that is second is never lost. */
#ifndef LOCALRANK_VECTORS_H
#define LOCALRANK_VECTORS_H

#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 16
#define LOG2_E 1.44269504f

/* Bring a line of memory into the core's second cache. */
#define fetch(at) __builtin_prefetch(at, 0, 2)

/* A sum of sixteen ends so: first lane n + 8 to lane n, then n + 4 to n, n + 2 to n, n + 1 to n. */
#if defined __aarch64__ || defined _M_ARM64
#include "vectors_neon.h"
#elif defined __AVX512F__
#include "vectors_avx512.h"
#else
#include "vectors_avx2.h"
#endif

/* A number in all lanes as it lies in memory; a processor may keep it there sixteen times. */
#ifndef ALIKE
typedef float alike;
#define ALIKE(x) x
INLINE vec16 all_alike(const alike *number) { return all16(*number); }
INLINE vec16 next_alike(const alike **next) { return all16(*(*next)++); }
#endif

/* How many registers' GELU is computed side by side, 0 for one after another; see multiply.c. */
#ifndef GELUS_AT_ONCE
#define GELUS_AT_ONCE 0
#endif

/* Where a power of two takes several instructions, a processor may add to a number's exponent instead. */
#ifndef ADDS_EXPONENTS
#define ADDS_EXPONENTS 0
INLINE vec16 plus_exponent(vec16 p, vec16 x) { return times_power(p, x); }
#endif

/* A polynomial's value, by its coefficients, the highest first. */
INLINE vec16 polynomial(vec16 x, const alike *p, const int count)
{
    vec16 sum = all_alike(p++);
#pragma GCC unroll 16
    for (int n = 1; n < count; n++) sum = fma16(sum, x, next_alike(&p));
    return sum;
}

/* 2^x for x of 0 up to 1, fitted for the least greatest error. */
INLINE vec16 exp2_of_part(vec16 x)
{
    static const alike p[7] = {
        ALIKE(0.000217022418f), ALIKE(0.00124396919f), ALIKE(0.00967884064f), ALIKE(0.0554833412f),
        ALIKE(0.24022983f),     ALIKE(0.693147004f),   ALIKE(1.0f),
    };
    return polynomial(x, p, 7);
}

/* 2^x for x up to 100, relative error below 1e-7, 0 below -150: P(x - ⌊x⌋) 2^⌊x⌋. */
static inline vec16 exp2_of(vec16 x)
{
    x = within_reach(x);
    return times_power(exp2_of_part(above_whole(x)), x);
}

/* The same for x of NEAR up to 100, in fewer instructions: no result is below the normal numbers. */
#define NEAR (-125.0f)
INLINE vec16 exp2_near(vec16 x) { return plus_exponent(exp2_of_part(above_whole(x)), x); }

/* tanh(x) = 1 - 2 / (exp(2 x) + 1), absolute error below 3e-7. */
static inline vec16 tanh_of(vec16 x)
{
    const vec16 one = all16(1.0f), two = all16(2.0f);
    const vec16 power = min16(all16(100.0f), mul16(x, all16(2 * LOG2_E)));
    return sub16(one, div16(two, add16(exp2_of(power), one)));
}

/* x Φ(x) with Φ of the normal distribution (Hendrycks and Gimpel 2016): Φ(x) = 1/2 + x P(2 x² / limit² - 1) up to
   `limit`, P by its coefficients, the highest first. */
INLINE vec16 cut_to(vec16 x, const float limit) { return max16(min16(x, all16(limit)), all16(-limit)); }

INLINE vec16 gelu_argument(vec16 x, const float limit)
{
    static const alike minus_one = ALIKE(-1.0f);
    const vec16 c = cut_to(x, limit);
    const alike *next = &minus_one;
    return fma16(mul16(c, c), all16(2 / (limit * limit)), next_alike(&next));
}

INLINE vec16 gelu_of_parts(vec16 x, vec16 sum, const float limit)
{
    static const alike half = ALIKE(0.5f);
    const alike *next = &half;
    return mul16(x, fma16(cut_to(x, limit), sum, next_alike(&next)));
}

INLINE vec16 gelu_by(vec16 x, const float limit, const alike *p, const int count)
{
    return gelu_of_parts(x, polynomial(gelu_argument(x, limit), p, count), limit);
}

/* Within 3e-7 times max(1, |x|), as float32 allows: P fitted for the least greatest error. */
static const alike FINE[15] = {
    ALIKE(0.000271740748f), ALIKE(-0.000753582048f), ALIKE(0.000765638426f), ALIKE(-0.00112634699f),
    ALIKE(0.0030986066f),   ALIKE(-0.00581757165f),  ALIKE(0.00884706713f),  ALIKE(-0.0132014006f),
    ALIKE(0.0189209972f),   ALIKE(-0.0252945069f),   ALIKE(0.0320800766f),   ALIKE(-0.0395893119f),
    ALIKE(0.0492641404f),   ALIKE(-0.066518493f),    ALIKE(0.133392558f),
};
static inline vec16 gelu_of(vec16 x) { return gelu_by(x, 5.3f, FINE, 15); }

/* Within 1e-5 times max(1, |x|), for what is rounded to int8 next: P fitted by weighted least squares. */
#define COARSE_LIMIT 4.5f
static const alike COARSE[10] = {
    ALIKE(-0.00156565581f), ALIKE(0.00465529924f), ALIKE(-0.00668286346f), ALIKE(0.0101404935f),  ALIKE(-0.0181592144f),
    ALIKE(0.0286239516f),   ALIKE(-0.0402957872f), ALIKE(0.0546718538f),   ALIKE(-0.0771833733f), ALIKE(0.156905293f),
};
static inline vec16 coarse_gelu_of(vec16 x) { return gelu_by(x, COARSE_LIMIT, COARSE, 10); }

#endif
