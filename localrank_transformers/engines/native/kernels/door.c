/* Asks the processor which kernels it can run; compiled without the instructions that it asks for. */
#include "door.h"

#include <stddef.h>

#if defined __aarch64__ || defined _M_ARM64
#include "processor_arm.h"
#else
#include "processor_x86.h"
#endif

/* VARIANTS is what was compiled, as X(name) each. */
#define X(name)                          \
    extern const kernels kernels_##name; \
    extern const late_interaction late_##name;
VARIANTS
#undef X

static const struct {
    const char *name;
    const kernels *does;
    const late_interaction *late;
    int32_t (*runs_on)(processor);
} known[] = {
#define X(name) {#name, &kernels_##name, &late_##name, has_##name},
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
    known[n].late->compare(query, documents, tokens, count, out);
}

int32_t localrank_pack(const float *vectors, const int64_t *counted, int32_t tokens, int32_t width, int32_t kept,
                       int32_t bits, void *out, int32_t n)
{
    return known[n].late->pack(vectors, counted, tokens, width, kept, bits, out);
}

int32_t localrank_pack_query(const float *vectors, int32_t tokens, int32_t width, int32_t bits, uint8_t *numbers,
                             float *scales, int32_t n)
{
    return known[n].late->pack_query(vectors, tokens, width, bits, numbers, scales);
}

unigram *localrank_unigram_new(const given_pieces *given) { return unigram_new(given); }

void localrank_unigram_free(unigram *self) { unigram_free(self); }

int32_t localrank_unigram_id(const unigram *self, const char *piece, int32_t bytes)
{
    return unigram_id(self, piece, bytes);
}

int64_t localrank_unigram_read(const unigram *self, const char *text, int64_t bytes, int32_t *ids)
{
    return unigram_read(self, text, bytes, ids);
}

int64_t localrank_vocabulary_read(const char *text, int64_t bytes, const given_room *room, int64_t *read)
{
    return vocabulary_read(text, bytes, room, read);
}
