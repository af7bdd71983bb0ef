/* Attention within one document: TILE_ROWS queries at a time against all keys of a head, in float32. */
#include "attention.h"

#include "products.h"

static int filled_up(int keys) { return (keys + PANEL - 1) / PANEL * PANEL; }

int64_t attention_room(int keys, int head_width) { return (int64_t)filled_up(keys) * (head_width + TILE_ROWS); }

/* A row of scores becomes powers of two, less the greatest and with none behind the last key; returns 1 / their sum. */
static float softened(float *row, int keys)
{
    const int whole = keys / LANES * LANES, rest = keys - whole;
    vec16 greatest = load_first(row + whole, rest, all16(-3.4e38f));
    for (int k = 0; k < whole; k += LANES) greatest = max16(greatest, load16(row + k));
    greatest = all16(greatest16(greatest));
    vec16 sum = zero16();
    for (int k = 0; k < whole; k += LANES) {
        const vec16 one = exp2_of(sub16(load16(row + k), greatest));
        store16(row + k, one);
        sum = add16(sum, one);
    }
    if (rest) {
        const vec16 last = keep_first(exp2_of(sub16(load_first(row + whole, rest, zero16()), greatest)), rest);
        store_first(row + whole, rest, last);
        sum = add16(sum, last);
    }
    return 1.0f / sum16(sum);
}

/* Keys as columns, in panels as for a product; columns behind the last key are zero. */
static void turn_keys(const float *key, int64_t stride, int keys, int head_width, float *panels)
{
    for (int k = 0; k < filled_up(keys); k += LANES)
        for (int d = 0; d < head_width; d += LANES)
            transpose(key + k * stride + d, stride, keys - k,
                      panels + (int64_t)(k / PANEL) * PANEL * head_width + d * PANEL + k % PANEL, PANEL);
}

/* Means of values, weighed by what scores have become, each row by its share. */
static void weigh(const float *scores, int64_t scores_stride, int rows, const float *value, int64_t stride, int keys,
                  int head_width, const float *shares, float *out, int64_t out_stride)
{
    float_product(rows, scores, scores_stride, value, stride, PANEL, keys, head_width, out, out_stride);
    for (int r = 0; r < rows; r++)
        for (int column = 0; column < head_width; column += LANES) {
            float *place = out + r * out_stride + column;
            store16(place, mul16(load16(place), all16(shares[r])));
        }
}

void attend(const float *query, int64_t query_stride, int queries, const float *key, const float *value, int64_t stride,
            int keys, int heads, int head_width, float *out, int64_t out_stride, float *room)
{
    const int filled = filled_up(keys);
    float *columns = room, *scores = room + (int64_t)filled * head_width, shares[TILE_ROWS];
    for (int head = 0; head < heads;
         head++, query += head_width, key += head_width, value += head_width, out += head_width) {
        turn_keys(key, stride, keys, head_width, columns);
        for (int q = 0, rows; q < queries; q += rows) {
            rows = tile_rows(queries - q, TILE_ROWS);
            float_product(rows, query + q * query_stride, query_stride, columns, PANEL, (int64_t)PANEL * head_width,
                          head_width, keys, scores, filled);
            for (int r = 0; r < rows; r++) shares[r] = softened(scores + (int64_t)r * filled, keys);
            weigh(scores, filled, rows, value, stride, keys, head_width, shares, out + q * out_stride, out_stride);
        }
    }
}
