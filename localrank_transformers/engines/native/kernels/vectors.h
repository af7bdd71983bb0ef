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

/* x Φ(x) with Φ of the normal distribution (Hendrycks and Gimpel 2016), absolute error below 1e-6 times max(1, |x|): Φ
   by 7.1.26 of Abramowitz and Stegun 1964. */
static inline __m512 gelu_of(__m512 x)
{
    const __m512 z = _mm512_mul_ps(_mm512_abs_ps(x), _mm512_set1_ps(0.707106781f));
    const __m512 t =
        _mm512_div_ps(_mm512_set1_ps(1.0f), _mm512_fmadd_ps(z, _mm512_set1_ps(0.3275911f), _mm512_set1_ps(1.0f)));
    __m512 p = _mm512_set1_ps(0.5f * 1.061405429f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -1.453152027f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 1.421413741f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * -0.284496736f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.5f * 0.254829592f));
    const __m512 tail =
        _mm512_mul_ps(_mm512_mul_ps(p, t), exp_of(_mm512_mul_ps(z, _mm512_sub_ps(_mm512_setzero_ps(), z))));
    /* x > 0: x (1 - tail); x < 0: x tail. */
    const __mmask16 above = _mm512_cmp_ps_mask(x, _mm512_setzero_ps(), _CMP_GT_OQ);
    return _mm512_mul_ps(x, _mm512_mask_sub_ps(tail, above, _mm512_set1_ps(1.0f), tail));
}

/* The same within 1e-5 times max(1, |x|), at half the cost, for what is rounded to int8 next: Φ(x) = 1/2 + x P(x²
   / 10.125 - 1) up to 4.5, P fitted by weighted least squares. */
static inline __m512 coarse_gelu_of(__m512 x)
{
    const __m512 c = _mm512_max_ps(_mm512_min_ps(x, _mm512_set1_ps(4.5f)), _mm512_set1_ps(-4.5f));
    const __m512 t = _mm512_fmsub_ps(_mm512_mul_ps(c, c), _mm512_set1_ps(1.0f / 10.125f), _mm512_set1_ps(1.0f));
    __m512 p = _mm512_set1_ps(-0.00156565581f);
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.00465529924f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.00668286346f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.0101404935f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.0181592144f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.0286239516f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.0402957872f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.0546718538f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(-0.0771833733f));
    p = _mm512_fmadd_ps(p, t, _mm512_set1_ps(0.156905293f));
    return _mm512_mul_ps(x, _mm512_fmadd_ps(c, p, _mm512_set1_ps(0.5f)));
}

#endif
