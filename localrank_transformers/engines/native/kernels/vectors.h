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

/* How many registers' GELU is computed side by side, 0 for one after another; see multiply.c. */
#ifndef GELUS_AT_ONCE
#define GELUS_AT_ONCE 0
#endif

/* Where a power of two takes several instructions, a processor may add to a number's exponent instead. */
#ifndef ADDS_EXPONENTS
#define ADDS_EXPONENTS 0
INLINE vec16 plus_exponent(vec16 p, vec16 x) { return times_power(p, x); }
#endif

/* 2^x for x of 0 up to 1, fitted for the least greatest error. */
INLINE vec16 exp2_of_part(vec16 x)
{
    vec16 p = all16(0.000217022418f);
    p = fma16(p, x, all16(0.00124396919f));
    p = fma16(p, x, all16(0.00967884064f));
    p = fma16(p, x, all16(0.0554833412f));
    p = fma16(p, x, all16(0.24022983f));
    p = fma16(p, x, all16(0.693147004f));
    return fma16(p, x, all16(1.0f));
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
    const vec16 c = cut_to(x, limit);
    return fms16(mul16(c, c), all16(2 / (limit * limit)), all16(1.0f));
}

INLINE vec16 polynomial(vec16 t, const float *p, const int count)
{
    vec16 sum = all16(p[0]);
#pragma GCC unroll 16
    for (int n = 1; n < count; n++) sum = fma16(sum, t, all16(p[n]));
    return sum;
}

INLINE vec16 gelu_of_parts(vec16 x, vec16 sum, const float limit)
{
    return mul16(x, fma16(cut_to(x, limit), sum, all16(0.5f)));
}

INLINE vec16 gelu_by(vec16 x, const float limit, const float *p, const int count)
{
    return gelu_of_parts(x, polynomial(gelu_argument(x, limit), p, count), limit);
}

/* Within 3e-7 times max(1, |x|), as float32 allows: P fitted for the least greatest error. */
static const float FINE[15] = {
    0.000271740748f, -0.000753582048f, 0.000765638426f, -0.00112634699f, 0.0030986066f,
    -0.00581757165f, 0.00884706713f,   -0.0132014006f,  0.0189209972f,   -0.0252945069f,
    0.0320800766f,   -0.0395893119f,   0.0492641404f,   -0.066518493f,   0.133392558f,
};
static inline vec16 gelu_of(vec16 x) { return gelu_by(x, 5.3f, FINE, 15); }

/* Within 1e-5 times max(1, |x|), for what is rounded to int8 next: P fitted by weighted least squares. */
#define COARSE_LIMIT 4.5f
static const float COARSE[10] = {
    -0.00156565581f, 0.00465529924f, -0.00668286346f, 0.0101404935f,  -0.0181592144f,
    0.0286239516f,   -0.0402957872f, 0.0546718538f,   -0.0771833733f, 0.156905293f,
};
static inline vec16 coarse_gelu_of(vec16 x) { return gelu_by(x, COARSE_LIMIT, COARSE, 10); }

#endif
