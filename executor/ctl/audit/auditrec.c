/* SPDX-License-Identifier: MIT */
/* auditrec: records asked for, and what they say.  mcp-execctl. */
#include "executor/ctl/audit/auditrec.h"

#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/json.h"
#include "common/plural.h"
#include "executor/policy/token.h"

enum { DAY_S = 86400, SECOND_US = 1000000 };

/* --- what is asked for ------------------------------------------------- */

/* Value as the log's writer writes it, without quotes. */
static int
put_written(struct auditrec_term *t, const char *value, struct err *e)
{
	CLEANUP_BUF struct buf b;

	buf_init(&b, AUDITREC_MAX_TERM);
	json_put_audit(&b, bytes_of(value));
	if (b.overflow || b.len - 2 + t->len >= sizeof(t->s))
		return err_set(e, ERR_BAD,
		    "a value asked for is longer than %d bytes",
		    AUDITREC_MAX_TERM / 2);
	memcpy(t->s + t->len, b.p + 1, b.len - 2);
	t->len += b.len - 2;
	return 0;
}

int
auditrec_term(struct auditrec_term *t, const char *key, const char *value,
    bool prefix, struct err *e)
{
	t->len = (size_t)snprintf(t->s, sizeof(t->s), "\"%s\":\"", key);
	if (put_written(t, value, e) != 0)
		return e->code;
	if (!prefix)
		t->s[t->len++] = '"';
	return 0;
}

int
auditrec_text(struct auditrec_term *t, const char *value, struct err *e)
{
	t->len = 0;
	return put_written(t, value, e);
}

static const struct {
	char letter;
	uint32_t seconds;
} units[] = {
	{ 's', 1 },
	{ 'm', 60 },
	{ 'h', 3600 },
	{ 'd', DAY_S },
	{ 'w', 7 * DAY_S },
};

/* "90m": seconds; 0: it is not such a text. */
static uint64_t
read_span(struct bytes b)
{
	uint64_t n;
	struct err none;
	size_t i;

	if (b.len < 2)
		return 0;
	for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (units[i].letter == (char)b.p[b.len - 1] &&
		    bytes_to_u64(
			bytes_make(b.p, b.len - 1), 1, 1000000, &n, &none) == 0)
			return n * units[i].seconds;
	return 0;
}

/* How many days ago that one of UTC began which is meant; -1: none is. */
static int
read_day(const char *text)
{
	if (strcmp(text, "today") == 0)
		return 0;
	return strcmp(text, "yesterday") == 0 ? 1 : -1;
}

int
auditrec_time(const char *text, char out[CLOCK_MAX_TEXT], struct err *e)
{
	uint64_t seconds = read_span(bytes_of(text));
	char whole[CLOCK_MAX_TEXT];
	uint64_t now = clock_wall_us();
	struct err none;
	int days = read_day(text);

	if (days >= 0) {
		now -= now % SECOND_US;
		seconds = now / SECOND_US % DAY_S + (uint64_t)days * DAY_S;
	}
	if (seconds > 0 || days == 0) {
		seconds *= SECOND_US;
		clock_format(seconds < now ? now - seconds : 0, out);
		return 0;
	}
	(void)snprintf(whole, sizeof(whole), "%s%s", text,
	    strlen(text) == strlen("2026-11-22") ? "T00:00:00Z" : "");
	if (token_parse_time(bytes_of(whole), &seconds, &none) != 0)
		return err_set(e, ERR_BAD,
		    "not a time: use an age such as 90m, 12h or 3d, today, yesterday, or a UTC date such as 2026-11-22 or 2026-11-22T10:00:00Z");
	clock_format(seconds * SECOND_US, out);
	return 0;
}

/* --- does it fit? ------------------------------------------------------ */

bool
auditrec_holds(struct bytes line, const struct auditrec_term *t)
{
	return t->len == 0 ||
	       (line.len > 0 && memmem(line.p, line.len, t->s, t->len) != NULL);
}

bool
auditrec_maybe(const struct auditrec_query *q, struct bytes line)
{
	return auditrec_holds(line, &q->run) &&
	       auditrec_holds(line, &q->event) &&
	       auditrec_holds(line, &q->token) &&
	       auditrec_holds(line, &q->policy);
}

static int
compare_time(struct bytes when, const char *limit)
{
	size_t n = strlen(limit);

	return memcmp(when.p, limit, when.len < n ? when.len : n);
}

bool
auditrec_fits(const struct auditrec_query *q, const struct logline *l)
{
	return (q->since[0] == '\0' || compare_time(l->when, q->since) >= 0) &&
	       (q->until[0] == '\0' || compare_time(l->when, q->until) < 0);
}

/* A clock that was set back puts records out of order: allow it a day. */
bool
auditrec_too_old(const struct auditrec_query *q, const struct logline *l)
{
	uint64_t since, when;

	if (q->since[0] == '\0' || compare_time(l->when, q->since) >= 0)
		return false;
	since = auditrec_when(bytes_of(q->since));
	when = auditrec_when(l->when);
	return when != 0 && when + (uint64_t)DAY_S * SECOND_US < since;
}

/* The quoted text at p, and what follows it. */
static const uint8_t *
end_of_text(const uint8_t *p, const uint8_t *end)
{
	for (; p < end && *p != '"'; p++)
		if (*p == '\\' && p + 1 < end)
			p++;
	return p;
}

bool
auditrec_has_text(const struct logline *l, const struct auditrec_term *t)
{
	const uint8_t *p = l->rest.p, *end = p + l->rest.len, *q;

	if (t->len == 0)
		return true;
	while (l->rest.len > 0 && p < end &&
	       (p = memchr(p, '"', (size_t)(end - p))) != NULL) {
		q = end_of_text(++p, end);
		if ((q + 1 >= end || q[1] != ':') && q > p &&
		    memmem(p, (size_t)(q - p), t->s, t->len) != NULL)
			return true;
		p = q + 1;
	}
	return false;
}

bool
auditrec_outcome(const struct auditrec_query *q, const struct logline *l)
{
	if (q->failed &&
	    !bytes_eq_str(logline_get(l, "event.outcome"), "failure"))
		return false;
	return !q->has_exit ||
	       (q->exit >= 0 && logline_get_u64(l, "process.exit_code",
				    UINT64_MAX) == (uint64_t)q->exit);
}

/* --- what it says ------------------------------------------------------ */

void
auditrec_words(const struct logline *l, const char *key, struct buf *out)
{
	char name[80];
	int n = snprintf(name, sizeof(name), ",\"%s\":[", key);
	const uint8_t *p, *q, *end;

	if (l->rest.len == 0 ||
	    (p = memmem(l->rest.p, l->rest.len, name, (size_t)n)) == NULL)
		return;
	end = l->rest.p + l->rest.len;
	for (p += n; p < end && *p == '"'; p = q + 2) {
		q = end_of_text(++p, end);
		if (out->len > 0)
			buf_put_u8(out, ' ');
		buf_put(out, p, (size_t)(q - p));
		if (q + 1 >= end || q[1] != ',')
			break;
	}
}

/* Two digits at p, or more than any field may have. */
static unsigned
read_digits(const uint8_t *p, size_t n)
{
	unsigned v = 0;

	for (; n > 0; n--, p++) {
		if (*p < '0' || *p > '9')
			return 100000;
		v = v * 10 + (*p - '0');
	}
	return v;
}

/* Days from 1970-01-01, H. Hinnant's days_from_civil for years from 1970. */
static uint64_t
days_before(unsigned y, unsigned m, unsigned d)
{
	unsigned year = m <= 2 ? y - 1 : y, era = year / 400;
	unsigned yoe = year % 400, month = m > 2 ? m - 3 : m + 9;
	unsigned doy = (153 * month + 2) / 5 + d - 1;

	return (uint64_t)era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy -
	       719468;
}

uint64_t
auditrec_when(struct bytes t)
{
	unsigned y, mo, d, h, mi, s, us;

	if (t.len != strlen("2026-11-22T10:11:12.123456Z"))
		return 0;
	y = read_digits(t.p, 4);
	mo = read_digits(t.p + 5, 2);
	d = read_digits(t.p + 8, 2);
	h = read_digits(t.p + 11, 2);
	mi = read_digits(t.p + 14, 2);
	s = read_digits(t.p + 17, 2);
	us = read_digits(t.p + 20, 3) * 1000 + read_digits(t.p + 23, 3);
	if (y < 1970 || y > 9999 || mo < 1 || mo > 12 || d < 1 || d > 31 ||
	    h > 23 || mi > 59 || s > 60 || us > 999999)
		return 0;
	return (days_before(y, mo, d) * DAY_S + h * 3600 + mi * 60 + s) *
		   SECOND_US +
	       us;
}

static const struct {
	const char *state, *text;
} states[] = {
	{ "timed_out", "timed out" },
	{ "cancelled", "cancelled" },
	{ "refused", "not started" },
	{ "lost", "lost" },
};

bool
auditrec_result(const struct logline *l, char out[24])
{
	struct bytes state = logline_get(l, "run.state");
	uint64_t n = logline_get_u64(l, "process.exit_code", UINT64_MAX);
	size_t i;

	(void)snprintf(out, 24, "unknown");
	for (i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		if (bytes_eq_str(state, states[i].state))
			(void)snprintf(out, 24, "%s", states[i].text);
	if (bytes_eq_str(state, "signalled"))
		(void)snprintf(out, 24, "signal %u",
		    (unsigned)logline_get_u64(l, "process.signal", 0));
	if (bytes_eq_str(state, "exited") && n == 0)
		(void)snprintf(out, 24, "ok");
	else if (bytes_eq_str(state, "exited"))
		(void)snprintf(out, 24, "exit %u", (unsigned)n);
	return bytes_eq_str(logline_get(l, "event.outcome"), "success");
}

/* Members that are worth a place in one line, in this order. */
static const struct {
	const char *key, *before, *after;
	const char *(*ending)(uint64_t n); /* of `after`, of a number */
} telling[] = {
	{ "process.executable", "", "", NULL },
	{ "process.asked", "asked for ", "", NULL },
	{ "process.command_line", "", "", NULL },
	{ "denial.syscall", "", "", NULL },
	{ "file.path", "", "", NULL },
	{ "control.verb", "", "", NULL },
	{ "control.arguments", "", "", NULL },
	{ "user.id", "uid ", "", NULL },
	{ "process.name", "by ", "", NULL },
	{ "event.reason", "", "", NULL },
	{ "frontend.status", "", "", NULL },
	{ "launcher.status", "", "", NULL },
	{ "event.count", "", " time", plural_s },
	{ "mcp.client", "", "", NULL },
	{ "service.version", "version ", "", NULL },
	{ "run.count", "with ", " run", plural_s },
	{ "token.count", "", " token", plural_s },
	{ "policy.count", "", " polic", plural_y },
	{ "policy.added", "added ", "", NULL },
	{ "policy.changed", "changed ", "", NULL },
	{ "policy.removed", "removed ", "", NULL },
	{ "records", "", " record", plural_s },
	{ "source.ip", "from ", "", NULL },
};

void
auditrec_summary(const struct logline *l, struct buf *out)
{
	bool exec = logline_is(l, "process-exec"), any = false;
	bool seen = logline_get(l, "process.executable").len > 0;
	bool asked = logline_get(l, "control.verb").len > 0;
	struct bytes v;
	size_t i;

	buf_put_bytes(out, l->action);
	for (i = 0; i < sizeof(telling) / sizeof(telling[0]); i++) {
		v = logline_get(l, telling[i].key);
		if (v.len == 0 ||
		    (seen && strcmp(telling[i].key, "process.asked") == 0) ||
		    (!asked && strcmp(telling[i].key, "user.id") == 0))
			continue;
		buf_put_str(out, any ? ", " : ": ");
		buf_put_str(out, telling[i].before);
		buf_put_bytes(out, v);
		buf_put_str(out, telling[i].after);
		if (telling[i].ending != NULL)
			buf_put_str(out, telling[i].ending(logline_get_u64(
					     l, telling[i].key, 0)));
		any = true;
	}
	if (!exec || !seen)
		return;
	buf_put_str(out, " [");
	auditrec_words(l, "process.args", out);
	buf_put_u8(out, ']');
}
