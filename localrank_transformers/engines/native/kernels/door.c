/* Asks the processor and the system what they can do; compiled without the instructions that it asks for.

   Bits: Intel's Software Developer's Manual, volume 2A, CPUID, and volume 1, section 15.2. */
#include "door.h"

#include <cpuid.h>
#include <stddef.h>

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

/* VARIANTS is what was compiled, as X(name) each. */
#define X(name)                          \
    extern const kernels kernels_##name; \
    extern compare_documents *const maxsim_##name;
VARIANTS
#undef X

static const struct {
    const char *name;
    const kernels *does;
    compare_documents *const *compares;
    int32_t (*runs_on)(processor);
} known[] = {
#define X(name) {#name, &kernels_##name, &maxsim_##name, has_##name},
    VARIANTS
#undef X
};

#define COUNT ((int32_t)(sizeof(known) / sizeof(known[0])))

static const kernels *of(const encoder *self) { return ((const encoder_head *)self)->by; }

int32_t localrank_interface(void) { return LOCALRANK_INTERFACE; }

const char *localrank_name(int32_t n) { return n < COUNT ? known[n].name : NULL; }

int32_t localrank_is_supported(int32_t n) { return known[n].runs_on(asked()); }

encoder *localrank_encoder_new(const given_encoder *given, int32_t n) { return known[n].does->new (given); }

void localrank_encoder_free(encoder *self)
{
    if (self) of(self)->free(self);
}

int64_t localrank_room(const encoder *self, const int32_t *lengths, int32_t documents, int32_t threads)
{
    return of(self)->room(self, lengths, documents, threads);
}

int32_t localrank_run(const encoder *self, void *room, const int64_t *ids, const int64_t *types, const int32_t *lengths,
                      int32_t documents, int32_t threads, float *out, const volatile int32_t *stopped)
{
    return of(self)->run(self, room, ids, types, lengths, documents, threads, out, stopped);
}

void localrank_compare(const token_vectors *query, const void *const *documents, const int32_t *tokens, int32_t count,
                       double *out, int32_t n)
{
    (*known[n].compares)(query, documents, tokens, count, out);
}
