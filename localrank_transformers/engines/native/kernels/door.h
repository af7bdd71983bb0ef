/* The door of the library: kernels for several kinds of processors behind one set of functions. */
#ifndef LOCALRANK_DOOR_H
#define LOCALRANK_DOOR_H

#include "encoder.h"
#include "maxsim.h"
#include "unigram.h"
#include "vocabulary.h"

#ifdef _WIN32
#define DOOR __declspec(dllexport)
#else
#define DOOR __attribute__((visibility("default")))
#endif
#define LOCALRANK_INTERFACE 7 /* Counts what a caller of an older library would get wrong. */

/* LOCALRANK_INTERFACE, as this library was compiled. */
DOOR int32_t localrank_interface(void);

/* The name of the `n`th kernels, the fastest first; NULL behind the last ones. */
DOOR const char *localrank_name(int32_t n);

/* Whether this processor has the instructions of the `n`th kernels. */
DOOR int32_t localrank_is_supported(int32_t n);

/* See `kernels`; an encoder stays with the `n`th ones, which made it. */
DOOR encoder *localrank_encoder_new(const given_encoder *given, int32_t n);
DOOR void localrank_encoder_free(encoder *self);
DOOR int64_t localrank_room(const encoder *self, const int32_t *lengths, int32_t documents, int32_t threads);
DOOR int32_t localrank_run(const encoder *self, void *room, const int64_t *ids, const int64_t *types,
                           const int32_t *lengths, int32_t documents, int32_t threads, float *out,
                           const volatile int32_t *stopped);

/* See `compare_documents`, by the `n`th kernels; for many callers at once. */
DOOR void localrank_compare(const token_vectors *query, const void *const *documents, const int32_t *tokens,
                            int32_t count, double *out, int32_t n);

/* See `pack_document`. */
DOOR int32_t localrank_pack(const float *vectors, const int64_t *counted, int32_t tokens, int32_t width, int32_t kept,
                            int32_t bits, void *out, int32_t n);

/* See `pack_query`. */
DOOR int32_t localrank_pack_query(const float *vectors, int32_t tokens, int32_t width, int32_t bits, uint8_t *numbers,
                                  float *scales, int32_t n);

/* See `unigram_new` and what follows it; the same for all kernels. */
DOOR unigram *localrank_unigram_new(const given_pieces *given);
DOOR void localrank_unigram_free(unigram *self);
DOOR int32_t localrank_unigram_id(const unigram *self, const char *piece, int32_t bytes);
DOOR int64_t localrank_unigram_read(const unigram *self, const char *text, int64_t bytes, int32_t *ids);

/* See `vocabulary_read`. */
DOOR int64_t localrank_vocabulary_read(const char *text, int64_t bytes, const given_room *room, int64_t *read);

#endif
