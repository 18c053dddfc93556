/* SPDX-License-Identifier: MIT */
/*
 * client_file: templates of MCP clients' configuration, one file a client.
 *
 * mcp-execctl.  They are data: those that ship, and those of clients.d next to
 * the configuration, which count first.  Both are root's, as what they say is
 * pasted and run by people.
 */
#ifndef EXECUTOR_CTL_CLIENT_FILE_H
#define EXECUTOR_CTL_CLIENT_FILE_H

#include "common/bytes.h"
#include "common/err.h"

enum client_section {
	CLIENT_ADVICE, /* where it goes */
	CLIENT_TOKEN, /* how the client refers to the token */
	CLIENT_HTTP,
	CLIENT_SSE, /* not there: as http; empty: there is none */
	CLIENT_LITERAL, /* with the token in it; not there: as http or sse */
	CLIENT_SECTIONS
};

struct client_file {
	struct buf text;
	struct bytes section[CLIENT_SECTIONS]; /* p is NULL: not there */
};

/*
 * Load the file of a client; config: path of the configuration, or NULL.
 * ERR_BAD with words for a person: there is none, or it is not understood.
 */
int client_file_load(const char *config, const char *client,
    struct client_file *out, struct err *e) MUST_CHECK;
void client_file_fini(struct client_file *f);
/* Append the names of all, with ", " between them. */
void client_file_list(const char *config, struct buf *out);

#endif
