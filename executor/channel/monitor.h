/* SPDX-License-Identifier: MIT */
/*
 * monitor: the executor's side of the channel; decides who may ask what, when.
 *
 * The peer is treated as an attacker that speaks our protocol: each frame is
 * a row of a permit table with the states in which it may come; anything
 * else ends that frontend.  Each call's proof is checked against the tokens.
 */
#ifndef EXECUTOR_MONITOR_H
#define EXECUTOR_MONITOR_H

#include "executor/channel/fetch.h"
#include "executor/channel/push.h"
#include "executor/jobs/jobcalls.h"
#include "executor/policy/store.h"
#include "proto/chan.h"
#include "proto/note.h"

struct monitor;

struct monitor_ops {
	/* The channel is broken or closed; monitor is ready for the next. */
	void (*lost)(void *arg, const struct err *why);
	/* This frontend has put its first configuration in force. */
	void (*ready)(void *arg);
	/* It has put in force what was sent last; may be NULL. */
	void (*settled)(void *arg);
	/* It has answered monitor_ask(); may be NULL. */
	void (*alive)(void *arg);
	/* It cannot lock itself down, says why and ends; may be NULL. */
	void (*unfit)(void *arg, const char *why);
};

/* The frontend's own words about itself: for people, nothing rests on them. */
struct monitor_vitals {
	bool known; /* it has answered since it was started */
	uint32_t connections, sessions, calls;
	bool draining; /* it was told to accept nothing */
	uint32_t heard; /* bit i: of listener i one was accepted of late */
	uint32_t lockdown; /* PROTO_LOCK_* bits */
	uint32_t generation; /* of the configuration in force; 0: none */
};

/* jobs are given later by monitor_set_jobs, as they need monitor's ops. */
struct monitor *monitor_new(struct loop *l, struct store *s, struct audit *a,
    const struct monitor_ops *ops, void *arg, struct err *e) MUST_CHECK;
void monitor_free(struct monitor *m);
void monitor_set_session_key(struct monitor *m, const struct sessionkey *k);
void monitor_set_jobs(struct monitor *m, struct jobs *j);
void monitor_set_jobcalls(struct monitor *m, struct jobcalls *c);
void monitor_set_fetches(struct monitor *m, struct fetches *f);
/* How fetches tell the frontend; arg is the monitor. */
const struct fetch_ops *monitor_fetch_ops(void);
/* How runs tell the frontend; arg is the monitor. */
const struct job_ops *monitor_job_ops(void);

/* Speak with a new frontend on fd (taken over). */
int monitor_attach(struct monitor *m, int fd, struct err *e) MUST_CHECK;
/*
 * Send the configuration again after a reload, at the pace at which the
 * frontend reads; ops->settled when it is in force.
 */
void monitor_configure(struct monitor *m, enum push_kind kind);
/* Is what was sent last in force? */
bool monitor_is_settled(const struct monitor *m);
/* Ask whether it is alive, unless that is being asked already. */
void monitor_ask(struct monitor *m);
/* For how long it owes an answer, ms; 0: it owes none. */
uint64_t monitor_silent_ms(const struct monitor *m);
struct monitor_vitals monitor_vitals(const struct monitor *m);
/* It does not do its work: end the channel, so that it is replaced. */
void monitor_give_up(struct monitor *m, const char *why);
/*
 * Refuse new calls and tell the frontend to accept nothing; it ends by itself
 * after so long, also without monitor_detach().
 */
void monitor_drain(struct monitor *m, uint32_t grace_ms);
/* Can the audit log be written?  For /healthz; the same again: nothing. */
void monitor_set_health(struct monitor *m, bool good);
/* Has the kernel taken all that was sent?  Also true without a frontend. */
bool monitor_is_flushed(const struct monitor *m);
/*
 * Close the channel (the frontend sees the end and exits); what waits to be
 * sent is lost.
 */
void monitor_detach(struct monitor *m);
/* Has this frontend said READY? */
bool monitor_is_ready(const struct monitor *m);
/* For how long it has been, or was, since monitor_attach(); 0: never. */
uint64_t monitor_served_ms(const struct monitor *m);
/*
 * It died abnormally and left this note: the owner of the request in hand waits,
 * and is named in the record b.
 */
void monitor_blame(struct monitor *m, const struct note *n, struct buf *b);

#endif
