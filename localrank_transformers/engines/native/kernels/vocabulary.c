/* The pieces of a Unigram tokenizer out of its file: as much of JSON as such an array has. */
#include "vocabulary.h"

#include <string.h>

#define DIGITS 19 /* As many as fit into 64 bits whatever they are. */

typedef struct {
    const char *at, *end;
    int is_wrong;
} source;

static int peek(const source *from) { return from->at < from->end ? (uint8_t)*from->at : -1; }

static int take(source *from)
{
    if (from->at < from->end) return (uint8_t)*from->at++;
    from->is_wrong = 1;
    return -1;
}

static void skip(source *from)
{
    while (peek(from) == ' ' || peek(from) == '\n' || peek(from) == '\r' || peek(from) == '\t') from->at++;
}

static void expect(source *from, char wanted)
{
    skip(from);
    if (take(from) != wanted) from->is_wrong = 1;
}

static uint32_t four_digits(source *from)
{
    uint32_t value = 0;
    for (int n = 0; n < 4; n++) {
        const int digit = take(from);
        const int letter = digit | 0x20;
        if (digit >= '0' && digit <= '9')
            value = value << 4 | (uint32_t)(digit - '0');
        else if (letter >= 'a' && letter <= 'f')
            value = value << 4 | (uint32_t)(letter - 'a' + 10);
        else
            from->is_wrong = 1;
    }
    return value;
}

/* Writes a letter in UTF-8, which is never longer than its escape. */
static char *put(char *to, uint32_t letter)
{
    if (letter < 0x80) {
        *to++ = (char)letter;
        return to;
    }
    const int more = letter < 0x800 ? 1 : letter < 0x10000 ? 2 : 3;
    static const uint8_t leads[] = {0, 0xC0, 0xE0, 0xF0};
    *to++ = (char)(leads[more] | letter >> (6 * more));
    for (int n = more - 1; n >= 0; n--) *to++ = (char)(0x80 | ((letter >> (6 * n)) & 0x3F));
    return to;
}

static char *unescape(source *from, char *to)
{
    static const char escapes[] = "\"\\/bfnrt", meant[] = "\"\\/\b\f\n\r\t";
    const int escaped = take(from);
    const char *known = escaped > 0 ? memchr(escapes, escaped, sizeof(escapes) - 1) : 0;
    if (known) {
        *to++ = meant[known - escapes];
        return to;
    }
    if (escaped != 'u') from->is_wrong = 1;
    uint32_t letter = from->is_wrong ? 0 : four_digits(from);
    if (letter >= 0xD800 && letter < 0xDC00) {
        if (take(from) != '\\' || take(from) != 'u') from->is_wrong = 1;
        const uint32_t low = from->is_wrong ? 0 : four_digits(from);
        if (low < 0xDC00 || low > 0xDFFF) from->is_wrong = 1;
        letter = 0x10000 + ((letter - 0xD800) << 10) + ((low - 0xDC00) & 0x3FF);
    } else if (letter >= 0xDC00 && letter <= 0xDFFF) {
        from->is_wrong = 1;
    }
    return from->is_wrong ? to : put(to, letter);
}

static char *read_text(source *from, char *to)
{
    expect(from, '"');
    while (!from->is_wrong) {
        const int byte = take(from);
        if (byte == '"') break;
        if (byte == '\\')
            to = unescape(from, to);
        else if (byte < 0x20)
            from->is_wrong = 1;
        else
            *to++ = (char)byte;
    }
    return to;
}

static int is_digit(const source *from) { return peek(from) >= '0' && peek(from) <= '9'; }

/* Digits that follow, behind those in `value`; returns how many there were. */
static int read_digits(source *from, uint64_t *value, int *used)
{
    int count = 0;
    for (; is_digit(from); from->at++, count++) {
        *value = *value * 10 + (uint64_t)(*from->at - '0');
        *used += *value > 0;
    }
    if (!count || *used > DIGITS) from->is_wrong = 1;
    return count;
}

/* A power of ten that is no whole number would be another one than serde_json's. */
#define MOST_POWER 22

static double read_number(source *from)
{
    static const double powers[MOST_POWER + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                                  1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    skip(from);
    const int is_negative = peek(from) == '-';
    from->at += is_negative;
    const int is_zero = peek(from) == '0';
    uint64_t digits = 0, exponent = 0;
    int used = 0, ignored = 0, power = 0;
    if (read_digits(from, &digits, &used) > 1 && is_zero) from->is_wrong = 1;
    if (peek(from) == '.') {
        from->at++;
        power = -read_digits(from, &digits, &used);
    }
    if ((peek(from) | 0x20) == 'e') {
        from->at++;
        const int sign = peek(from);
        from->at += sign == '-' || sign == '+';
        read_digits(from, &exponent, &ignored);
        if (exponent > 99) from->is_wrong = 1;
        power += sign == '-' ? -(int)(exponent % 100) : (int)(exponent % 100);
    }
    if (power > MOST_POWER || power < -MOST_POWER) from->is_wrong = 1;
    if (from->is_wrong) return 0;
    const double value = power < 0 ? (double)digits / powers[-power] : (double)digits * powers[power];
    return is_negative ? -value : value;
}

int64_t vocabulary_read(const char *text, int64_t bytes, const given_room *room, int64_t *read)
{
    source from = {text, text + bytes, 0};
    char *to = room->pieces;
    int64_t count = 0;
    expect(&from, '[');
    skip(&from);
    for (; !from.is_wrong && peek(&from) != ']'; count++) {
        if (count) expect(&from, ',');
        expect(&from, '[');
        const char *start = to;
        to = read_text(&from, to);
        expect(&from, ',');
        const double score = read_number(&from);
        expect(&from, ']');
        skip(&from);
        if (from.is_wrong) break;
        room->lengths[count] = (int32_t)(to - start);
        room->scores[count] = score;
    }
    take(&from);
    *read = from.at - text;
    return from.is_wrong ? -1 : count;
}
