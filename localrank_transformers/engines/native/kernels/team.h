/* Threads of one run, which wait for each other between its steps. */
#ifndef LOCALRANK_TEAM_H
#define LOCALRANK_TEAM_H

typedef struct team team;

/* What each member does: it is the `member`th of `members`. */
typedef void (*duty)(void *context, team *of, int member, int members);

/* Returns once `members` threads, this one among them, have done their duty; fewer where the system gives no more. */
void team_work(int members, duty does, void *context);

/* Returns once every member has come here as often as this one. */
void team_meet(team *of);

#endif
