/* SPDX-License-Identifier: MIT */
/*
 * hostnet: is this process in the network of the machine?
 *
 * Executor, and mcp-execctl where a unit starts it.  A unit with
 * PrivateNetwork=yes has a network of its own that leads nowhere.  Then a
 * policy's "host" would be an empty network, and nobody could connect to an
 * address that we bind ourselves: both are refused and not found out later.
 *
 * An ordinary user may not ask which namespace another process is in.  So the
 * network is taken for private if there is no interface in it but the loopback
 * one, and if a socket of the service manager is in another: that of
 * NOTIFY_SOCKET, or a listener that it has handed over.
 */
#ifndef EXECUTOR_HOSTNET_H
#define EXECUTOR_HOSTNET_H

#include <stdbool.h>

/* A socket that the service manager made; before the first question. */
void hostnet_given(int fd);
/* Found once, for the life of the process. */
bool hostnet_is_private(void);
/* As another process of ours found it. */
void hostnet_assume(bool private);

#endif
