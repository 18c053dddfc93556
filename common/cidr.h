/* SPDX-License-Identifier: MIT */
/* cidr: source address rules: IPv4, IPv6, and users of a UNIX socket. */
#ifndef COMMON_CIDR_H
#define COMMON_CIDR_H

#include <stdbool.h>
#include <sys/socket.h>

#include "common/bytes.h"

enum {
	CIDR_TEXT = 64 /* characters of an address as text, with NUL */
};

struct cidr {
	bool local; /* a UNIX socket's peer */
	uint8_t addr[16]; /* IPv4 as ::ffff:a.b.c.d; local: 1, then uid */
	uint8_t bits; /* 0 to 128 */
};

/*
 * "10.0.0.0/8", "::1", "fd00::/8"; "unix" and "unix:1000" (uid 1000) for what
 * comes by a UNIX socket.  Host bits that are set are ERR_BAD.
 */
int cidr_parse(struct bytes text, struct cidr *out, struct err *e) MUST_CHECK;
/* Is the address (as text, IPv4-mapped too) within c?  Not an address: no. */
bool cidr_match(const struct cidr *c, struct bytes address);
/*
 * What stands for one source: an IPv4 address, the 64 bits that a network
 * hands to one IPv6 customer (RFC 6177), a user of a UNIX socket.  All bytes
 * are set, so that two can be compared by memcmp(3); for anything else, all
 * alike.
 */
struct cidr_source {
	uint8_t kind;
	uint8_t addr[16];
};
void cidr_source(struct bytes address, struct cidr_source *out);
/*
 * The one way to write this IPv4 or IPv6 address, IPv4-mapped ones as IPv4;
 * false if it is not an address.
 */
bool cidr_normal(struct bytes address, char out[CIDR_TEXT]);
/* Address as text without port, IPv4-mapped ones as IPv4; "unix" for AF_UNIX. */
void cidr_address(const struct sockaddr *sa, char out[CIDR_TEXT]);
/* "unix:UID" of the peer of a UNIX socket, by SO_PEERCRED; unix(7). */
void cidr_peer_user(int fd, char out[CIDR_TEXT]);

#endif
