/* Attention within one document: TILE_ROWS queries at a time against all keys of a head, in float32. */
#include "attention.h"

#include "products.h"

static int filled_up(int keys) { return (keys + PANEL - 1) / PANEL * PANEL; }

int64_t attention_room(int keys, int head_width) { return (int64_t)filled_up(keys) * (2 * head_width + TILE_ROWS); }

/* Of a row of scores, in each lane, the greatest, and the least below zero. */
typedef struct {
    vec16 greatest, least;
} bounds;

INLINE bounds bounds_of(const float *row, int keys)
{
    const int whole = keys / LANES * LANES;
    bounds found = {load_first(row + whole, keys - whole, all16(-3.4e38f)), zero16()};
    for (int k = 0; k < whole; k += LANES) {
        const vec16 scores = load16(row + k);
        found.greatest = max16(found.greatest, scores);
        if (ADDS_EXPONENTS) found.least = min16(found.least, scores);
    }
    return found;
}

/* A row of scores becomes powers of two, less the greatest and with none behind the last key; returns their sums. */
INLINE vec16 powers_of(const int is_near, float *row, int keys, vec16 greatest)
{
    const int whole = keys / LANES * LANES, rest = keys - whole;
    vec16 sum = zero16();
    for (int k = 0; k < whole; k += LANES) {
        const vec16 x = sub16(load16(row + k), greatest), one = is_near ? exp2_near(x) : exp2_of(x);
        store16(row + k, one);
        sum = add16(sum, one);
    }
    if (rest) {
        const vec16 last = keep_first(exp2_of(sub16(load16(row + whole), greatest)), rest);
        store16(row + whole, last);
        sum = add16(sum, last);
    }
    return sum;
}

/* Rows of scores become powers of two; `shares` are 1 / the sum of each. One step after another for all rows: what ends
   a row is a chain of instructions, each of which waits for the one before it. */
static void soften(float *scores, int64_t stride, int rows, int keys, float *shares)
{
    bounds of[TILE_ROWS];
    vec16 sums[TILE_ROWS];
    float greatest[TILE_ROWS];
    int are_near[TILE_ROWS];
    for (int r = 0; r < rows; r++) of[r] = bounds_of(scores + r * stride, keys);
    for (int r = 0; r < rows; r++) {
        greatest[r] = greatest16(of[r].greatest);
        are_near[r] = ADDS_EXPONENTS && -greatest16(sub16(zero16(), of[r].least)) - greatest[r] >= NEAR;
    }
    for (int r = 0; r < rows; r++) {
        float *row = scores + r * stride;
        const vec16 most = all16(greatest[r]);
        sums[r] = are_near[r] ? powers_of(1, row, keys, most) : powers_of(0, row, keys, most);
    }
    for (int r = 0; r < rows; r++) shares[r] = 1.0f / sum16(sums[r]);
}

/* Keys as columns, in panels as for a product; columns behind the last key are zero. */
static void turn_keys(const float *key, int64_t stride, int keys, int head_width, float *panels)
{
    for (int k = 0; k < filled_up(keys); k += LANES)
        for (int d = 0; d < head_width; d += LANES)
            transpose(key + k * stride + d, stride, keys - k,
                      panels + (int64_t)(k / PANEL) * PANEL * head_width + d * PANEL + k % PANEL, PANEL);
}

/* With more keys their values, which lie a row of queries, keys and values apart, are read faster side by side. */
#define APART 320

/* Values in panels, key after key. */
static void gather(const float *value, int64_t stride, int keys, int head_width, float *panels)
{
    for (int k = 0; k < keys; k++, value += stride)
        for (int d = 0; d < head_width; d += LANES)
            store16(panels + (int64_t)(d / PANEL) * PANEL * keys + k * PANEL + d % PANEL, load16(value + d));
}

/* Values of a head as they lie: panel n begins at `at + n * panel`, a key's row in it `stride` after the one before. */
typedef struct {
    const float *at;
    int64_t stride, panel;
} values;

/* Means of values, weighed by what scores have become, each row by its share. */
static void weigh(const float *scores, int64_t scores_stride, int rows, const values *v, int keys, int head_width,
                  const float *shares, float *out, int64_t out_stride)
{
    float_product(rows, scores, scores_stride, v->at, v->stride, v->panel, keys, head_width, out, out_stride);
    for (int r = 0; r < rows; r++)
        for (int column = 0; column < head_width; column += LANES) {
            float *place = out + r * out_stride + column;
            store16(place, mul16(load16(place), all16(shares[r])));
        }
}

void attend(const float *query, int64_t query_stride, int queries, const float *key, const float *value, int64_t stride,
            int keys, int heads, int head_width, float *out, int64_t out_stride, float *room)
{
    const int64_t filled = filled_up(keys);
    float *columns = room, *gathered = columns + filled * head_width, *scores = gathered + filled * head_width;
    float shares[TILE_ROWS];
    for (int head = 0; head < heads;
         head++, query += head_width, key += head_width, value += head_width, out += head_width) {
        values v = {value, stride, PANEL};
        turn_keys(key, stride, keys, head_width, columns);
        if (keys > APART && queries > TILE_ROWS) {
            gather(value, stride, keys, head_width, gathered);
            v = (values){gathered, PANEL, (int64_t)PANEL * keys};
        }
        for (int q = 0, rows; q < queries; q += rows) {
            rows = tile_rows(queries - q, TILE_ROWS);
            float_product(rows, query + q * query_stride, query_stride, columns, PANEL, (int64_t)PANEL * head_width,
                          head_width, keys, scores, filled);
            soften(scores, filled, rows, keys, shares);
            weigh(scores, filled, rows, &v, keys, head_width, shares, out + q * out_stride, out_stride);
        }
    }
}
