/* An encoder's matrices in the order that products read them, all in one piece of memory. */
#include "packing.h"

#include <stdlib.h>

#define BOUND 1e18f /* Products of two such numbers have sums in float32. */

/* What a query's product gives is divided by the root of a head's width, and counts in powers of two instead of e, as
   attention wants it. */
static float share_of(const encoder *self, int which)
{
    return which == QUERY ? LOG2_E / __builtin_sqrtf((float)(self->is.width / self->is.heads)) : 1;
}

/* Products `first` up to `first + count`, which share their input and shape, side by side. */
static product pack_rounded(arena *from, const encoder *self, const given_layer *layer, int first, int count, int place,
                            int inputs, int outputs)
{
    const int all = count * outputs;
    weight_t *panels = take(from, (int64_t)inputs * all * (int64_t)sizeof(weight_t));
    int32_t *starts = take(from, (int64_t)all * STARTS * 4);
    float *scales = take(from, (int64_t)all * 4), *biases = take(from, (int64_t)all * 4);
    for (int n = 0; from->start && n < count; n++) {
        const int which = first + n, column = n * outputs;
        const float share = share_of(self, which);
        pack_int8(layer->weights[which], inputs, outputs, layer->offsets[place], panels + (int64_t)column * inputs,
                  starts + column * STARTS);
        for (int c = 0; c < outputs; c++) {
            scales[column + c] = layer->scales[which][c] * layer->input_scales[place] * share;
            biases[column + c] = layer->biases[which][c] * share;
        }
    }
    product made = {.rounded = {.inputs = inputs, .panels = panels, .start = starts, .scale = scales, .bias = biases}};
#ifdef WITHOUT_VNNI
    uint16_t *large = take(from, (int64_t)(all / PANEL) * (inputs / 8 + 1) * (int64_t)sizeof(uint16_t));
    if (from->start) find_large(panels, inputs, all, large);
    made.rounded.large = large;
#endif
    return made;
}

/* The same in float32. */
static product pack_whole(arena *from, const encoder *self, const given_layer *layer, int first, int count, int inputs,
                          int outputs)
{
    const int all = count * outputs;
    float *panels = take(from, (int64_t)inputs * all * 4), *biases = take(from, (int64_t)all * 4);
    for (int n = 0; from->start && n < count; n++) {
        const float share = share_of(self, first + n);
        pack_float(layer->weights[first + n], inputs, outputs, share, panels + (int64_t)n * outputs * inputs);
        for (int c = 0; c < outputs; c++) biases[n * outputs + c] = layer->biases[first + n][c] * share;
    }
    return (product){.whole = {inputs, panels, biases}};
}

static product pack(arena *from, const encoder *self, const given_layer *layer, int first, int count, int place,
                    int inputs, int outputs)
{
    return self->is.is_int8 ? pack_rounded(from, self, layer, first, count, place, inputs, outputs)
                            : pack_whole(from, self, layer, first, count, inputs, outputs);
}

static void pack_all(encoder *self, arena *from)
{
    const int width = self->is.width, inner = self->is.inner;
    given_layer *layers = take(from, self->is.layers * (int64_t)sizeof(given_layer));
    packed_layer *packed = take(from, self->is.layers * (int64_t)sizeof(packed_layer));
    for (int n = 0; n < self->is.layers; n++) {
        const given_layer *layer = &self->is.layer[n];
        const packed_layer made = {
            .qkv = pack(from, self, layer, QUERY, 3, TO_QKV, width, width),
            .attended = pack(from, self, layer, ATTENDED, 1, TO_ATTENDED, width, width),
            .up = pack(from, self, layer, UP, 1, TO_UP, width, inner),
            .down = pack(from, self, layer, DOWN, 1, TO_DOWN, inner, width),
        };
        if (!from->start) continue;
        layers[n] = *layer;
        packed[n] = made;
    }
    self->layer = layers;
    self->packed = packed;
    if (!self->is.labels) return;
    float *panels = take(from, (int64_t)width * width * 4);
    if (panels) pack_float(self->is.dense, width, width, 1, panels);
    self->dense = (product){.whole = {width, panels, self->is.dense_bias}};
}

static int are_bounded(const float *factors, float most, const float *more, int count)
{
    for (int n = 0; n < count; n++)
        if (!(__builtin_fabsf(factors[n]) * most + __builtin_fabsf(more[n]) <= BOUND)) return 0;
    return 1;
}

static int are_finite(const float *numbers, int count)
{
    for (int n = 0; n < count; n++)
        if (!__builtin_isfinite(numbers[n])) return 0;
    return 1;
}

/* Whether all that this layer rounds to uint8 is finite, whatever its input: a uint8 cannot tell. */
static int is_bounded(const given_encoder *is, const given_layer *layer)
{
    static const int input_of[PRODUCTS] = {TO_QKV, TO_QKV, TO_QKV, TO_ATTENDED, TO_UP, TO_DOWN};
    for (int n = 0; n < PRODUCTS; n++) {
        const int inputs = n == DOWN ? is->inner : is->width, outputs = n == UP ? is->inner : is->width;
        const float most = 255.0f * 255.0f * (float)inputs * __builtin_fabsf(layer->input_scales[input_of[n]]);
        if (!are_bounded(layer->scales[n], most, layer->biases[n], outputs)) return 0;
        if (!are_finite(layer->factors[input_of[n]], inputs)) return 0;
    }
    const float unit = __builtin_sqrtf((float)is->width); /* what no number of a normalized row is beyond */
    return are_bounded(layer->gains[0], unit, layer->shifts[0], is->width) &&
           are_bounded(layer->gains[1], unit, layer->shifts[1], is->width);
}

encoder *encoder_new(const given_encoder *given)
{
    encoder *self = calloc(1, sizeof(encoder));
    if (!self) return NULL;
    self->head.by = &NAMED(kernels);
    self->is = *given;
    self->is_sound = 1;
    for (int n = 0; given->is_int8 && n < given->layers; n++) self->is_sound &= is_bounded(given, &given->layer[n]);
    arena counted = {NULL, 0};
    pack_all(self, &counted);
    self->memory = malloc((size_t)counted.used + LINE);
    if (!self->memory) {
        free(self);
        return NULL;
    }
    arena real = {aligned(self->memory), 0};
    pack_all(self, &real);
    self->is.layer = NULL; /* the caller's, which need not outlive this */
    return self;
}

void encoder_free(encoder *self)
{
    free(self->memory);
    free(self);
}
