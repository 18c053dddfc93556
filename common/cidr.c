/* SPDX-License-Identifier: MIT */
/* cidr: source address rules; executor (rules) and frontend (addresses). */
#include "common/cidr.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

enum {
	CIDR_MAPPED_BITS = 96, /* length of ::ffff:0:0/96 */
	CIDR_USER_BITS = 40 /* that there is a uid, and the uid */
};

static const uint8_t cidr_mapped[12] = { [10] = 0xff, [11] = 0xff };

static bool
cidr_is_mapped(const uint8_t addr[16])
{
	return memcmp(addr, cidr_mapped, sizeof(cidr_mapped)) == 0;
}

/* "unix", or "unix:UID"; false if it is neither. */
static bool
cidr_read_local(struct bytes text, struct cidr *c)
{
	const size_t name = sizeof("unix") - 1;
	struct err e;
	uint64_t uid;

	memset(c, 0, sizeof(*c));
	c->local = true;
	if (bytes_eq_str(text, "unix"))
		return true;
	if (!bytes_starts(text, "unix:") ||
	    bytes_to_u64(bytes_make(text.p + name + 1, text.len - name - 1), 0,
		UINT32_MAX, &uid, &e) != 0)
		return false;
	c->bits = CIDR_USER_BITS;
	c->addr[0] = 1;
	for (unsigned i = 0; i < 4; i++)
		c->addr[1 + i] = (uint8_t)(uid >> (24 - 8 * i));
	return true;
}

/* IPv4 becomes ::ffff:a.b.c.d; *v4 says that it was written as IPv4. */
static bool
cidr_read_address(struct bytes text, uint8_t addr[16], bool *v4)
{
	char str[CIDR_TEXT];
	struct err e;

	if (bytes_to_str(text, str, sizeof(str), &e) != 0)
		return false;
	*v4 = inet_pton(AF_INET, str, addr + sizeof(cidr_mapped)) == 1;
	if (!*v4)
		return inet_pton(AF_INET6, str, addr) == 1;
	(void)memcpy(addr, cidr_mapped, sizeof(cidr_mapped));
	return true;
}

/* Bits of the byte at index i that the prefix covers. */
static uint8_t
cidr_mask(unsigned bits, unsigned i)
{
	unsigned covered = bits > 8 * i ? bits - 8 * i : 0;

	return (uint8_t)(covered >= 8 ? 0xffU : 0xff00U >> covered);
}

static bool
cidr_has_host_bits(const struct cidr *c)
{
	for (unsigned i = 0; i < sizeof(c->addr); i++)
		if ((c->addr[i] & ~cidr_mask(c->bits, i)) != 0)
			return true;
	return false;
}

int
cidr_parse(struct bytes text, struct cidr *out, struct err *e)
{
	const uint8_t *slash = NULL;
	struct bytes address = text, bits;
	uint64_t n, max;
	struct cidr c;
	bool v4;

	if (cidr_read_local(text, &c)) {
		*out = c;
		return 0;
	}
	if (text.len > 0)
		slash = memchr(text.p, '/', text.len);
	if (slash != NULL)
		address.len = (size_t)(slash - text.p);
	if (!cidr_read_address(address, c.addr, &v4))
		return err_set(e, ERR_BAD,
		    "is not an address: write it as 10.0.0.0/8, 192.0.2.1, fd00::/8 or ::1, or \"unix\" or \"unix:UID\"");
	n = max = v4 ? 32 : 128;
	if (slash != NULL) {
		bits = bytes_make(slash + 1, text.len - address.len - 1);
		if (bytes_to_u64(bits, 0, max, &n, e) != 0)
			return err_set(e, ERR_BAD,
			    "has a prefix length that is not a number from 0 to %u",
			    (unsigned)max);
	}
	c.local = false;
	c.bits = (uint8_t)(n + (v4 ? CIDR_MAPPED_BITS : 0));
	if (cidr_has_host_bits(&c))
		return err_set(e, ERR_BAD,
		    "has bits set behind its prefix of %u: clear them, or use a longer prefix",
		    (unsigned)n);
	*out = c;
	return 0;
}

bool
cidr_match(const struct cidr *c, struct bytes address)
{
	struct cidr a;
	bool v4;

	if (cidr_read_local(address, &a) != c->local)
		return false;
	if (!c->local && !cidr_read_address(address, a.addr, &v4))
		return false;
	/* ::/0 means every IPv6 address, not IPv4 by way of the mapping. */
	if (!c->local && cidr_is_mapped(a.addr) && c->bits < CIDR_MAPPED_BITS)
		return false;
	for (unsigned i = 0; i < sizeof(a.addr); i++)
		if (((a.addr[i] ^ c->addr[i]) & cidr_mask(c->bits, i)) != 0)
			return false;
	return true;
}

void
cidr_peer_user(int fd, char out[CIDR_TEXT])
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0)
		(void)snprintf(out, CIDR_TEXT, "unix:%u", (unsigned)peer.uid);
	else
		(void)snprintf(out, CIDR_TEXT, "unix");
}

void
cidr_source(struct bytes address, struct cidr_source *out)
{
	enum { NO_ADDRESS, LOCAL, V4, V6 };
	struct cidr local;
	bool v4;

	memset(out, 0, sizeof(*out));
	if (cidr_read_local(address, &local)) {
		out->kind = LOCAL;
		memcpy(out->addr, local.addr, sizeof(out->addr));
	} else if (cidr_read_address(address, out->addr, &v4)) {
		out->kind = cidr_is_mapped(out->addr) ? V4 : V6;
		if (out->kind == V6)
			memset(out->addr + 8, 0, 8);
	} else {
		memset(out, NO_ADDRESS, sizeof(*out));
	}
}

bool
cidr_normal(struct bytes address, char out[CIDR_TEXT])
{
	uint8_t addr[16];
	bool v4;

	if (!cidr_read_address(address, addr, &v4))
		return false;
	if (cidr_is_mapped(addr))
		return inet_ntop(AF_INET, addr + sizeof(cidr_mapped), out,
			   CIDR_TEXT) != NULL;
	return inet_ntop(AF_INET6, addr, out, CIDR_TEXT) != NULL;
}

void
cidr_address(const struct sockaddr *sa, char out[CIDR_TEXT])
{
	const char *text = NULL;
	struct sockaddr_in6 in6;
	struct sockaddr_in in;

	/* Copies: sa need not be aligned for its family. */
	if (sa->sa_family == AF_INET) {
		(void)memcpy(&in, sa, sizeof(in));
		text = inet_ntop(AF_INET, &in.sin_addr, out, CIDR_TEXT);
	} else if (sa->sa_family == AF_INET6) {
		(void)memcpy(&in6, sa, sizeof(in6));
		if (cidr_is_mapped(in6.sin6_addr.s6_addr))
			text = inet_ntop(AF_INET,
			    in6.sin6_addr.s6_addr + sizeof(cidr_mapped), out,
			    CIDR_TEXT);
		else
			text =
			    inet_ntop(AF_INET6, &in6.sin6_addr, out, CIDR_TEXT);
	}
	if (text == NULL)
		(void)snprintf(out, CIDR_TEXT, "%s",
		    sa->sa_family == AF_UNIX ? "unix" : "unknown");
}
