/* Functions of sixteen float32 numbers at once, for AVX-512. */
#ifndef LOCALRANK_VECTORS_H
#define LOCALRANK_VECTORS_H

#include <immintrin.h>
#include <stdint.h>

#define INLINE static inline __attribute__((always_inline))
#define LANES 16
#define LOG2_E 1.44269504f

/* 2^x, relative error below 1e-7, 0 below -150: P(x - ⌊x⌋) 2^⌊x⌋, P fitted for the least greatest error. */
static inline __m512 exp2_of(__m512 x)
{
    const __m512 part = _mm512_reduce_ps(x, _MM_FROUND_TO_NEG_INF);
    __m512 p = _mm512_set1_ps(0.000217022418f);
    p = _mm512_fmadd_ps(p, part, _mm512_set1_ps(0.00124396919f));
    p = _mm512_fmadd_ps(p, part, _mm512_set1_ps(0.00967884064f));
    p = _mm512_fmadd_ps(p, part, _mm512_set1_ps(0.0554833412f));
    p = _mm512_fmadd_ps(p, part, _mm512_set1_ps(0.24022983f));
    p = _mm512_fmadd_ps(p, part, _mm512_set1_ps(0.693147004f));
    p = _mm512_fmadd_ps(p, part, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, x);
}

/* tanh(x) = 1 - 2 / (exp(2 x) + 1), absolute error below 3e-7. */
static inline __m512 tanh_of(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f), two = _mm512_set1_ps(2.0f);
    const __m512 power = _mm512_min_ps(_mm512_mul_ps(x, _mm512_set1_ps(2 * LOG2_E)), _mm512_set1_ps(100.0f));
    return _mm512_sub_ps(one, _mm512_div_ps(two, _mm512_add_ps(exp2_of(power), one)));
}

/* x Φ(x) with Φ of the normal distribution (Hendrycks and Gimpel 2016): Φ(x) = 1/2 + x P(2 x² / limit² - 1) up to
   `limit`, P by its coefficients, the highest first. */
INLINE __m512 gelu_by(__m512 x, const float limit, const float *p, const int count)
{
    const __m512 c = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(limit)), _mm512_set1_ps(-limit));
    const __m512 t = _mm512_fmsub_ps(_mm512_mul_ps(c, c), _mm512_set1_ps(2 / (limit * limit)), _mm512_set1_ps(1.0f));
    __m512 sum = _mm512_set1_ps(p[0]);
#pragma GCC unroll 16
    for (int n = 1; n < count; n++) sum = _mm512_fmadd_ps(sum, t, _mm512_set1_ps(p[n]));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(c, sum, _mm512_set1_ps(0.5f)));
}

/* Within 3e-7 times max(1, |x|), as float32 allows: P fitted for the least greatest error. */
static const float FINE[15] = {
    0.000271740748f, -0.000753582048f, 0.000765638426f, -0.00112634699f, 0.0030986066f,
    -0.00581757165f, 0.00884706713f,   -0.0132014006f,  0.0189209972f,   -0.0252945069f,
    0.0320800766f,   -0.0395893119f,   0.0492641404f,   -0.066518493f,   0.133392558f,
};
static inline __m512 gelu_of(__m512 x) { return gelu_by(x, 5.3f, FINE, 15); }

/* Within 1e-5 times max(1, |x|), for what is rounded to int8 next: P fitted by weighted least squares. */
static const float COARSE[10] = {
    -0.00156565581f, 0.00465529924f, -0.00668286346f, 0.0101404935f,  -0.0181592144f,
    0.0286239516f,   -0.0402957872f, 0.0546718538f,   -0.0771833733f, 0.156905293f,
};
static inline __m512 coarse_gelu_of(__m512 x) { return gelu_by(x, 4.5f, COARSE, 10); }

#endif
