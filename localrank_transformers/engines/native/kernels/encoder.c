/* The forward pass of a BERT-like encoder over documents end to end.

   All tokens of a run go through one product after another; attention looks at one document at a time. All else is
   row by row and goes over `CHUNK` rows at a time. A head reads the first token only: the last layer is computed for it
   alone, but for keys and values.

   Threads divide the rows among them. They meet before attention, which reads keys and values of all rows, and after
   it, since the next layer's keys and values take their place. */
#include "encoder.h"

#include "attention.h"
#include "room.h"
#include "rows.h"
#include "team.h"

#include <stdatomic.h>
#include <stddef.h>

/* One call of `localrank_run`. */
typedef struct {
    const encoder *self;
    const int64_t *ids, *types;
    extent extent;
    shared_room room;
    const volatile int32_t *stopped;
    int stops;             /* what all threads go by */
    atomic_int is_unsound; /* a number that is not finite was met */
} run;

/* What one thread works on: rows `first` up to `end`. */
typedef struct {
    run *of;
    own_room room;
    int first, end;
} part;

static int is_any_wrong(const encoder *self, const int32_t *lengths, int documents)
{
    for (int d = 0; d < documents; d++)
        if (lengths[d] < 1 || lengths[d] > self->is.window) return 1;
    return 0;
}

static int64_t room_of(const encoder *self, const int32_t *lengths, int32_t documents, int32_t threads)
{
    if (is_any_wrong(self, lengths, documents)) return -1;
    const extent all = extent_of(lengths, documents);
    arena counted = {0, 0};
    take_shared(self, &counted, &all, threads);
    return counted.used + LINE;
}

/* Rows as a product reads them: rounded to `rounded` in int8, themselves in float32. */
static const void *read_by(const encoder *self, int number, int place, const float *rows, int count, rounded_t *rounded)
{
    if (!self->is.is_int8) return rows;
    const given_layer *layer = &self->layer[number];
    const int width = self->is.width;
    for (int r = 0, some; r < count; r += some) {
        some = side_by_side(count - r, count - r);
        const int64_t before = (int64_t)r * width;
        const rounded_rows to = {rounded + before, some, width};
        round_rows(rows + before, layer->factors[place], layer->offsets[place], &to);
    }
    settle(rounded, count, width, layer->offsets[place]);
    return rounded;
}

static void expect(run *all, int is_sound)
{
    if (!is_sound) atomic_store_explicit(&all->is_unsound, 1, memory_order_relaxed);
}

static void normalize_rows(run *all, int number, int which, float *rows, int count)
{
    const encoder *self = all->self;
    const given_layer *layer = &self->layer[number];
    for (int r = 0; r < count; r++, rows += self->is.width)
        expect(all, normalize(rows, self->is.width, layer->gains[which], layer->shifts[which], self->is.epsilon));
}

/* From attention's result to the end of the layer: `hidden` is the layer's input and becomes its output. */
static void finish_layer(const part *p, int number, const float *context, float *hidden, rounded_t *rounded, int rows)
{
    const encoder *self = p->of->self;
    const given_layer *layer = &self->layer[number];
    const packed_layer *packed = &self->packed[number];
    const int width = self->is.width, inner = self->is.inner, panels = width / PANEL;
    for (int r = 0, some; r < rows; r += some, hidden += (int64_t)some * width, context += (int64_t)some * width) {
        some = rows - r < CHUNK ? rows - r : CHUNK;
        multiply(&packed->attended, read_by(self, number, TO_ATTENDED, context, some, rounded), some, 0, panels, hidden,
                 width, 1);
        normalize_rows(p->of, number, 0, hidden, some);
        widen(&packed->up, read_by(self, number, TO_UP, hidden, some, rounded), some, inner, layer->factors[TO_DOWN],
              layer->offsets[TO_DOWN], p->room.inner);
        multiply(&packed->down, p->room.inner, some, 0, panels, hidden, width, 1);
        normalize_rows(p->of, number, 1, hidden, some);
    }
}

/* Attention of this part's rows, each within its document. */
static void attend_rows(const part *p)
{
    const run *all = p->of;
    const int64_t width = all->self->is.width, stride = 3 * width;
    const int heads = all->self->is.heads;
    const float *key = all->room.qkv + width;
    for (int d = 0, start = 0; d < all->extent.documents; start += all->extent.lengths[d++]) {
        const int after = start + all->extent.lengths[d];
        const int from = start > p->first ? start : p->first, to = after < p->end ? after : p->end;
        if (from >= to) continue;
        attend(all->room.qkv + from * stride, stride, to - from, key + start * stride, key + start * stride + width,
               stride, all->extent.lengths[d], heads, (int)width / heads, all->room.context + from * width, width,
               p->room.attention);
    }
}

/* Queries, keys and values of this part's rows; of the last layer before a head, keys and values. */
static void multiply_qkv(const part *p, int number, int is_narrow)
{
    const run *all = p->of;
    const int64_t width = all->self->is.width;
    const int panel = is_narrow ? (int)width / PANEL : 0;
    for (int64_t r = p->first, some; r < p->end; r += some) {
        some = p->end - r < CHUNK ? p->end - r : CHUNK;
        const void *input = read_by(all->self, number, TO_QKV, all->room.hidden + r * width, (int)some,
                                    all->room.rounded + r * rounded_room((int)width));
        multiply(&all->self->packed[number].qkv, input, (int)some, panel, 3 * (int)width / PANEL,
                 all->room.qkv + r * 3 * width + panel * PANEL, 3 * width, 0);
    }
}

static void finish_whole(const part *p, int number)
{
    const int width = p->of->self->is.width;
    const int64_t before = (int64_t)p->first * width;
    const shared_room *b = &p->of->room;
    attend_rows(p);
    finish_layer(p, number, b->context + before, b->hidden + before, b->rounded + p->first * rounded_room(width),
                 p->end - p->first);
}

/* The last layer before a head: queries, and all after attention, for first tokens only, to `first_hidden`. */
static void finish_narrow(const part *p, int number)
{
    const run *all = p->of;
    const encoder *self = all->self;
    const shared_room *b = &all->room;
    const int documents = all->extent.documents, heads = self->is.heads;
    const int64_t width = self->is.width, stride = 3 * width;
    int64_t start = 0;
    for (int d = 0; d < documents; start += all->extent.lengths[d++])
        __builtin_memcpy(b->first_hidden + d * width, b->hidden + start * width, (size_t)width * 4);
    multiply(&self->packed[number].qkv, read_by(self, number, TO_QKV, b->first_hidden, documents, b->first_rounded),
             documents, 0, (int)width / PANEL, b->first_query, width, 0);
    const float *key = b->qkv + width;
    for (int d = 0; d < documents; key += all->extent.lengths[d++] * stride)
        attend(b->first_query + d * width, width, 1, key, key + width, stride, all->extent.lengths[d], heads,
               (int)width / heads, b->context + d * width, width, p->room.attention);
    finish_layer(p, number, b->context, b->first_hidden, b->first_rounded, documents);
}

/* The embeddings of this part's rows. */
static void embed(const part *p)
{
    run *all = p->of;
    const given_encoder *is = &all->self->is;
    const int width = is->width;
    for (int d = 0, start = 0; d < all->extent.documents; start += all->extent.lengths[d++]) {
        const int after = start + all->extent.lengths[d];
        const int from = start > p->first ? start : p->first, to = after < p->end ? after : p->end;
        for (int64_t row = from; row < to; row++) {
            float *hidden = all->room.hidden + row * width;
            const int64_t id = all->ids[row], word = id * width;
            if (is->word_blocks)
                widen_blocks((const uint8_t *)is->words + word / 2,
                             (const uint16_t *)is->word_scales + word / WORD_BLOCK, width, hidden);
            else if (is->is_int8)
                widen_row((const int8_t *)is->words + word, ((const float *)is->word_scales)[id], width, hidden);
            else
                __builtin_memcpy(hidden, (const float *)is->words + word, (size_t)width * 4);
            add_row(hidden, is->positions + (row - start) * width, width);
            if (is->segments > 1) add_row(hidden, is->types + all->types[row] * width, width);
            expect(all, normalize(hidden, width, is->gain, is->shift, is->epsilon));
        }
    }
}

/* One thread's way through the layers. */
static void go(void *context, team *of, int member, int members)
{
    run *all = context;
    const encoder *self = all->self;
    arena own = {all->room.own + member * all->room.bytes_of_one, 0};
    const int64_t tokens = all->extent.tokens;
    const part p = {all, take_own(self, &own, &all->extent), (int)(tokens * member / members),
                    (int)(tokens * (member + 1) / members)};
    embed(&p);
    for (int n = 0; n < self->is.layers; n++) {
        const int is_narrow = self->is.labels && n == self->is.layers - 1;
        multiply_qkv(&p, n, is_narrow);
        if (!member) all->stops = *all->stopped;
        team_meet(of);
        if (all->stops || (is_narrow && member)) return;
        if (is_narrow) {
            finish_narrow(&p, n);
            return;
        }
        finish_whole(&p, n);
        team_meet(of);
    }
}

/* First tokens to logits, in float32. */
static void judge(run *all, float *out)
{
    const encoder *self = all->self;
    const int width = self->is.width;
    float *dense = all->room.first_query;
    multiply(&self->dense, all->room.first_hidden, all->extent.documents, 0, width / PANEL, dense, width, 0);
    for (int d = 0; d < all->extent.documents; d++, dense += width) {
        expect(all, is_finite_row(dense, width)); /* tanh of infinity is 1 */
        for (int c = 0; c < width; c += LANES) {
            const vec16 x = load16(dense + c);
            store16(dense + c, self->is.head_gelu ? gelu_of(x) : tanh_of(x));
        }
        for (int label = 0; label < self->is.labels; label++, out++) {
            *out = dot(dense, self->is.out + label * width, width) + self->is.out_bias[label];
            expect(all, __builtin_isfinite(*out));
        }
    }
}

/* The tokens' vectors. */
static void hand_out(run *all, float *out)
{
    const int64_t width = all->self->is.width, tokens = all->extent.tokens;
    for (int64_t t = 0; t < tokens; t++) expect(all, is_finite_row(all->room.hidden + t * width, (int)width));
    __builtin_memcpy(out, all->room.hidden, (size_t)(tokens * width) * 4);
}

static int check(const encoder *self, const int64_t *ids, const int64_t *types, const int32_t *lengths, int documents)
{
    if (is_any_wrong(self, lengths, documents)) return TOO_LONG;
    const int64_t tokens = extent_of(lengths, documents).tokens;
    for (int64_t t = 0; t < tokens; t++)
        if (ids[t] < 0 || ids[t] >= self->is.vocabulary || types[t] < 0 || types[t] >= self->is.segments)
            return WRONG_ID;
    return DONE;
}

static int32_t run_all(const encoder *self, void *room, const int64_t *ids, const int64_t *types,
                       const int32_t *lengths, int32_t documents, int32_t threads, float *out,
                       const volatile int32_t *stopped)
{
    const int wrong = check(self, ids, types, lengths, documents);
    if (wrong) return wrong;
    if (!self->is_sound) return NOT_FINITE;
    arena from = {aligned(room), 0};
    run all = {.self = self, .ids = ids, .types = types, .stopped = stopped, .extent = extent_of(lengths, documents)};
    all.room = take_shared(self, &from, &all.extent, threads);
    team_work(threads, go, &all);
    if (all.stops) return STOPPED;
    if (self->is.labels)
        judge(&all, out);
    else
        hand_out(&all, out);
    return all.is_unsound ? NOT_FINITE : DONE;
}

const kernels NAMED(kernels) = {encoder_new, encoder_free, room_of, run_all};
