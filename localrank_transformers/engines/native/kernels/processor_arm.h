/* Asks the system what a processor of Arm can do: an instruction that would tell is not for programs.

   Bits: Linux, Documentation/arch/arm64/elf_hwcaps.rst. Names: Apple, "Determining instruction set characteristics".
   Numbers: Microsoft, IsProcessorFeaturePresent. */
#ifndef LOCALRANK_PROCESSOR_ARM_H
#define LOCALRANK_PROCESSOR_ARM_H

#include <stdint.h>

typedef struct {
    int has_dot_products, has_matrix_products;
} processor;

#if defined __linux__
#include <sys/auxv.h>

#define HWCAP_OF_DOT_PRODUCTS (1ul << 20)
#define HWCAP2_OF_MATRIX_PRODUCTS (1ul << 13)

static processor asked(void)
{
    return (processor){(getauxval(AT_HWCAP) & HWCAP_OF_DOT_PRODUCTS) != 0,
                       (getauxval(AT_HWCAP2) & HWCAP2_OF_MATRIX_PRODUCTS) != 0};
}

#elif defined __APPLE__
#include <stddef.h>
#include <sys/sysctl.h>

static int has(const char *name)
{
    int value = 0; /* and stays so where the system knows no such name */
    size_t size = sizeof(value);
    return !sysctlbyname(name, &value, &size, NULL, 0) && value;
}

static processor asked(void)
{
    return (processor){has("hw.optional.arm.FEAT_DotProd"), has("hw.optional.arm.FEAT_I8MM")};
}

#elif defined _WIN32
#include <windows.h>

#define PF_OF_DOT_PRODUCTS 43
#define PF_OF_MATRIX_PRODUCTS 67

static processor asked(void)
{
    return (processor){IsProcessorFeaturePresent(PF_OF_DOT_PRODUCTS), IsProcessorFeaturePresent(PF_OF_MATRIX_PRODUCTS)};
}

#else

static processor asked(void) { return (processor){0, 0}; }

#endif

static inline int32_t has_i8mm(processor p) { return p.has_dot_products && p.has_matrix_products; }
static inline int32_t has_dotprod(processor p) { return p.has_dot_products; }
static inline int32_t has_neon(processor p) { return (void)p, 1; } /* which every aarch64 has */

#endif
