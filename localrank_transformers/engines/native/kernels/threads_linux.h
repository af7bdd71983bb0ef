/* Threads of POSIX, which sleep by Linux's futex. */
#ifndef LOCALRANK_THREADS_LINUX_H
#define LOCALRANK_THREADS_LINUX_H

#include "threads_started.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

static void sleep_while(atomic_uint *word, unsigned value)
{
    while (atomic_load(word) == value) syscall(SYS_futex, word, FUTEX_WAIT | FUTEX_PRIVATE_FLAG, value, NULL, NULL, 0);
}

static void wake_all(atomic_uint *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE | FUTEX_PRIVATE_FLAG, INT_MAX, NULL, NULL, 0);
}

#endif
