/* Whole products: rows times packed weights, one panel after another. */
#ifndef LOCALRANK_MULTIPLY_H
#define LOCALRANK_MULTIPLY_H

#include "products.h"

/* Weights in one of two precisions; the panels of the other one are NULL. Inputs are rounded or float32 alike. */
typedef struct {
    int8_weights rounded;
    float_weights whole;
} product;

/* Panels `first` up to `end`, to columns of `out` from 0 on; with `add`, on top of what is there. */
void multiply(const product *w, const void *input, int rows, int first, int end, float *out, int64_t stride, int add);

/* GELU of a product of `outputs` columns, to rows of as many numbers: float32, or rounded as `factors` and `offset`
   round it. */
void widen(const product *w, const void *input, int rows, int outputs, const float *factors, int offset, void *inner);

#endif
