/* SPDX-License-Identifier: MIT */
/*
 * log: lines on stderr, for the journal; every process.
 *
 * Trusts its formats, not their arguments: whatever would end a line or play
 * tricks on a terminal is replaced before the one write(2) of a line.
 */
#include "common/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
	LOG_MAX_LINE = 1024, /* bytes of a line, with its newline */
	LOG_LEVEL_CRIT = 2 /* fatal() only */
};

static struct log_self {
	const char *name;
	enum log_level max;
	bool terminal; /* asked once: a filter may forbid it later */
	size_t (*filter)(char *line, size_t len, size_t size);
} self = { "mcp-execd", LOG_LEVEL_INFO, false, NULL };

void
log_set_name(const char *name)
{
	self.name = name;
	self.terminal = isatty(STDERR_FILENO) == 1;
}

void
log_set_level(enum log_level max)
{
	self.max = max;
}

void
log_set_filter(size_t (*fn)(char *line, size_t len, size_t size))
{
	self.filter = fn;
}

static void
log_write(const char *line, size_t len)
{
	size_t done = 0;
	ssize_t n;

	while (done < len) {
		n = write(STDERR_FILENO, line + done, len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return; /* nobody is left to be told */
		done += (size_t)n;
	}
}

static void log_line(int prio, const char *name, const char *fmt, va_list ap)
    PRINTF_LIKE(3, 0);

static void
log_line(int prio, const char *name, const char *fmt, va_list ap)
{
	char line[LOG_MAX_LINE];
	int saved = errno;
	size_t len;

	if (self.terminal)
		(void)snprintf(line, sizeof(line), "%s: ", name);
	else
		(void)snprintf(line, sizeof(line), "<%d>%s: ", prio, name);
	len = strlen(line);
	errno = saved; /* for %m */
	(void)vsnprintf(line + len, sizeof(line) - len, fmt, ap);
	len = strlen(line);
	if (len == sizeof(line) - 1)
		(void)memcpy(line + len - 4, "...", 3);
	if (self.filter != NULL)
		len = self.filter(line, len, sizeof(line) - 1);
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	line[len < sizeof(line) - 1 ? len++ : len - 1] = '\n';
	log_write(line, len);
	errno = saved;
}

#define LOG_AS(name, level)                                                    \
	do {                                                                   \
		va_list ap;                                                    \
                                                                               \
		if ((level) > self.max)                                        \
			return;                                                \
		va_start(ap, fmt);                                             \
		log_line((int)(level), (name), fmt, ap);                       \
		va_end(ap);                                                    \
	} while (0)
#define LOG_AT(level) LOG_AS(self.name, level)

void
log_as(const char *name, enum log_level level, const char *fmt, ...)
{
	LOG_AS(name, level);
}

void
log_err(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_ERR);
}

void
log_warn(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_WARN);
}

void
log_notice(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_NOTICE);
}

void
log_info(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_INFO);
}

void
log_debug(const char *fmt, ...)
{
	LOG_AT(LOG_LEVEL_DEBUG);
}

/*
 * The quote and the backslash are escaped as well, so that key="value" can be
 * read back and no value passes for an escape.
 */
static bool
log_is_plain(uint8_t c)
{
	return c >= ' ' && c <= '~' && c != '"' && c != '\\';
}

struct log_text
log_text(struct bytes b)
{
	static const char hex[] = "0123456789abcdef";
	size_t n = 0, cut = 0, need;
	struct log_text t;

	for (size_t i = 0; i < b.len; i++, n += need) {
		need = log_is_plain(b.p[i]) ? 1 : 4;
		if (n + 3 < LOG_MAX_TEXT)
			cut = n; /* the last place where "..." fits */
		if (n + need >= LOG_MAX_TEXT) {
			(void)memcpy(t.s + cut, "...", 3);
			n = cut + 3;
			break;
		}
		if (need == 1) {
			t.s[n] = (char)b.p[i];
			continue;
		}
		t.s[n] = '\\';
		t.s[n + 1] = 'x';
		t.s[n + 2] = hex[b.p[i] >> 4];
		t.s[n + 3] = hex[b.p[i] & 15];
	}
	t.s[n] = '\0';
	return t;
}

_Noreturn void
fatal(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	log_line(LOG_LEVEL_CRIT, self.name, fmt, ap);
	va_end(ap);
	abort();
}
