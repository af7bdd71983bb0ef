/* Asks a processor of x86 and the system what they can do.

   Bits: Intel's Software Developer's Manual, volume 2A, CPUID, and volume 1, section 15.2. */
#ifndef LOCALRANK_PROCESSOR_X86_H
#define LOCALRANK_PROCESSOR_X86_H

#include <cpuid.h>
#include <stdint.h>

#define BIT(n) (1u << (n))

#define FMA BIT(12)                                      /* leaf 1, ECX */
#define OSXSAVE BIT(27)                                  /* leaf 1, ECX: the system may be asked what it saves */
#define AVX2 BIT(5)                                      /* leaf 7, EBX */
#define AVX512 (BIT(16) | BIT(17) | BIT(30) | BIT(31))   /* leaf 7, EBX: F, DQ, BW, VL */
#define AVX512_VNNI BIT(11)                              /* leaf 7, ECX */
#define AVX_VNNI BIT(4)                                  /* leaf 7, subleaf 1, EAX */
#define SAVED_256 (BIT(1) | BIT(2))                      /* registers of 128 and 256 bits */
#define SAVED_512 (SAVED_256 | BIT(5) | BIT(6) | BIT(7)) /* and of 512 bits, and masks */

typedef struct {
    unsigned ebx, ecx, eax_of_1, saved;
} processor;

static unsigned saved_registers(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

/* All zero without FMA, which every kernel wants. */
static processor asked(void)
{
    unsigned eax, ebx, ecx, edx;
    processor found = {0, 0, 0, 0};
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & FMA) || !(ecx & OSXSAVE)) return found;
    if (!__get_cpuid_count(7, 0, &eax, &found.ebx, &found.ecx, &edx)) return (processor){0, 0, 0, 0};
    if (eax && __get_cpuid_count(7, 1, &eax, &ebx, &ecx, &edx)) found.eax_of_1 = eax;
    found.saved = saved_registers();
    return found;
}

static inline int32_t has_avx512(processor p)
{
    return (p.ebx & AVX512) == AVX512 && (p.ecx & AVX512_VNNI) && (p.saved & SAVED_512) == SAVED_512;
}
static inline int32_t has_avx2(processor p) { return (p.ebx & AVX2) && (p.saved & SAVED_256) == SAVED_256; }
static inline int32_t has_avxvnni(processor p) { return has_avx2(p) && (p.eax_of_1 & AVX_VNNI); }

#endif
