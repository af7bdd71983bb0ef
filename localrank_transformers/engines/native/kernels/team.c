/* Threads of one run, made for it and gone after it, which takes a hundredth of the run. */
#include "team.h"

#include "threads.h"

#define MOST 64
#define LOOKS 1000 /* Some 20 µs, as long as it takes to sleep and wake: members end a step nearly together. */

struct team {
    duty does;
    void *context;
    int members;
    atomic_uint is_complete; /* `members` is known */
    atomic_int arrived;
    atomic_uint meeting;
};

typedef struct {
    team *of;
    int member;
} place;

static void join_in(void *given)
{
    const place at = *(place *)given;
    sleep_while(&at.of->is_complete, 0);
    at.of->does(at.of->context, at.of, at.member, at.of->members);
}

void team_work(int members, duty does, void *context)
{
    team all = {.does = does, .context = context, .members = 1};
    thread threads[MOST];
    place places[MOST];
    for (; all.members < members && all.members < MOST; all.members++) {
        places[all.members] = (place){&all, all.members};
        if (!thread_start(&threads[all.members], join_in, &places[all.members])) break;
    }
    atomic_store(&all.is_complete, 1);
    if (all.members > 1) wake_all(&all.is_complete);
    does(context, &all, 0, all.members);
    for (int n = 1; n < all.members; n++) thread_join(&threads[n]);
}

void team_meet(team *of)
{
    if (of->members == 1) return;
    const unsigned meeting = atomic_load(&of->meeting);
    if (atomic_fetch_add(&of->arrived, 1) == of->members - 1) {
        atomic_store(&of->arrived, 0);
        atomic_store(&of->meeting, meeting + 1);
        wake_all(&of->meeting);
        return;
    }
    for (int n = 0; n < LOOKS; n++, pause_briefly())
        if (atomic_load(&of->meeting) != meeting) return;
    sleep_while(&of->meeting, meeting);
}
