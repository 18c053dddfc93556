/* SPDX-License-Identifier: MIT */
/*
 * setup_ask: what an administrator wants, from options and, for what these leave
 * open, from questions on the terminal.  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_SETUP_SETUP_ASK_H
#define EXECUTOR_CTL_SETUP_SETUP_ASK_H

#include "executor/ctl/setup/pack.h"

enum setup_task {
	SETUP_LOOK,
	SETUP_RESTART, /* and look */
	SETUP_DEPLOY,
	SETUP_BUILD,
	SETUP_EVERYTHING
};

enum { SETUP_TEXT = 512 /* bytes of an answer, with the NUL */ };

struct setup_wish {
	enum setup_task task;
	struct pack_services services; /* of SETUP_RESTART */
	char what[SETUP_TEXT]; /* the task's name, and its policy's */
	char directory[SETUP_TEXT], user[SETUP_TEXT];
	char listen[SETUP_TEXT]; /* "loopback", "proxy", or as in the file */
	char certificate[SETUP_TEXT], key[SETUP_TEXT];
	char public_url[SETUP_TEXT];
	char seal[SETUP_TEXT]; /* "yes" or "no" */
	char token[SETUP_TEXT];
	char expires[SETUP_TEXT]; /* "never", or as for token add */
	char client[SETUP_TEXT];
	char service[SETUP_TEXT]; /* as asked for, with spaces */
	const char *data; /* directory of packs; borrowed */
	bool force, dry_run;
};

/* false: *status is the exit status, after the help or a message. */
bool setup_ask(int argc, char **argv, struct setup_wish *w, int *status);

#endif
