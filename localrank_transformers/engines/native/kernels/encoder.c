/* The forward pass of a BERT-like encoder in int8 over documents end to end.

   All tokens of a run go through one product after another; attention looks at one document at a time. What follows
   attention is row by row, so it goes over `CHUNK` rows at a time, whose results stay in a core's own cache. A head
   reads the first token only: the last layer is computed for it alone, but for keys and values. */
#include "encoder.h"

#include "attention.h"
#include "packing.h"
#include "rows.h"

#define CHUNK 160

/* A run's room. */
typedef struct {
    float *hidden, *qkv, *context, *attention;
    uint8_t *rounded, *inner;          /* inputs of products; `inner` of CHUNK rows */
    float *first_hidden, *first_query; /* one row a document */
    uint8_t *first_rounded;
} buffers;

static buffers lay_out(const encoder *self, arena *from, const int32_t *lengths, int documents)
{
    const int64_t width = self->is.width;
    int64_t tokens = 0, longest = 0;
    for (int d = 0; d < documents; d++) {
        tokens += lengths[d];
        longest = lengths[d] > longest ? lengths[d] : longest;
    }
    return (buffers){
        .hidden = take(from, tokens * width * 4),
        .qkv = take(from, tokens * width * 12),
        .context = take(from, tokens * width * 4),
        .attention = take(from, attention_room((int)longest, (int)width / self->is.heads) * 4),
        .rounded = take(from, tokens * width),
        .inner = take(from, (tokens < CHUNK ? tokens : CHUNK) * self->is.inner),
        .first_hidden = take(from, documents * width * 4),
        .first_query = take(from, documents * width * 4),
        .first_rounded = take(from, documents * width),
    };
}

int64_t localrank_room(const encoder *self, const int32_t *lengths, int32_t documents)
{
    arena counted = {0, 0};
    lay_out(self, &counted, lengths, documents);
    return counted.used + 64;
}

/* Fetches the share that one tile of `tiles`, `left` from the last, has in the panel that comes next: a run reads its
   weights from the cache that the cores share, and waits for them where nobody asks before. Behind the last panel lies
   the next product. */
static void fetch(const int8_weights *w, int panel, int left, int tiles)
{
    const long bytes = (long)w->inputs * PANEL, share = (bytes / tiles + 63) / 64 * 64;
    const char *from = (const char *)w->panels + panel * bytes + (tiles - left) * share;
    for (long at = 0; at < share; at += 64) _mm_prefetch(from + at, _MM_HINT_T1);
}

/* The sums of one panel for the next tile of `rows`; returns how many rows it has. */
static int next_tile(const int8_weights *w, const uint8_t *input, int rows, int done, int panel, int32_t *sums)
{
    const int some = tile_rows(rows - done);
    fetch(w, panel + 1, tiles_of(rows - done), tiles_of(rows));
    int8_sums(some, input + (long)done * w->inputs, w->inputs, w, panel, sums);
    return some;
}

/* Panels `first` up to `end` of a product, to columns of `out` from 0 on; with `add`, on top of what is there. */
static void multiply(const int8_weights *w, const uint8_t *input, int rows, int first, int end, float *out, long stride,
                     int add)
{
    _Alignas(64) int32_t sums[TILE_ROWS * PANEL];
    for (int panel = first; panel < end; panel++, out += PANEL)
        for (int r = 0, some; r < rows; r += some) {
            some = next_tile(w, input, rows, r, panel, sums);
            for (int t = 0; t < some; t++)
                for (int c = 0; c < PANEL; c += LANES) {
                    float *place = out + (r + t) * stride + c;
                    const __m512 value = scaled(sums + t * PANEL + c, w, panel * PANEL + c);
                    _mm512_storeu_ps(place, add ? _mm512_add_ps(value, _mm512_loadu_ps(place)) : value);
                }
        }
}

/* The product before the activation, the activation, and what it is rounded to, a tile at a time. */
static void widen(const encoder *self, int number, const uint8_t *input, int rows, uint8_t *inner)
{
    const given_layer *layer = &self->layer[number];
    const int8_weights *w = &self->packed[number].up;
    const __m512i offset = _mm512_set1_epi32(layer->offsets[TO_DOWN]);
    _Alignas(64) int32_t sums[TILE_ROWS * PANEL];
    for (int first = 0; first < self->is.inner; first += PANEL)
        for (int r = 0, some; r < rows; r += some) {
            some = next_tile(w, input, rows, r, first / PANEL, sums);
            for (int t = 0; t < some; t++)
                for (int c = 0; c < PANEL; c += LANES)
                    round_lanes(coarse_gelu_of(scaled(sums + t * PANEL + c, w, first + c)),
                                layer->factors[TO_DOWN] + first + c, offset,
                                inner + (long)(r + t) * self->is.inner + first + c);
        }
}

static void round_rows(const encoder *self, int number, int place, const float *rows, int count, uint8_t *rounded)
{
    const given_layer *layer = &self->layer[number];
    const int width = self->is.width;
    for (int r = 0; r < count; r++, rows += width, rounded += width)
        round_row(rows, width, layer->factors[place], layer->offsets[place], rounded);
}

static void normalize_rows(const encoder *self, int number, int which, float *rows, int count)
{
    const given_layer *layer = &self->layer[number];
    for (int r = 0; r < count; r++, rows += self->is.width)
        normalize(rows, self->is.width, layer->gains[which], layer->shifts[which], self->is.epsilon);
}

/* From attention's result to the end of the layer: `hidden` is the layer's input and becomes its output. */
static void finish_layer(const encoder *self, int number, const float *context, float *hidden, int rows,
                         const buffers *b)
{
    const packed_layer *packed = &self->packed[number];
    const int width = self->is.width, panels = width / PANEL;
    for (int r = 0, some; r < rows; r += some, hidden += (long)some * width, context += (long)some * width) {
        some = rows - r < CHUNK ? rows - r : CHUNK;
        round_rows(self, number, TO_ATTENDED, context, some, b->rounded);
        multiply(&packed->attended, b->rounded, some, 0, panels, hidden, width, 1);
        normalize_rows(self, number, 0, hidden, some);
        round_rows(self, number, TO_UP, hidden, some, b->rounded);
        widen(self, number, b->rounded, some, b->inner);
        multiply(&packed->down, b->inner, some, 0, panels, hidden, width, 1);
        normalize_rows(self, number, 1, hidden, some);
    }
}

/* Attention of each document by itself, for all its queries or, with `alone`, for one a document. */
static void attend_each(const encoder *self, const buffers *b, const float *query, long query_stride, int alone,
                        const int32_t *lengths, int documents)
{
    const long width = self->is.width, stride = 3 * width;
    const float *key = b->qkv + width, *value = b->qkv + 2 * width;
    float *out = b->context;
    for (int d = 0; d < documents; d++) {
        const int queries = alone ? 1 : lengths[d];
        attend(query, query_stride, queries, key, value, stride, lengths[d], self->is.heads,
               (int)width / self->is.heads, out, width, b->attention);
        query += queries * query_stride;
        out += queries * width;
        key += lengths[d] * stride;
        value += lengths[d] * stride;
    }
}

static void whole_layer(const encoder *self, int number, const buffers *b, int tokens, const int32_t *lengths,
                        int documents)
{
    const int width = self->is.width;
    round_rows(self, number, TO_QKV, b->hidden, tokens, b->rounded);
    multiply(&self->packed[number].qkv, b->rounded, tokens, 0, 3 * width / PANEL, b->qkv, 3L * width, 0);
    attend_each(self, b, b->qkv, 3L * width, 0, lengths, documents);
    finish_layer(self, number, b->context, b->hidden, tokens, b);
}

/* The last layer before a head: queries, and all after attention, for first tokens only. Its output is `first_hidden`.
 */
static void narrow_layer(const encoder *self, int number, const buffers *b, int tokens, const int32_t *lengths,
                         int documents)
{
    const int width = self->is.width, panels = width / PANEL;
    const int8_weights *qkv = &self->packed[number].qkv;
    round_rows(self, number, TO_QKV, b->hidden, tokens, b->rounded);
    multiply(qkv, b->rounded, tokens, panels, 3 * panels, b->qkv + width, 3L * width, 0);
    long start = 0;
    for (int d = 0; d < documents; start += lengths[d++]) {
        __builtin_memcpy(b->first_hidden + (long)d * width, b->hidden + start * width, (size_t)width * 4);
        __builtin_memcpy(b->first_rounded + (long)d * width, b->rounded + start * width, (size_t)width);
    }
    multiply(qkv, b->first_rounded, documents, 0, panels, b->first_query, width, 0);
    attend_each(self, b, b->first_query, width, 1, lengths, documents);
    finish_layer(self, number, b->context, b->first_hidden, documents, b);
}

static void embed(const encoder *self, const int64_t *ids, const int64_t *types, const int32_t *lengths, int documents,
                  float *hidden)
{
    const given_encoder *is = &self->is;
    const int width = is->width;
    for (int d = 0; d < documents; d++)
        for (int32_t place = 0; place < lengths[d]; place++, ids++, types++, hidden += width) {
            widen_row(is->words + *ids * width, is->word_scales[*ids], width, hidden);
            add_row(hidden, is->positions + (long)place * width, width);
            if (is->segments > 1) add_row(hidden, is->types + *types * width, width);
            normalize(hidden, width, is->gain, is->shift, is->epsilon);
        }
}

/* First tokens to logits, in float32. `dense` has a row a document. */
static void judge(const encoder *self, const float *first, int documents, float *dense, float *out)
{
    const long width = self->is.width;
    for (int panel = 0; panel < width / PANEL; panel++)
        for (int r = 0, some; r < documents; r += some) {
            some = tile_rows(documents - r);
            float_weights_tile(some, first + r * width, width, &self->dense, panel, dense + r * width + panel * PANEL,
                               width);
        }
    for (int d = 0; d < documents; d++, dense += width) {
        for (int c = 0; c < width; c += LANES) {
            const __m512 x = _mm512_loadu_ps(dense + c);
            _mm512_storeu_ps(dense + c, self->is.head_gelu ? gelu_of(x) : tanh_of(x));
        }
        for (int label = 0; label < self->is.labels; label++)
            *out++ = dot(dense, self->is.out + label * width, (int)width) + self->is.out_bias[label];
    }
}

static int check(const encoder *self, const int64_t *ids, const int64_t *types, const int32_t *lengths, int documents,
                 int *tokens)
{
    *tokens = 0;
    for (int d = 0; d < documents; d++) {
        if (lengths[d] < 1 || lengths[d] > self->is.window) return TOO_LONG;
        *tokens += lengths[d];
    }
    for (int t = 0; t < *tokens; t++)
        if (ids[t] < 0 || ids[t] >= self->is.vocabulary || types[t] < 0 || types[t] >= self->is.segments)
            return WRONG_ID;
    return DONE;
}

int32_t localrank_run(const encoder *self, void *room, const int64_t *ids, const int64_t *types, const int32_t *lengths,
                      int32_t documents, float *out, const volatile int32_t *stopped)
{
    int tokens;
    const int wrong = check(self, ids, types, lengths, documents, &tokens);
    if (wrong) return wrong;
    arena from = {(char *)(((uintptr_t)room + 63) / 64 * 64), 0};
    const buffers b = lay_out(self, &from, lengths, documents);
    embed(self, ids, types, lengths, documents, b.hidden);
    for (int n = 0; n < self->is.layers; n++) {
        if (*stopped) return STOPPED;
        if (self->is.labels && n == self->is.layers - 1)
            narrow_layer(self, n, &b, tokens, lengths, documents);
        else
            whole_layer(self, n, &b, tokens, lengths, documents);
    }
    if (self->is.labels)
        judge(self, b.first_hidden, documents, b.first_query, out);
    else
        __builtin_memcpy(out, b.hidden, (size_t)tokens * self->is.width * 4);
    return DONE;
}
