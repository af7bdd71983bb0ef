/* The few things that a team wants of a system: a thread, its end, and to sleep until a word changes. */
#ifndef LOCALRANK_THREADS_H
#define LOCALRANK_THREADS_H

#include <stdatomic.h>

typedef void (*work)(void *given);

#if defined __linux__
#include "threads_linux.h"
#elif defined _WIN32
#include "threads_windows.h"
#else
#include "threads_posix.h"
#endif

/* What a thread does while another one is expected at once. */
static inline void pause_briefly(void)
{
#if defined __aarch64__ || defined _M_ARM64
    __asm__ volatile("yield");
#else
    __builtin_ia32_pause();
#endif
}

#endif
