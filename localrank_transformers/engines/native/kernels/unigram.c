/* Pieces of a text by a unigram language model: a tree of bytes, and Viterbi's best path along each word. */
#include "unigram.h"

#include <stdlib.h>
#include <string.h>

#define NONE (-1)
#define UNKNOWN_PENALTY 10 /* SentencePiece's: how far an unknown letter is below the rarest piece. */

static const char mark[] = "\xE2\x96\x81"; /* U+2581 */
#define MARK ((int64_t)sizeof(mark) - 1)

/* The nodes of the tree by depth, those of one parent side by side in the order of their bytes: a text seldom leaves the
   upper ones, which lie together. */
struct unigram {
    uint32_t *first; /* of each node its first child; one more at the end */
    uint8_t *bytes;  /* by which a node is reached */
    int32_t *ids;    /* of the piece that ends at a node, or NONE */
    double *scores;  /* of each piece */
    double unknown_score;
    int32_t unknown, at_blanks;
};

/* The node that a byte leads to, 0 if there is none: no edge ends at the root. */
static uint32_t step(const unigram *self, uint32_t node, char byte)
{
    const uint32_t first = self->first[node];
    const uint8_t *found = memchr(self->bytes + first, (uint8_t)byte, self->first[node + 1] - first);
    return found ? (uint32_t)(found - self->bytes) : 0;
}

typedef struct {
    const char *start;
    int32_t bytes, id;
} piece;

static int by_bytes(const void *left, const void *right)
{
    const piece *a = left, *b = right;
    const int order = memcmp(a->start, b->start, (size_t)(a->bytes < b->bytes ? a->bytes : b->bytes));
    return order ? order : a->bytes != b->bytes ? (a->bytes < b->bytes ? -1 : 1) : (a->id > b->id) - (a->id < b->id);
}

/* The pieces that begin with a node's bytes. */
typedef struct {
    int32_t from, to, depth;
} span;

/* Writes the nodes of sorted pieces and returns how many they are. */
static uint32_t grow(unigram *self, const piece *sorted, int32_t count, span *spans)
{
    uint32_t nodes = 1;
    spans[0] = (span){0, count, 0};
    for (uint32_t node = 0; node < nodes; node++) {
        const int32_t depth = spans[node].depth, end = spans[node].to;
        int32_t at = spans[node].from;
        self->ids[node] = NONE;
        self->first[node] = nodes;
        for (; at < end && sorted[at].bytes == depth; at++) self->ids[node] = sorted[at].id;
        while (at < end) {
            const int32_t from = at;
            const char byte = sorted[at].start[depth];
            while (at < end && sorted[at].start[depth] == byte) at++;
            self->bytes[nodes] = (uint8_t)byte;
            spans[nodes++] = (span){from, at, depth + 1};
        }
    }
    self->first[nodes] = nodes;
    return nodes;
}

/* Gives back what was taken for more nodes than there are. */
static void *cut(void *memory, size_t bytes)
{
    void *smaller = realloc(memory, bytes);
    return smaller ? smaller : memory;
}

static int fill(unigram *self, const given_pieces *given)
{
    size_t most = 2;
    double lowest = given->count ? given->scores[0] : 0;
    for (int32_t id = 0; id < given->count; id++) {
        most += (size_t)given->lengths[id];
        if (given->scores[id] < lowest) lowest = given->scores[id];
    }
    self->unknown_score = lowest - UNKNOWN_PENALTY;
    self->first = malloc(most * sizeof(uint32_t));
    self->bytes = malloc(most);
    self->ids = malloc(most * sizeof(int32_t));
    self->scores = malloc(((size_t)given->count + 1) * sizeof(double));
    piece *sorted = malloc(((size_t)given->count + 1) * sizeof(piece));
    span *spans = malloc(most * sizeof(span));
    const int is_room = self->first && self->bytes && self->ids && self->scores && sorted && spans;
    if (is_room) {
        const char *start = given->pieces;
        for (int32_t id = 0; id < given->count; start += given->lengths[id++])
            sorted[id] = (piece){start, given->lengths[id], id};
        qsort(sorted, (size_t)given->count, sizeof(piece), by_bytes);
        memcpy(self->scores, given->scores, (size_t)given->count * sizeof(double));
        const size_t nodes = grow(self, sorted, given->count, spans);
        self->first = cut(self->first, (nodes + 1) * sizeof(uint32_t));
        self->bytes = cut(self->bytes, nodes);
        self->ids = cut(self->ids, nodes * sizeof(int32_t));
    }
    free(sorted);
    free(spans);
    return is_room;
}

unigram *unigram_new(const given_pieces *given)
{
    unigram *self = calloc(1, sizeof(unigram));
    if (!self) return NULL;
    self->unknown = given->unknown;
    self->at_blanks = given->at_blanks;
    if (fill(self, given)) return self;
    unigram_free(self);
    return NULL;
}

void unigram_free(unigram *self)
{
    if (!self) return;
    free(self->first);
    free(self->bytes);
    free(self->ids);
    free(self->scores);
    free(self);
}

int32_t unigram_id(const unigram *self, const char *piece, int32_t bytes)
{
    uint32_t node = 0;
    for (int32_t n = 0; n < bytes; n++)
        if (!(node = step(self, node, piece[n]))) return NONE;
    return self->ids[node];
}

/* The best path that ends behind a byte: its score, its last piece, and where that begins. */
typedef struct {
    double score;
    int32_t id;
    int32_t bytes; /* of the last piece; 0 where no path ends */
} ending;

static int bytes_of_letter(char first)
{
    const uint8_t byte = (uint8_t)first;
    return byte < 0xC0 ? 1 : byte < 0xE0 ? 2 : byte < 0xF0 ? 3 : 4;
}

/* The first of equal paths stays, whose last piece begins earlier. */
static void offer(ending *at, double score, int32_t id, int32_t bytes)
{
    if (!at->bytes || score > at->score) *at = (ending){score, id, bytes};
}

static void find_paths(const unigram *self, const char *word, int64_t bytes, ending *ends)
{
    memset(ends, 0, (size_t)(bytes + 1) * sizeof(ending));
    for (int64_t at = 0; at < bytes;) {
        const double before = ends[at].score;
        int64_t letter = bytes_of_letter(word[at]);
        if (letter > bytes - at) letter = bytes - at;
        int is_known = 0;
        uint32_t node = 0;
        for (int64_t end = at; end < bytes && (node = step(self, node, word[end]));) {
            const int32_t id = self->ids[node], long_as = (int32_t)(++end - at);
            if (id == NONE) continue;
            offer(&ends[end], self->scores[id] + before, id, long_as);
            is_known |= long_as == letter;
        }
        if (!is_known) offer(&ends[at + letter], self->unknown_score + before, self->unknown, (int32_t)letter);
        at += letter;
    }
}

/* Writes a path's pieces from behind, and returns how many. */
static int64_t follow(const unigram *self, const char *word, int64_t bytes, const ending *ends, int32_t *ids)
{
    int64_t count = 0;
    for (int64_t end = bytes; end > 0;) {
        int64_t begin = end - ends[end].bytes;
        if (ends[end].id != self->unknown) {
            ids[count++] = ends[end].id;
            end = begin;
            continue;
        }
        while (begin > 0 && ends[begin].id == self->unknown) begin -= ends[begin].bytes;
        const int32_t joined = unigram_id(self, word + begin, (int32_t)(end - begin));
        ids[count++] = joined == NONE ? self->unknown : joined;
        end = begin;
    }
    for (int64_t n = 0; n < count / 2; n++) {
        const int32_t first = ids[n];
        ids[n] = ids[count - 1 - n];
        ids[count - 1 - n] = first;
    }
    return count;
}

/* The bytes of the white space that a text begins with, 0 if it begins with none (Unicode's property White_Space). */
static int64_t blank(const char *text, int64_t bytes)
{
    const uint8_t *at = (const uint8_t *)text;
    if ((at[0] >= 0x09 && at[0] <= 0x0D) || at[0] == ' ') return 1;
    if (bytes > 1 && at[0] == 0xC2) return at[1] == 0x85 || at[1] == 0xA0 ? 2 : 0;
    if (bytes < 3 || at[0] < 0xE1 || at[0] > 0xE3) return 0;
    const uint32_t letter = (at[0] & 0xFu) << 12 | (at[1] & 0x3Fu) << 6 | (at[2] & 0x3Fu);
    const int is_blank = letter == 0x1680 || (letter >= 0x2000 && letter <= 0x200A) || letter == 0x2028 ||
                         letter == 0x2029 || letter == 0x202F || letter == 0x205F || letter == 0x3000;
    return is_blank ? 3 : 0;
}

static int is_mark(const char *text, int64_t bytes) { return bytes >= MARK && !memcmp(text, mark, MARK); }

/* How far a word goes that a text begins with, a mark before it counted in. */
static int64_t length_of(const unigram *self, const char *text, int64_t bytes)
{
    int64_t end = is_mark(text, bytes) ? MARK : 1;
    while (end < bytes && !is_mark(text + end, bytes - end) &&
           !(self->at_blanks && blank(text + end, bytes - end)))
        end++;
    return end;
}

int64_t unigram_read(const unigram *self, const char *text, int64_t bytes, int32_t *ids)
{
    char *word = malloc((size_t)(bytes + MARK));
    ending *ends = malloc((size_t)(bytes + MARK + 1) * sizeof(ending));
    int64_t count = word && ends ? 0 : -1;
    for (int64_t at = 0; count >= 0 && at < bytes;) {
        const int64_t blanks = self->at_blanks ? blank(text + at, bytes - at) : 0;
        if (blanks) {
            at += blanks;
            continue;
        }
        const int64_t own = length_of(self, text + at, bytes - at), before = is_mark(text + at, bytes - at) ? 0 : MARK;
        memcpy(word, mark, (size_t)before);
        memcpy(word + before, text + at, (size_t)own);
        find_paths(self, word, before + own, ends);
        count += follow(self, word, before + own, ends, ids + count);
        at += own;
    }
    free(word);
    free(ends);
    return count;
}
