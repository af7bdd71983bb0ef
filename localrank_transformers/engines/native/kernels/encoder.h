/* A BERT-like encoder in int8 or float32: documents end to end in, logits or token vectors out.

   Matrices are row-major, (inputs, outputs). `inner` is a multiple of 32, and so is `width / heads`. */
#ifndef LOCALRANK_ENCODER_H
#define LOCALRANK_ENCODER_H

#include <stdint.h>

enum { QUERY, KEY, VALUE, ATTENDED, UP, DOWN, PRODUCTS };
enum { TO_QKV, TO_ATTENDED, TO_UP, TO_DOWN, INPUTS };

/* One layer, post-norm as in BERT (Devlin et al. 2019). The caller keeps all that pointers point to. */
typedef struct {
    const void *weights[PRODUCTS]; /* int8 or float32 */
    const float *biases[PRODUCTS];
    const float *gains[2], *shifts[2]; /* of the normalizations after attention and after the feed-forward part */
    /* What follows is of int8 only. */
    const float *scales[PRODUCTS]; /* of each output */
    const float *factors[INPUTS];  /* an input times its factor is rounded to uint8 */
    float input_scales[INPUTS];    /* what is rounded, less its offset, times this is the input */
    int32_t offsets[INPUTS];       /* 0 .. 255 */
} given_layer;

typedef struct {
    int32_t is_int8;
    int32_t word_blocks; /* with int8: words are in blocks of 32 weights of 4 bits */
    int32_t width, heads, inner, layers, vocabulary, window, segments;
    int32_t labels;    /* logits of the head; 0 without one: token vectors are the output */
    int32_t head_gelu; /* between the head's products: 1 GELU, 0 tanh */
    float epsilon;
    const void *words;       /* int8 or float32, a row of `width`; in blocks two weights a byte, the first one low */
    const void *word_scales; /* float32, one a row of int8; float16, one a block */
    const float *positions, *types, *gain, *shift;
    const float *dense, *dense_bias, *out, *out_bias; /* the head; `out` is (labels, width) */
    const given_layer *layer;
} given_encoder;

typedef struct encoder encoder;

enum { DONE, STOPPED, WRONG_ID, TOO_LONG, NOT_FINITE };

/* What one kind of processor runs, in all of which the same numbers lead to the same bits. */
typedef struct {
    /* NULL where memory is short. */
    encoder *(*new)(const given_encoder *given);
    void (*free)(encoder *self);

    /* Bytes that a run on so many threads wants; -1 for lengths that no document has. */
    int64_t (*room)(const encoder *self, const int32_t *lengths, int32_t documents, int32_t threads);

    /* Returns one of the codes above; looks at `stopped` in each layer. For many callers at once, each with its own
       room.

       ids, types: one a token, documents one after another, at least one token each. out: (documents, labels) or
       (tokens, width). The tokens are divided among `threads`, which changes no bit of the output. NOT_FINITE: a weight
       or a number on the way is not finite, and `out` means nothing. */
    int32_t (*run)(const encoder *self, void *room, const int64_t *ids, const int64_t *types, const int32_t *lengths,
                   int32_t documents, int32_t threads, float *out, const volatile int32_t *stopped);
} kernels;

/* What every encoder begins with. */
typedef struct {
    const kernels *by;
} encoder_head;

#endif
