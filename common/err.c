/* SPDX-License-Identifier: MIT */
/* err: the error value; used by every process. */
#include "common/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Replace the text of e by these three, cut at the end if it does not fit. */
static void
err_store(
    struct err *e, const char *text, const char *between, const char *tail)
{
	char joined[2 * ERR_MAX_WHAT + 2];

	/* By way of a copy: text and tail may lie inside e->what. */
	(void)snprintf(joined, sizeof(joined), "%s%s%s", text, between, tail);
	joined[ERR_MAX_WHAT - 1] = '\0';
	(void)memcpy(e->what, joined, strlen(joined) + 1);
}

int
err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	char text[ERR_MAX_WHAT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_store(e, text, "", "");
	e->code = code;
	e->sysno = 0;
	return code;
}

int
err_sys(struct err *e, const char *fmt, ...)
{
	char text[ERR_MAX_WHAT];
	int saved = errno;
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_store(e, text, ": ", strerror(saved));
	e->code = ERR_SYS;
	e->sysno = saved;
	errno = saved;
	return ERR_SYS;
}

int
err_memory(struct err *e)
{
	return err_set(e, ERR_BUSY, "out of memory");
}

void *
err_alloc(size_t n, size_t size, struct err *e)
{
	void *p = calloc(n, size);

	if (p == NULL)
		(void)err_memory(e);
	return p;
}

int
err_wrap(struct err *e, const char *fmt, ...)
{
	char text[ERR_MAX_WHAT];
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_store(e, text, ": ", e->what);
	return e->code;
}
