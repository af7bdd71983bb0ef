/* An encoder's matrices in the order that products read them, all in one piece of memory. */
#ifndef LOCALRANK_PACKING_H
#define LOCALRANK_PACKING_H

#include "encoder.h"
#include "multiply.h"

typedef struct {
    product qkv, attended, up, down; /* qkv: the three side by side */
} packed_layer;

struct encoder {
    encoder_head head;
    given_encoder is;
    given_layer *layer;
    packed_layer *packed;
    product dense;
    char *memory;
    int is_sound; /* see `is_bounded` */
};

#define LINE 64 /* Bytes of a line of memory. */

/* Where the first line begins. */
static inline char *aligned(void *memory) { return (char *)(((uintptr_t)memory + LINE - 1) / LINE * LINE); }

/* Hands out pieces of one block, which begin with a line. Without a start it only counts. */
typedef struct {
    char *start;
    int64_t used;
} arena;

static inline void *take(arena *from, int64_t bytes)
{
    char *found = from->start ? from->start + from->used : 0;
    from->used += (bytes + LINE - 1) / LINE * LINE;
    return found;
}

extern const kernels NAMED(kernels);

encoder *encoder_new(const given_encoder *given);
void encoder_free(encoder *self);

#endif
