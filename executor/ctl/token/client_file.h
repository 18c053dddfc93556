/* SPDX-License-Identifier: MIT */
/*
 * client_file: templates of MCP clients' configuration, one file a client.
 * mcp-execctl.
 *
 * They are data: files of clients.d next to the configuration come before those
 * that are installed.  Both are root's, because people paste and run what they
 * say.  A file has at most 16 KiB.
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
	struct buf text; /* owned */
	struct bytes section[CLIENT_SECTIONS]; /* of text; p NULL: not there */
};

/*
 * Load the file of a client; config: path of the configuration, or NULL.
 * ERR_BAD, with a message for people: there is none, or it is malformed.
 */
int client_file_load(const char *config, const char *client,
    struct client_file *out, struct err *e) MUST_CHECK;
void client_file_fini(struct client_file *f);
/* Append the names of all, with ", " between them. */
void client_file_list(const char *config, struct buf *out);

#endif
