/* SPDX-License-Identifier: MIT */
/*
 * fuzz_forwarded: any headers of a proxy or of somebody else.
 *
 * The first byte chooses header and peer, then each line is one header.
 * Holds always: the answer is the peer, "unknown", or an address in its one
 * form that does not lie among the proxies (unless all hops do); what is not a
 * proxy stays what it is; and what is put in front, as a client can, changes
 * nothing once a client was found; what is put after it, as a proxy does,
 * counts.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "frontend/gate/forwarded.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void
must(bool okay)
{
	if (!okay)
		abort();
}

static void
fill(struct validate_request *r, struct bytes name, struct bytes text)
{
	while (text.len > 0 && r->header_count < VALIDATE_MAX_HEADERS) {
		const uint8_t *nl = memchr(text.p, '\n', text.len);
		size_t n = nl != NULL ? (size_t)(nl - text.p) : text.len;

		r->headers[r->header_count++] =
		    (struct validate_header){ name, bytes_make(text.p, n) };
		n += nl != NULL;
		text = bytes_make(text.p + n, text.len - n);
	}
}

static bool
is_normal(const char *text)
{
	char again[CIDR_TEXT];

	return cidr_normal(bytes_of(text), again) && strcmp(text, again) == 0;
}

/* Whatever a client sends: what the proxy puts after it is the client. */
static bool
appended_counts(const struct validate_request *r, struct bytes peer,
    const struct settings_set *set)
{
	struct validate_header headers[VALIDATE_MAX_HEADERS], *last;
	struct validate_request all = *r;
	char out[CIDR_TEXT];
	struct buf value;
	bool good;

	if (r->header_count == 0)
		return true;
	memcpy(headers, r->headers, r->header_count * sizeof(headers[0]));
	all.headers = headers;
	last = &all.headers[all.header_count - 1];
	buf_init(&value, 1 << 20);
	buf_put_bytes(&value, last->value);
	buf_put_str(
	    &value, set->limits.forwarded_header == PROTO_FORWARDED_RFC7239
			? ", for=203.0.113.7;by=\"[::1]:80\""
			: ", 203.0.113.7");
	last->value = buf_bytes(&value);
	forwarded_client(&all, peer, set, out);
	good = strcmp(out, "203.0.113.7") == 0;
	buf_fini(&value);
	return good;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct settings_set set;
	static struct validate_header headers[VALIDATE_MAX_HEADERS],
	    more[VALIDATE_MAX_HEADERS];
	static struct validate_request r, longer;
	const char *const peers[] = { "10.0.0.1", "192.0.2.1", "unix:33" };
	char out[CIDR_TEXT], other[CIDR_TEXT];
	struct bytes peer, name;
	struct err e;

	if (size == 0)
		return 0;
	if (set.proxies.count == 0) {
		must(cidr_parse(BYTES_LIT("10.0.0.0/24"), &set.proxies.net[0],
			 &e) == 0);
		must(cidr_parse(
			 BYTES_LIT("unix:33"), &set.proxies.net[1], &e) == 0);
		set.proxies.count = 2;
	}
	set.limits.forwarded_header = data[0] % 2;
	name =
	    data[0] % 2 ? BYTES_LIT("Forwarded") : BYTES_LIT("X-Forwarded-For");
	peer = bytes_of(peers[data[0] / 2 % 3]);
	memset(&r, 0, sizeof(r));
	r.headers = headers;
	fill(&r, name, bytes_make(data + 1, size - 1));
	forwarded_client(&r, peer, &set, out);
	if (!settings_is_in(&set.proxies, peer)) {
		must(bytes_eq_str(peer, out));
		return 0;
	}
	must(bytes_eq_str(peer, out) || strcmp(out, "unknown") == 0 ||
	     is_normal(out));
	must(appended_counts(&r, peer, &set));
	if (settings_is_in(&set.proxies, bytes_of(out)) ||
	    r.header_count == VALIDATE_MAX_HEADERS)
		return 0;
	memset(&longer, 0, sizeof(longer));
	longer.headers = more;
	longer.headers[0] = (struct validate_header){ name,
		data[0] % 2 ? BYTES_LIT("for=127.0.0.1")
			    : BYTES_LIT("127.0.0.1") };
	memcpy(longer.headers + 1, r.headers,
	    r.header_count * sizeof(r.headers[0]));
	longer.header_count = r.header_count + 1;
	forwarded_client(&longer, peer, &set, other);
	must(strcmp(out, other) == 0);
	return 0;
}
