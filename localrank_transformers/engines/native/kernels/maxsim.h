/* MaxSim over documents whose tokens' vectors are kept in seven bits a number, or by its sign alone (ColBERT's, Khattab
   and Zaharia 2020).

   A vector is whole numbers of -63 .. 63 and what makes it one of length 1; or the signs of those, and what makes its
   product with itself 1. `width` is a multiple of 8; behind its last number a vector has zeros, and signs of any kind.
 */
#ifndef LOCALRANK_MAXSIM_H
#define LOCALRANK_MAXSIM_H

#include <stdint.h>

#define MOST_WIDTH 4096
#define LARGEST 63
#define SHORTEST 1e-36f /* A vector without a greater number than this has no length, and is all zeros. */

/* A query's tokens, one after another: 63 more than the number each, so that none is negative. What each counts, times
   what makes its vector one of length 1. */
typedef struct {
    const uint8_t *vectors;
    const double *weights;
    int32_t tokens, width;
    int32_t bits; /* of a document's numbers: 7 or 1 */
} token_vectors;

/* Writes for each document the sum, over the query's tokens in order, of weight times best product, in float64.

   A document's tokens lie in groups of sixteen, the last one perhaps of fewer: four numbers of each token of the group,
   then the next four of each. Behind the last group, for each token, what makes its vector one of length 1 (float32),
   and -63 times the sum of its numbers (int32). Of signs there is a byte for eight numbers of each token of the group,
   then for the next eight, a bit being 1 where the number is not negative; behind the last group a byte for each token:
   255 times the cosine of the signs with the vector, 0 for one without length. At least one token each. Exact in
   integers, then one multiplication in float32 for each pair of tokens: the bits are the same on every processor. */
typedef void compare_documents(const token_vectors *query, const void *const *documents, const int32_t *tokens,
                               int32_t count, double *out);

/* Writes a document as above of its vectors, (tokens, width) of any width; `counted` is 0 for each token that is left
   out, or NULL, and `kept` the number of the others. Returns whether every number is finite. */
typedef int32_t pack_document(const float *vectors, const int64_t *counted, int32_t tokens, int32_t width, int32_t kept,
                              int32_t bits, void *out);

/* Writes a query's numbers as in `token_vectors`, and for each token what makes its vector one of length 1. Returns
   whether every number is finite. */
typedef int32_t pack_query(const float *vectors, int32_t tokens, int32_t width, int32_t bits, uint8_t *numbers,
                           float *scales);

typedef struct {
    compare_documents *compare;
    pack_document *pack;
    pack_query *pack_query;
} late_interaction;

#endif
