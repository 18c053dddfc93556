/* SPDX-License-Identifier: MIT */
/* tlscheck: is this a certificate with its key? (frontend) */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "frontend/process/lockdown.h"
#include "frontend/tls/tls.h"
#include "frontend/tls/tlsadvice.h"
#include "frontend/tls/tlscheck.h"

static int
read_all(struct buf *in, struct err *e)
{
	uint8_t chunk[4096];
	ssize_t n;

	do {
		n = read(STDIN_FILENO, chunk, sizeof(chunk));
		if (n > 0)
			buf_put(in, chunk, (size_t)n);
	} while (n > 0 || (n == -1 && errno == EINTR));
	explicit_bzero(chunk, sizeof(chunk));
	if (n == -1)
		return err_sys(e, "reading");
	if (in->overflow)
		return err_set(e, ERR_BAD, "certificate or key is too large");
	return 0;
}

/* Take what precedes the next NUL, and the NUL; ERR_BAD without one. */
static int
next_part(struct bytes *rest, struct bytes *out, struct err *e)
{
	const uint8_t *nul =
	    rest->len == 0 ? NULL : memchr(rest->p, '\0', rest->len);

	if (nul == NULL)
		return err_set(e, ERR_BAD, "there is no key");
	*out = bytes_make(rest->p, (size_t)(nul - rest->p));
	*rest = bytes_make(nul + 1, rest->len - out->len - 1);
	return 0;
}

static int
check_input(
    struct buf *in, struct tls_validity *v, struct buf *remarks, struct err *e)
{
	struct bytes chain, key, rest;

	if (read_all(in, e) != 0)
		return e->code;
	rest = buf_bytes(in);
	if (next_part(&rest, &chain, e) != 0 ||
	    next_part(&rest, &key, e) != 0 || tls_check(chain, key, v, e) != 0)
		return e->code;
	tlsadvice_remarks(chain, rest, remarks);
	return 0;
}

int
tlscheck_run(const struct options *o)
{
	struct tls_validity v;
	struct buf in, remarks;
	uint32_t bits;
	struct err e;
	int r;

	buf_init(&in, TLS_MAX_CHAIN + TLS_MAX_KEY + TLSCHECK_MAX_NAMES);
	buf_init(&remarks, TLSCHECK_MAX_REMARKS);
	r = tls_prepare(&e);
	if (r == 0)
		r = lockdown_apply(o, &bits, &e);
	if (r == 0)
		r = check_input(&in, &v, &remarks, &e);
	buf_wipe(&in);
	if (r == 0)
		(void)printf("ok %" PRId64 " %" PRId64 "\n%s", v.from, v.until,
		    buf_cstr(&remarks));
	else
		(void)printf("%s\n", e.what);
	buf_fini(&remarks);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
