/* A plugin of QEMU (docs/devel/tcg-plugins.rst) that counts how often each piece of code was run and prints that at the
   end: where the kernels' library lay, and of each piece its address, its instructions and how often. Its few
   declarations are of interface 1, so that QEMU's own header need not be here. */
#include <inttypes.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DOOR __attribute__((visibility("default")))

typedef uint64_t qemu_plugin_id_t;
struct qemu_plugin_tb;
extern void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
                                                  void (*translated)(qemu_plugin_id_t, struct qemu_plugin_tb *));
extern void qemu_plugin_register_atexit_cb(qemu_plugin_id_t id, void (*ended)(qemu_plugin_id_t, void *), void *given);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int add, void *number, uint64_t by);

DOOR int qemu_plugin_version = 1;

typedef struct piece {
    struct piece *other;
    uint64_t at, instructions, times;
} piece;
static piece *pieces;

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    piece *one = calloc(1, sizeof *one);
    if (!one) abort();
    *one = (piece){pieces, qemu_plugin_tb_vaddr(block), qemu_plugin_tb_n_insns(block), 0};
    pieces = one;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &one->times, 1);
}

static void ended(qemu_plugin_id_t id, void *given)
{
    (void)id, (void)given;
    char line[512];
    FILE *maps = fopen("/proc/self/maps", "r");
    uint64_t start, offset;
    while (maps && fgets(line, sizeof line, maps))
        if (strstr(line, "_kernels.so") && sscanf(line, "%" SCNx64 "-%*x %*s %" SCNx64, &start, &offset) == 2 && !offset)
            fprintf(stderr, "library %" PRIu64 "\n", start);
    for (const piece *one = pieces; one; one = one->other)
        fprintf(stderr, "piece %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", one->at, one->instructions, one->times);
}

DOOR int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int count, char **arguments)
{
    (void)info, (void)count, (void)arguments;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
