/* SPDX-License-Identifier: MIT */
/*
 * penalty: sources that failed to authenticate, and until when they pay.
 *
 * Frontend.  Pure: times are given.  As sshd_config(5)'s PerSourcePenalties:
 * each failure adds time; up to a threshold it only counts, from then on the
 * source is refused until all of it has passed.  A source is an IPv4 address,
 * an IPv6 network of 64 bits or a user of a UNIX socket.  The table has a
 * fixed size: when it is full, the source whose time ends first makes room,
 * which is forgiveness; nobody is ever refused for another's failures.
 */
#ifndef FRONTEND_PENALTY_H
#define FRONTEND_PENALTY_H

#include "common/cidr.h"

enum {
	PENALTY_MAX_SOURCES = 65536,
	PENALTY_REMEMBERED = 8 /* wrong tokens of one source */
};

struct penalty_table;

/* The record to write. */
struct penalty_event {
	struct bytes peer; /* its address when it began */
	bool began; /* false: it is over */
	uint64_t left_ms;
	uint32_t failures; /* that led to it */
	uint32_t refused; /* requests, until now */
};

struct penalty_rules {
	uint32_t threshold_ms; /* refused from here on */
	uint32_t max_ms;
};

/* tell() is called from the functions below. */
struct penalty_table *penalty_new(size_t sources,
    void (*tell)(void *arg, const struct penalty_event *ev), void *arg,
    struct err *e) MUST_CHECK;
void penalty_free(struct penalty_table *t);
/*
 * So much more for this source; what it owes now, in ms.  What it presented
 * (empty: nothing) costs once for as long as the source owes anything, since a
 * guesser learns nothing by saying it again; of more than PENALTY_REMEMBERED
 * the oldest costs again.
 */
uint64_t penalty_add(struct penalty_table *t, const struct penalty_rules *r,
    struct bytes peer, struct bytes presented, uint32_t ms, uint64_t now_ms);
/* For how many ms this source is refused; 0: it is not. */
uint64_t penalty_left(
    const struct penalty_table *t, struct bytes peer, uint64_t now_ms);
/* A request of it was refused. */
void penalty_count_refused(struct penalty_table *t, struct bytes peer);
/* Forget what is over. */
void penalty_sweep(struct penalty_table *t, uint64_t now_ms);
/* Sources in the table. */
size_t penalty_count(const struct penalty_table *t);

#endif
