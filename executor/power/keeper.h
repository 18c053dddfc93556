/* SPDX-License-Identifier: MIT */
/*
 * keeper: the executor's end of the pair with the keeper, a process of the
 * launcher's program (executor/launcher/keepmsg.h has what is said).
 *
 * It is started before the executor gives its power away, and starts then what
 * the executor may not start any more.  mcp-execctl has none: what it asks for
 * without one is done here.
 */
#ifndef EXECUTOR_KEEPER_H
#define EXECUTOR_KEEPER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/err.h"
#include "executor/launcher/keepmsg.h"

/* A plan in the making; nothing can be added once it is sealed. */
void keeper_add(struct keepmsg_plan *p, enum keepmsg_program program,
    const char *path, const char *const *words, size_t count);
/* Descriptor `from` of an order becomes `to`. */
void keeper_place(struct keepmsg_plan *p, enum keepmsg_program program,
    unsigned from, unsigned to);

/* What the keeper gives to it besides; places of that follow the order's. */
void keeper_adds(struct keepmsg_plan *p, enum keepmsg_program program,
    enum keepmsg_adds adds);

/* Start it, from that program, with this plan; facts: for the loader. */
int keeper_open(const char *path, struct keepmsg_plan *p, int facts,
    struct err *e) MUST_CHECK;
/* Let it end; its wait status. */
int keeper_close(void);
/* In a child of ours: the keeper is not for it. */
void keeper_leave(void);
bool keeper_is_open(void);
/* Readable: it has ended; -1: there is none. */
int keeper_fd(void);
pid_t keeper_pid(void);

/*
 * A program of its plan, as our child, with these descriptors.  Its process
 * id; its pidfd into *pidfd, owned by the caller.
 */
pid_t keeper_run(enum keepmsg_program program, const int *fds, size_t count,
    int *pidfd, struct err *e) MUST_CHECK;
/* SIGKILL or SIGCONT to a process that descends from us. */
void keeper_signal(int pidfd, int sig);
/* SIGKILL to all below a guard, and to that; a pidfd. */
void keeper_end_run(int guard);
/*
 * SIGKILL to a child of ours, which is reaped: its wait status.  One that does
 * not end, as the keeper took it for a stranger's, is left and logged: a stop
 * waits for none of them without an end.
 */
bool keeper_end(pid_t pid, int pidfd, const char *what, int *status);
/*
 * End what descends from us, except for these and what is below them.  Waits
 * until it is done: a child that we fork next must not be among them.
 */
void keeper_end_strays(const pid_t *spared, size_t count);
/* For stall: what it looks at, or NULL; and that it is to look from now on. */
struct stallpage *keeper_stallpage(void);
void keeper_watch(void);
/* Who that is; *ours: we ourselves, or it descends from us. */
bool keeper_ask_peer(pid_t pid, bool *ours, char name[16], uint32_t *login);

#endif
