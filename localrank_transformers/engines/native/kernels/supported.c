/* Asks the processor and the system what they can do; compiled without the instructions that it asks for.

   Bits: Intel's Software Developer's Manual, volume 2A, CPUID, and volume 1, section 15.2. */
#include "encoder.h"

#include <cpuid.h>

#define BIT(n) (1u << (n))

#define FMA BIT(12)                                        /* leaf 1, ECX */
#define OSXSAVE BIT(27)                                    /* leaf 1, ECX: the system may be asked what it saves */
#define AVX512 (BIT(16) | BIT(17) | BIT(30) | BIT(31))     /* leaf 7, EBX: F, DQ, BW, VL */
#define VNNI BIT(11)                                       /* leaf 7, ECX */
#define SAVED (BIT(1) | BIT(2) | BIT(5) | BIT(6) | BIT(7)) /* registers of 128, 256 and 512 bits, and masks */

static unsigned saved_registers(void)
{
    unsigned low, high;
    __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
    return low;
}

int32_t localrank_interface(void) { return LOCALRANK_INTERFACE; }

int32_t localrank_is_supported(void)
{
    unsigned eax, ebx, ecx, edx;
    if (!__get_cpuid(1, &eax, &ebx, &ecx, &edx) || !(ecx & FMA) || !(ecx & OSXSAVE)) return 0;
    if ((saved_registers() & SAVED) != SAVED) return 0;
    if (!__get_cpuid_count(7, 0, &eax, &ebx, &ecx, &edx)) return 0;
    return (ebx & AVX512) == AVX512 && (ecx & VNNI);
}
