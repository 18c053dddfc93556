/* SPDX-License-Identifier: MIT */
/* to_syslog: the form of syslog(3).  Executor; trusts the daemon with what
 * the log holds. */
#include "executor/audit/to_syslog.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/cleanup.h"
#include "executor/audit/summary.h"

void
to_syslog_format(
    struct buf *b, struct bytes line, const struct logline *l, int64_t now_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	char text[SUMMARY_MAX];
	time_t now = now_s;
	struct tm tm = { 0 };

	(void)localtime_r(&now, &tm);
	buf_reset(b);
	buf_printf(b, "<%d>%.3s %2d %02d:%02d:%02d mcp-execd[%d]: ",
	    LOG_AUTHPRIV | summary_severity(l), months + 3 * tm.tm_mon,
	    tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)getpid());
	if (b->len + line.len + strlen("@cee: ") <= TO_SYSLOG_MAX) {
		buf_put_str(b, "@cee: ");
		buf_put_bytes(b, line);
		return;
	}
	summary_text(l, text);
	buf_printf(b, "%s (record %llu, %zu bytes, is in the audit log only)",
	    text, (unsigned long long)l->sequence, line.len);
}

static int
syslog_open(const char *path, struct err *e)
{
	return receiver_connect(path == NULL ? TO_SYSLOG_SOCKET : path, e);
}

static int
syslog_send(int fd, struct bytes line, const struct logline *l, struct err *e)
{
	CLEANUP_BUF struct buf b;

	buf_init(&b, TO_SYSLOG_MAX + SUMMARY_MAX);
	to_syslog_format(&b, line, l, (int64_t)(clock_wall_us() / 1000000));
	if (send(fd, b.p, b.len, MSG_NOSIGNAL | MSG_DONTWAIT) != -1)
		return 0;
	return receiver_failed(e);
}

const struct receiver_kind *
to_syslog_kind(void)
{
	static const struct receiver_kind kind = { "syslog", syslog_open,
		syslog_send };

	return &kind;
}
