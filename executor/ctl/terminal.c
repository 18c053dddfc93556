/* SPDX-License-Identifier: MIT */
/* terminal: text fit for a terminal or a page.  mcp-execctl. */
#include "executor/ctl/terminal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/json.h"
#include "common/utf8.h"

enum { GLYPH = 16, LEAST_WIDTH = 40, MOST_WIDTH = 1000 };

/* One character as it is shown. */
struct glyph {
	char text[GLYPH];
	size_t len;
	unsigned columns;
};

unsigned
terminal_width(void)
{
	const char *env = getenv("COLUMNS");
	uint64_t n;
	struct winsize w;
	struct err none;

	if (env != NULL && bytes_to_u64(bytes_of(env), LEAST_WIDTH, MOST_WIDTH,
			       &n, &none) == 0)
		return (unsigned)n;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
		return w.ws_col < LEAST_WIDTH ? LEAST_WIDTH : w.ws_col;
	return isatty(STDOUT_FILENO) ? TERMINAL_NARROW : TERMINAL_ALL;
}

bool
terminal_colours(void)
{
	const char *no = getenv("NO_COLOR"), *term = getenv("TERM");

	return (no == NULL || no[0] == '\0') && isatty(STDOUT_FILENO) &&
	       term != NULL && strcmp(term, "dumb") != 0;
}

/* East Asian wide and emoji, roughly; a wrong guess shifts a column. */
static unsigned
columns_of(uint32_t cp)
{
	return (cp >= 0x1100 && cp <= 0x115f) ||
		       (cp >= 0x2e80 && cp <= 0xa4cf) ||
		       (cp >= 0xac00 && cp <= 0xd7a3) ||
		       (cp >= 0xf900 && cp <= 0xfaff) ||
		       (cp >= 0xfe30 && cp <= 0xfe6f) ||
		       (cp >= 0xff00 && cp <= 0xff60) ||
		       (cp >= 0x1f300 && cp <= 0x1faff) ||
		       (cp >= 0x20000 && cp <= 0x3fffd)
		   ? 2
		   : 1;
}

/* Escape here what the log's own writer would escape. */
static void
escape_byte(struct glyph *g, struct bytes one)
{
	struct buf b;

	buf_init(&b, 64);
	json_put_audit(&b, one);
	if (b.len > 2 && b.len - 2 < GLYPH) {
		g->len = b.len - 2;
		memcpy(g->text, b.p + 1, g->len);
	}
	buf_fini(&b);
	/* an invalid byte is text there, with two backslashes */
	if (g->len > 2 && g->text[0] == '\\' && g->text[1] == '\\')
		memmove(g->text, g->text + 1, --g->len);
	g->columns = (unsigned)g->len;
}

/* Take the first character off *at, which is not empty. */
static void
take_glyph(struct bytes *at, struct glyph *g)
{
	uint32_t cp = 0;
	size_t n;

	memset(g, 0, sizeof(*g));
	if (at->len > 1 && at->p[0] == '\\' &&
	    (at->p[1] == '"' || at->p[1] == '\\' || at->p[1] == '/')) {
		at->p++;
		at->len--;
	}
	n = utf8_decode(*at, &cp);
	if (n == 1 && cp >= ' ' && cp < 0x7f) {
		g->text[0] = (char)cp;
		g->len = g->columns = 1;
	} else {
		n = n == 0 ? 1 : n;
		escape_byte(g, bytes_make(at->p, n));
		if (g->len == n && n > 1)
			g->columns = columns_of(cp);
	}
	at->p += n;
	at->len -= n;
}

/* Bytes of raw that fit; all of it, or as much as leaves room for dots. */
static bool
text_fits(struct bytes raw, unsigned columns)
{
	struct glyph g;
	unsigned used = 0;

	while (raw.len > 0 && used <= columns) {
		take_glyph(&raw, &g);
		used += g.columns;
	}
	return used <= columns;
}

unsigned
terminal_put(struct buf *b, struct bytes raw, unsigned columns, bool pad)
{
	bool all = columns >= TERMINAL_ALL || text_fits(raw, columns);
	unsigned used = 0, room = all || columns < 4 ? columns : columns - 3;
	struct glyph g;

	while (raw.len > 0) {
		take_glyph(&raw, &g);
		if (used + g.columns > room)
			break;
		buf_put(b, g.text, g.len);
		used += g.columns;
	}
	if (!all && columns >= 4) {
		buf_put_str(b, "...");
		used += 3;
	}
	while (pad && used < columns) {
		buf_put_u8(b, ' ');
		used++;
	}
	return used;
}

static void
put_html_char(struct buf *b, char c)
{
	static const struct {
		char c;
		const char *text;
	} entities[] = {
		{ '&', "&amp;" },
		{ '<', "&lt;" },
		{ '>', "&gt;" },
		{ '"', "&quot;" },
		{ '\'', "&#39;" },
	};
	size_t i;

	for (i = 0; i < sizeof(entities) / sizeof(entities[0]); i++)
		if (entities[i].c == c) {
			buf_put_str(b, entities[i].text);
			return;
		}
	buf_put_u8(b, (uint8_t)c);
}

void
terminal_put_html(struct buf *b, struct bytes raw, unsigned max)
{
	struct glyph g;
	unsigned n;
	size_t i;

	for (n = 0; raw.len > 0 && n < max; n++) {
		take_glyph(&raw, &g);
		for (i = 0; i < g.len; i++)
			put_html_char(b, g.text[i]);
	}
	if (raw.len > 0)
		buf_put_str(b, "\xe2\x80\xa6");
}

void
terminal_style(struct buf *b, bool on, enum terminal_style s)
{
	static const char *const codes[] = {
		[TERMINAL_PLAIN] = "",
		[TERMINAL_BOLD] = "\033[1m",
		[TERMINAL_DIM] = "\033[2m",
		[TERMINAL_GOOD] = "\033[32m",
		[TERMINAL_BAD] = "\033[31m",
		[TERMINAL_WARN] = "\033[33m",
	};

	if (on)
		buf_put_str(b, codes[s]);
}

void
terminal_plain(struct buf *b, bool on)
{
	if (on)
		buf_put_str(b, "\033[0m");
}

void
terminal_duration(char out[24], uint64_t ns)
{
	uint64_t ms = ns / 1000000, s = ms / 1000;

	if (ns < 10000000)
		(void)snprintf(out, 24, "%.1f ms", (double)ns / 1e6);
	else if (ms < 1000)
		(void)snprintf(out, 24, "%u ms", (unsigned)ms);
	else if (s < 100)
		(void)snprintf(out, 24, "%.1f s", (double)ms / 1e3);
	else if (s < 7200 && s % 60 == 0)
		(void)snprintf(out, 24, "%u min", (unsigned)(s / 60));
	else if (s < 7200)
		(void)snprintf(out, 24, "%u min %u s", (unsigned)(s / 60),
		    (unsigned)(s % 60));
	else
		(void)snprintf(out, 24, "%llu h %u min",
		    (unsigned long long)(s / 3600), (unsigned)(s / 60 % 60));
}

void
terminal_size(char out[24], uint64_t bytes)
{
	static const char *const units[] = { "B", "kB", "MB", "GB", "TB" };
	double v = (double)bytes;
	size_t i = 0;

	while (v >= 1000 && i + 1 < sizeof(units) / sizeof(units[0])) {
		v /= 1000;
		i++;
	}
	(void)snprintf(
	    out, 24, i == 0 || v >= 100 ? "%.0f %s" : "%.1f %s", v, units[i]);
}
