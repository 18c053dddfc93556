/* SPDX-License-Identifier: MIT */
/* tlscheck: is this a certificate with its key? (frontend) */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "frontend/lockdown.h"
#include "frontend/tls.h"
#include "frontend/tlscheck.h"

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

static int
check(struct buf *in, struct tls_validity *v, struct err *e)
{
	const uint8_t *nul;
	size_t chain;

	if (read_all(in, e) != 0)
		return e->code;
	nul = in->len == 0 ? NULL : memchr(in->p, '\0', in->len);
	if (nul == NULL)
		return err_set(e, ERR_BAD, "there is no key");
	chain = (size_t)(nul - in->p);
	return tls_check(bytes_make(in->p, chain),
	    bytes_make(nul + 1, in->len - chain - 1), v, e);
}

int
tlscheck_run(const struct options *o)
{
	struct tls_validity v;
	struct buf in;
	uint32_t bits;
	struct err e;
	int r;

	buf_init(&in, TLS_MAX_CHAIN + TLS_MAX_KEY);
	r = tls_prepare(&e);
	if (r == 0)
		r = lockdown_apply(o, &bits, &e);
	if (r == 0)
		r = check(&in, &v, &e);
	buf_wipe(&in);
	if (r == 0)
		(void)printf("ok %" PRId64 " %" PRId64 "\n", v.from, v.until);
	else
		(void)printf("%s\n", e.what);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
