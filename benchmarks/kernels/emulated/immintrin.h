/* AVX-512 with VNNI and AVX-VNNI in AVX2's instructions, so that the kernels' sources run as they are on a processor
   that has neither: what SIMDe has, and lane by lane what it lacks or rounds otherwise.

   Comes before the compiler's own header of this name. References: Intel's Software Developer's Manual, volume 2. */
#ifndef EMULATED_IMMINTRIN_H
#define EMULATED_IMMINTRIN_H

#include_next <immintrin.h>

#include <math.h>
#include <stdint.h>
#include <string.h>

/* VPDPBUSD: four products of uint8 and int8 are added to an int32, which wraps around; first those at even places, then
   those at odd ones. */
static inline __m256i emulated_dpbusd(__m256i sums, __m256i inputs, __m256i weights)
{
    const __m256i even = _mm256_madd_epi16(_mm256_and_si256(inputs, _mm256_set1_epi16(255)),
                                           _mm256_srai_epi16(_mm256_slli_epi16(weights, 8), 8));
    const __m256i odd = _mm256_madd_epi16(_mm256_srli_epi16(inputs, 8), _mm256_srai_epi16(weights, 8));
    return _mm256_add_epi32(sums, _mm256_add_epi32(even, odd));
}

#ifdef EMULATE_AVX512

#define SIMDE_ENABLE_NATIVE_ALIASES
#include <simde/x86/avx512.h>

typedef struct {
    float lane[16];
} floats_of;
typedef struct {
    int32_t lane[16];
} ints_of;

static inline __m512i emulated_dpbusd_512(__m512i sums, __m512i inputs, __m512i weights)
{
    __m256i all[3][2];
    memcpy(all[0], &sums, 64);
    memcpy(all[1], &inputs, 64);
    memcpy(all[2], &weights, 64);
    for (int n = 0; n < 2; n++) all[0][n] = emulated_dpbusd(all[0][n], all[1][n], all[2][n]);
    memcpy(&sums, all[0], 64);
    return sums;
}
#undef _mm512_dpbusd_epi32
#define _mm512_dpbusd_epi32 emulated_dpbusd_512

/* VREDUCEPS with an immediate that says downwards: the subtraction is rounded downwards as well ("subtract under the
   same RC, SPE controls"); of infinity it is zero. */
static inline __m256 reduced_downwards(__m256 x)
{
    const __m256 whole = _mm256_floor_ps(x);
    const unsigned usual = _mm_getcsr(), downwards = (usual & ~0x6000u) | 0x2000u;
    __m256 part;
    __asm__ volatile("vldmxcsr %3\n\tvsubps %2, %1, %0\n\tvldmxcsr %4"
                     : "=&x"(part)
                     : "x"(x), "x"(whole), "m"(downwards), "m"(usual));
    const __m256 is_infinite =
        _mm256_cmp_ps(_mm256_andnot_ps(_mm256_set1_ps(-0.0f), x), _mm256_set1_ps(__builtin_inff()), _CMP_EQ_OQ);
    return _mm256_andnot_ps(is_infinite, part);
}

static inline __m512 emulated_reduce(__m512 x, int how)
{
    if (how != _MM_FROUND_TO_NEG_INF) __builtin_trap();
    __m256 half[2];
    memcpy(half, &x, 64);
    half[0] = reduced_downwards(half[0]);
    half[1] = reduced_downwards(half[1]);
    memcpy(&x, half, 64);
    return x;
}
#undef _mm512_reduce_ps
#define _mm512_reduce_ps emulated_reduce

/* VSCALEFPS: p 2^floor(x), rounded once. SIMDe takes what is below the least normal number for zero. */
static inline __m512 emulated_scalef(__m512 p, __m512 x)
{
    floats_of a, b;
    memcpy(&a, &p, 64);
    memcpy(&b, &x, 64);
    for (int n = 0; n < 16; n++) {
        const float power = fminf(fmaxf(floorf(b.lane[n]), -400.0f), 400.0f);
        a.lane[n] = b.lane[n] != b.lane[n] ? b.lane[n] : scalbnf(a.lane[n], (int)power);
    }
    memcpy(&p, &a, 64);
    return p;
}
#undef _mm512_scalef_ps
#define _mm512_scalef_ps emulated_scalef

static inline __m256 emulated_half(__m512 x, int which)
{
    __m256 half[2];
    memcpy(half, &x, 64);
    return half[which];
}
#undef _mm512_extractf32x8_ps
#define _mm512_extractf32x8_ps emulated_half

static inline __m512 emulated_mask_load(__m512 rest, __mmask16 mask, const void *from)
{
    floats_of x;
    memcpy(&x, &rest, 64);
    for (int n = 0; n < 16; n++)
        if (mask >> n & 1) x.lane[n] = ((const float *)from)[n];
    memcpy(&rest, &x, 64);
    return rest;
}
#undef _mm512_mask_loadu_ps
#define _mm512_mask_loadu_ps emulated_mask_load

static inline void emulated_mask_store(void *to, __mmask16 mask, __m512 given)
{
    floats_of x;
    memcpy(&x, &given, 64);
    for (int n = 0; n < 16; n++)
        if (mask >> n & 1) ((float *)to)[n] = x.lane[n];
}
#undef _mm512_mask_storeu_ps
#define _mm512_mask_storeu_ps emulated_mask_store

static inline __m512 emulated_to_float(__m512i given)
{
    ints_of x;
    floats_of y;
    memcpy(&x, &given, 64);
    for (int n = 0; n < 16; n++) y.lane[n] = (float)x.lane[n];
    __m512 out;
    memcpy(&out, &y, 64);
    return out;
}
#undef _mm512_cvtepi32_ps
#define _mm512_cvtepi32_ps emulated_to_float

static inline __m512i emulated_to_int(__m512 given)
{
    floats_of x;
    ints_of y;
    memcpy(&x, &given, 64);
    for (int n = 0; n < 16; n++) y.lane[n] = _mm_cvtss_si32(_mm_set_ss(x.lane[n]));
    __m512i out;
    memcpy(&out, &y, 64);
    return out;
}
#undef _mm512_cvtps_epi32
#define _mm512_cvtps_epi32 emulated_to_int

static inline __m512i emulated_widened(__m128i given)
{
    int8_t x[16];
    ints_of y;
    memcpy(x, &given, 16);
    for (int n = 0; n < 16; n++) y.lane[n] = x[n];
    __m512i out;
    memcpy(&out, &y, 64);
    return out;
}
#undef _mm512_cvtepi8_epi32
#define _mm512_cvtepi8_epi32 emulated_widened

static inline __m128i emulated_cut(__m512i given)
{
    uint32_t x[16];
    uint8_t y[16];
    memcpy(x, &given, 64);
    for (int n = 0; n < 16; n++) y[n] = (uint8_t)(x[n] > 255 ? 255 : x[n]);
    __m128i out;
    memcpy(&out, y, 16);
    return out;
}
#undef _mm512_cvtusepi32_epi8
#define _mm512_cvtusepi32_epi8 emulated_cut

static inline __m512 emulated_quarters(__m512 a, __m512 b, int which)
{
    float from[2][16], to[16];
    memcpy(from[0], &a, 64);
    memcpy(from[1], &b, 64);
    for (int n = 0; n < 4; n++) memcpy(to + 4 * n, from[n / 2] + 4 * (which >> 2 * n & 3), 16);
    memcpy(&a, to, 64);
    return a;
}
#undef _mm512_shuffle_f32x4
#define _mm512_shuffle_f32x4 emulated_quarters

#define __AVX512F__ 1

#endif

#ifdef EMULATE_AVXVNNI

#undef _mm256_dpbusd_avx_epi32
#define _mm256_dpbusd_avx_epi32 emulated_dpbusd

#define __AVXVNNI__ 1

#endif

#endif
