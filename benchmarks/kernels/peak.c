/* How fast a core multiplies and adds, and how near to that the kernels' products come. Compiled with products.c and
   multiply.c for one kind of processor; prints GMAC/s by the thread's own time, the best of several tries. */
#include "multiply.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define LOOPS 8000000L
#define TRIES 5

static double seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Twelve accumulators, of which no step waits for another, and nothing from memory. */
#define TWELVE(STEP) STEP(0) STEP(1) STEP(2) STEP(3) STEP(4) STEP(5) STEP(6) STEP(7) STEP(8) STEP(9) STEP(10) STEP(11)
#define REGISTERS                                                                                              \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", \
        "xmm13", "xmm14", "xmm15"
#define CLEAR "vpxor %%xmm12, %%xmm12, %%xmm12\n\tvpxor %%xmm13, %%xmm13, %%xmm13\n"
#define LOOP(STEP) __asm__ volatile(CLEAR "1:\n\t" TWELVE(STEP) "sub $1, %0\n\tjnz 1b" : "+r"(left) : : REGISTERS, "cc")

#ifdef __AVX512F__
#define FLOAT_STEP(n) "vfmadd231ps %%zmm12, %%zmm13, %%zmm" #n "\n\t"
#define INT8_STEP(n) "vpdpbusd %%zmm12, %%zmm13, %%zmm" #n "\n\t"
#define FLOAT_MACS 16
#define INT8_MACS 64
#elif defined(__AVXVNNI__)
#define FLOAT_STEP(n) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #n "\n\t"
#define INT8_STEP(n) "%{vex%} vpdpbusd %%ymm12, %%ymm13, %%ymm" #n "\n\t"
#define FLOAT_MACS 8
#define INT8_MACS 32
#else
/* Four inputs of two steps: two products of sixteen bits, their sum, and its halves' sum to the accumulator. */
#define FLOAT_STEP(n) "vfmadd231ps %%ymm12, %%ymm13, %%ymm" #n "\n\t"
#define INT8_STEP(n)                                                                   \
    "vpmaddubsw %%ymm12, %%ymm13, %%ymm14\n\tvpmaddubsw %%ymm13, %%ymm12, %%ymm15\n\t" \
    "vpaddw %%ymm15, %%ymm14, %%ymm14\n\tvpmaddwd %%ymm12, %%ymm14, %%ymm14\n\t"       \
    "vpaddd %%ymm14, %%ymm" #n ", %%ymm" #n "\n\t"
#define FLOAT_MACS 8
#define INT8_MACS 64
#endif

static double float_peak(void)
{
    long left = LOOPS;
    const double start = seconds();
    LOOP(FLOAT_STEP);
    return 12.0 * FLOAT_MACS * LOOPS / (seconds() - start);
}

static double int8_peak(void)
{
    long left = LOOPS;
    const double start = seconds();
    LOOP(INT8_STEP);
    return 12.0 * INT8_MACS * LOOPS / (seconds() - start);
}

static void *cleared(long bytes)
{
    /* Behind the last panel a tile fetches what would come next. */
    void *found = aligned_alloc(64, (size_t)(bytes + (1 << 20)) / 64 * 64);
    if (!found) exit(1);
    __builtin_memset(found, 1, (size_t)bytes);
    return found;
}

/* Numbers around zero, as weights and activations are spread: deviation 25, at most 85 away. */
static int bell(void)
{
    static uint32_t state = 1;
    int sum = -510;
    for (int n = 0; n < 4; n++) {
        state = state * 1664525u + 1013904223u;
        sum += (int)(state >> 24);
    }
    return sum / 6;
}

#define OFFSET 128

static product int8_product(int inputs, int outputs, const float *scales)
{
    int8_t *matrix = cleared((long)inputs * outputs);
    for (long n = 0; n < (long)inputs * outputs; n++) matrix[n] = (int8_t)bell();
    weight_t *panels = cleared((long)inputs * outputs * (long)sizeof(weight_t));
    int32_t *starts = cleared(outputs * 4L);
    pack_int8(matrix, inputs, outputs, OFFSET, panels, starts);
    free(matrix);
    product made = {.rounded = {inputs, panels, starts, scales, scales}};
#ifdef WITHOUT_VNNI
    uint16_t *large = cleared((long)outputs / PANEL * (inputs / 8 + 1) * 2);
    find_large(panels, inputs, outputs, large);
    made.rounded.large = large;
#endif
    return made;
}

static void *rounded_rows(int rows, int inputs)
{
    rounded_t *found = cleared(rows * rounded_room(inputs));
    for (long n = 0; n < (long)rows * inputs; n++) found[n] = (rounded_t)(OFFSET + bell());
    settle(found, rows, inputs, OFFSET);
    return found;
}

static double measured(int is_int8, int rows, int inputs, int outputs)
{
    const float *scales = cleared(outputs * 4L);
    const void *input = is_int8 ? rounded_rows(rows, inputs) : cleared((long)rows * inputs * 4);
    float *out = cleared((long)rows * outputs * 4);
    const product w = is_int8 ? int8_product(inputs, outputs, scales)
                              : (product){.whole = {inputs, cleared((long)inputs * outputs * 4), scales}};
    const long macs = (long)rows * inputs * outputs, times = 400000000L / macs + 1;
    const double start = seconds();
    for (long n = 0; n < times; n++) multiply(&w, input, rows, 0, outputs / PANEL, out, outputs, 0);
    return (double)macs * (double)times / (seconds() - start); /* the program ends soon: nothing is freed */
}

int main(void)
{
    static const int rows[] = {1, 12, 120};
    double best[2][4] = {{0}};
    for (int n = 0; n < TRIES; n++)
        for (int is_int8 = 0; is_int8 < 2; is_int8++) {
            const double peak = is_int8 ? int8_peak() : float_peak();
            if (peak > best[is_int8][0]) best[is_int8][0] = peak;
            for (int r = 0; r < 3; r++) {
                /* One layer of width 384: its shapes are nearly alike, and their mean is taken. */
                const double speed =
                    (measured(is_int8, rows[r], 384, 1536) + measured(is_int8, rows[r], 1536, 384)) / 2;
                if (speed > best[is_int8][r + 1]) best[is_int8][r + 1] = speed;
            }
        }
    for (int is_int8 = 1; is_int8 >= 0; is_int8--)
        printf("%s %.4g %.4g %.4g %.4g\n", is_int8 ? "int8" : "float32", best[is_int8][0] / 1e9, best[is_int8][1] / 1e9,
               best[is_int8][2] / 1e9, best[is_int8][3] / 1e9);
    return 0;
}
