/* Attention within one document: ten queries at a time against all keys of a head, in float32. */
#include "attention.h"

#include "products.h"
#include "vectors.h"

static int filled_up(int keys) { return (keys + PANEL - 1) / PANEL * PANEL; }

long attention_room(int keys, int head_width) { return (long)filled_up(keys) * (head_width + TILE_ROWS); }

/* Sixteen rows of sixteen numbers, of which `rows` are there, to columns. */
static void transpose(const float *from, long stride, int rows, float *to, long to_stride)
{
    __m512 line[LANES], half[LANES];
    for (int r = 0; r < LANES; r++) line[r] = r < rows ? _mm512_loadu_ps(from + r * stride) : _mm512_setzero_ps();
    for (int r = 0; r < LANES; r += 2) {
        half[r] = _mm512_unpacklo_ps(line[r], line[r + 1]);
        half[r + 1] = _mm512_unpackhi_ps(line[r], line[r + 1]);
    }
    for (int r = 0; r < LANES; r += 4)
        for (int c = 0; c < 2; c++) {
            const __m512d low = _mm512_castps_pd(half[r + c]), high = _mm512_castps_pd(half[r + c + 2]);
            line[r + 2 * c] = _mm512_castpd_ps(_mm512_unpacklo_pd(low, high));
            line[r + 2 * c + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(low, high));
        }
    for (int c = 0; c < 4; c++) { /* quarters of 128 bits, from four rows each, change places */
        const __m512 ab = _mm512_shuffle_f32x4(line[c], line[c + 4], 0x88),
                     AB = _mm512_shuffle_f32x4(line[c], line[c + 4], 0xdd);
        const __m512 cd = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0x88),
                     CD = _mm512_shuffle_f32x4(line[c + 8], line[c + 12], 0xdd);
        _mm512_storeu_ps(to + c * to_stride, _mm512_shuffle_f32x4(ab, cd, 0x88));
        _mm512_storeu_ps(to + (c + 8) * to_stride, _mm512_shuffle_f32x4(ab, cd, 0xdd));
        _mm512_storeu_ps(to + (c + 4) * to_stride, _mm512_shuffle_f32x4(AB, CD, 0x88));
        _mm512_storeu_ps(to + (c + 12) * to_stride, _mm512_shuffle_f32x4(AB, CD, 0xdd));
    }
}

/* A row of scores becomes powers of two, less the greatest and with none behind the last key; returns 1 / their sum. */
static float softened(float *row, int keys)
{
    const int whole = keys / LANES * LANES;
    const __mmask16 rest = (__mmask16)((1u << (keys - whole)) - 1);
    const __m512 least = _mm512_set1_ps(-3.4e38f);
    __m512 greatest = _mm512_mask_loadu_ps(least, rest, row + whole);
    for (int k = 0; k < whole; k += LANES) greatest = _mm512_max_ps(greatest, _mm512_loadu_ps(row + k));
    greatest = _mm512_set1_ps(_mm512_reduce_max_ps(greatest));
    __m512 sum = _mm512_setzero_ps();
    for (int k = 0; k < whole; k += LANES) {
        const __m512 one = exp2_of(_mm512_sub_ps(_mm512_loadu_ps(row + k), greatest));
        _mm512_storeu_ps(row + k, one);
        sum = _mm512_add_ps(sum, one);
    }
    if (rest) {
        const __m512 last =
            _mm512_maskz_mov_ps(rest, exp2_of(_mm512_sub_ps(_mm512_maskz_loadu_ps(rest, row + whole), greatest)));
        _mm512_mask_storeu_ps(row + whole, rest, last);
        sum = _mm512_add_ps(sum, last);
    }
    return 1.0f / _mm512_reduce_add_ps(sum);
}

/* Keys as columns, in panels of 32 as for a product; columns behind the last key are zero. */
static void turn_keys(const float *key, long stride, int keys, int head_width, float *panels)
{
    for (int k = 0; k < filled_up(keys); k += LANES)
        for (int d = 0; d < head_width; d += LANES)
            transpose(key + k * stride + d, stride, keys - k,
                      panels + (long)(k / PANEL) * PANEL * head_width + d * PANEL + k % PANEL, PANEL);
}

/* Means of values, weighed by what scores have become, each row by its share. */
static void weigh(const float *scores, long scores_stride, int rows, const float *value, long stride, int keys,
                  int head_width, const float *shares, float *out, long out_stride)
{
    for (int column = 0; column < head_width; column += PANEL)
        float_tile(rows, 2, scores, scores_stride, value + column, stride, keys, out + column, out_stride);
    for (int r = 0; r < rows; r++)
        for (int column = 0; column < head_width; column += LANES) {
            float *place = out + r * out_stride + column;
            _mm512_storeu_ps(place, _mm512_mul_ps(_mm512_loadu_ps(place), _mm512_set1_ps(shares[r])));
        }
}

void attend(const float *query, long query_stride, int queries, const float *key, const float *value, long stride,
            int keys, int heads, int head_width, float *out, long out_stride, float *room)
{
    const int filled = filled_up(keys);
    float *columns = room, *scores = room + (long)filled * head_width, shares[TILE_ROWS];
    for (int head = 0; head < heads;
         head++, query += head_width, key += head_width, value += head_width, out += head_width) {
        turn_keys(key, stride, keys, head_width, columns);
        for (int q = 0, rows; q < queries; q += rows) {
            rows = tile_rows(queries - q);
            for (int k = 0; k < filled; k += PANEL)
                float_tile(rows, keys - k > LANES ? 2 : 1, query + q * query_stride, query_stride,
                           columns + (long)k * head_width, PANEL, head_width, scores + k, filled);
            for (int r = 0; r < rows; r++) shares[r] = softened(scores + (long)r * filled, keys);
            weigh(scores, filled, rows, value, stride, keys, head_width, shares, out + q * out_stride, out_stride);
        }
    }
}
