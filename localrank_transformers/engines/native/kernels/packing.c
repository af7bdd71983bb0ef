/* An encoder's matrices in the order that products read them, all in one piece of memory. */
#include "packing.h"

#include "vectors.h"

#include <stdlib.h>

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
    int8_t *panels = take(from, (int64_t)inputs * all);
    int32_t *starts = take(from, all * 4L);
    float *scales = take(from, all * 4L), *biases = take(from, all * 4L);
    for (int n = 0; from->start && n < count; n++) {
        const int which = first + n, column = n * outputs;
        const float share = share_of(self, which);
        pack_int8(layer->weights[which], inputs, outputs, layer->offsets[place], panels + (int64_t)column * inputs,
                  starts + column);
        for (int c = 0; c < outputs; c++) {
            scales[column + c] = layer->scales[which][c] * layer->input_scales[place] * share;
            biases[column + c] = layer->biases[which][c] * share;
        }
    }
    return (product){.rounded = {inputs, panels, starts, scales, biases}};
}

/* The same in float32. */
static product pack_whole(arena *from, const encoder *self, const given_layer *layer, int first, int count, int inputs,
                          int outputs)
{
    const int all = count * outputs;
    float *panels = take(from, (int64_t)inputs * all * 4), *biases = take(from, all * 4L);
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

encoder *localrank_encoder_new(const given_encoder *given)
{
    encoder *self = calloc(1, sizeof(encoder));
    if (!self) return NULL;
    self->is = *given;
    arena counted = {NULL, 0};
    pack_all(self, &counted);
    self->memory = aligned_alloc(64, (size_t)counted.used);
    if (!self->memory) {
        free(self);
        return NULL;
    }
    arena real = {self->memory, 0};
    pack_all(self, &real);
    self->is.layer = NULL; /* the caller's, which need not outlive this */
    return self;
}

void localrank_encoder_free(encoder *self)
{
    if (!self) return;
    free(self->memory);
    free(self);
}
