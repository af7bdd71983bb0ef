/* Attention within one document (Vaswani et al. 2017, section 3.2.1). */
#ifndef LOCALRANK_ATTENTION_H
#define LOCALRANK_ATTENTION_H

#include <stdint.h>

#include "variant.h"

/* Floats of room that `attend` wants for a document of `keys` tokens. */
int64_t attention_room(int keys, int head_width);

/* Writes softmax(q kᵀ) v of each head to `out`, shape (queries, heads * head_width).

   Rows of `query`, `key` and `value` are `*_stride` floats apart; queries are divided by the root of the width
   already, and times log2 e. `head_width` is a multiple of 32. `room` holds `attention_room` floats. */
void attend(const float *query, int64_t query_stride, int queries, const float *key, const float *value, int64_t stride,
            int keys, int heads, int head_width, float *out, int64_t out_stride, float *room);

#endif
