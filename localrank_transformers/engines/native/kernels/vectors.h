/* Functions of sixteen float32 numbers at once, for AVX-512. */
#ifndef LOCALRANK_VECTORS_H
#define LOCALRANK_VECTORS_H

#include <immintrin.h>
#include <stdint.h>

#define LANES 16

/* exp(x), relative error below 2e-7 for x <= 88; 0 below -104 or so. x = n ln 2 + r, |r| <= ln 2 / 2 (Cody and Waite
   1980), exp(r) by its Taylor polynomial. */
static inline __m512 exp_of(__m512 x)
{
    const __m512 n = _mm512_roundscale_ps(_mm512_mul_ps(x, _mm512_set1_ps(1.44269504f)), _MM_FROUND_TO_NEAREST_INT);
    __m512 r = _mm512_fnmadd_ps(n, _mm512_set1_ps(0.693359375f), x);
    r = _mm512_fnmadd_ps(n, _mm512_set1_ps(-2.12194440e-4f), r);
    __m512 p = _mm512_set1_ps(1.0f / 720);
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 120));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 24));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f / 6));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(0.5f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    p = _mm512_fmadd_ps(p, r, _mm512_set1_ps(1.0f));
    return _mm512_scalef_ps(p, n);
}

/* tanh(x) = 1 - 2 / (exp(2 x) + 1), absolute error below 3e-7. */
static inline __m512 tanh_of(__m512 x)
{
    const __m512 one = _mm512_set1_ps(1.0f), two = _mm512_set1_ps(2.0f);
    const __m512 x2 = _mm512_min_ps(_mm512_mul_ps(x, two), _mm512_set1_ps(80.0f));
    return _mm512_sub_ps(one, _mm512_div_ps(two, _mm512_add_ps(exp_of(x2), one)));
}

/* x Φ(x) with Φ of the normal distribution (Hendrycks and Gimpel 2016): Φ(x) = 1/2 + x P(2 x² / limit² - 1) up to
   `limit`, P by its coefficients, the highest first. */
static inline __attribute__((always_inline)) __m512 gelu_by(__m512 x, const float limit, const float *p,
                                                            const int count)
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
