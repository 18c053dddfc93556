/* SPDX-License-Identifier: MIT */
/*
 * redact: what rules of redaction cost a record.
 *
 * Nanoseconds a KiB of a command, for 1, 13 and 100 rules and for texts of
 * several kinds, those that are made to cost much among them; and the time of
 * the largest value.  No part of the product: `make bench-redact`, or
 * bench_redact [TEXTS NAMED SO].
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "executor/audit/redact.h"

enum { LARGE = 256 << 10, ROUND_NS = 100000000, ROWS = 5 };

static const char *const patterns[] = {
	"ghp_[A-Za-z0-9]{36}",
	"github_pat_[A-Za-z0-9_]{22,82}",
	"AKIA[0-9A-Z]{16}",
	"xox[baprs]-[A-Za-z0-9-]{10,72}",
	"glpat-[A-Za-z0-9_-]{20}",
	"sk_live_[0-9a-zA-Z]{24,99}",
	"eyJ[A-Za-z0-9_-]{10,60}\\.[A-Za-z0-9_-]{10,60}\\.[A-Za-z0-9_-]{10,60}",
	"AIza[0-9A-Za-z_-]{35}",
	"SG\\.[A-Za-z0-9_-]{22}\\.[A-Za-z0-9_-]{43}",
	"[a-zA-Z][a-zA-Z0-9+.-]*://[^:/@ ]{1,64}:\\K[^@/ ]{1,128}@",
	"Bearer \\K[A-Za-z0-9._~+/-]{16,200}",
	"[0-9a-f]{40}",
	"[A-Za-z0-9+/]{86}==",
};

enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

/* The first ones are patterns, the others names. */
static struct redact *
make_rules(size_t count, bool apart)
{
	struct err e = { 0 };
	struct redact *r = redact_new(&e);
	char key[40], name[REDACT_MAX_NAME] = "k";
	size_t i;
	int rc = r == NULL ? ERR_BUSY : 0;

	for (i = 0; i < count && rc == 0; i++) {
		(void)snprintf(key, sizeof(key), "service_%zu_token", i);
		if (apart)
			(void)snprintf(name, sizeof(name), "k%zu", i);
		rc = i < PATTERNS
			 ? redact_add_pattern(r, "p", bytes_of(patterns[i]), &e)
			 : redact_add_key(r, name, bytes_of(key), &e);
	}
	if (rc != 0 || redact_ready(r, &e) != 0) {
		(void)fprintf(stderr, "bench_redact: %s\n", e.what);
		exit(1);
	}
	return r;
}

/* Text over and over; NULL: letters, digits and signs at random. */
static void
fill(char *to, size_t size, const char *text)
{
	static const char signs[] =
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789____----....====:::  \"'\\";
	uint32_t seed = 1;
	size_t i;

	for (i = 0; i < size; i++) {
		seed = seed * 1664525 + 1013904223;
		to[i] = text != NULL ? text[i % strlen(text)]
				     : signs[(seed >> 8) % (sizeof(signs) - 1)];
	}
}

/* All names and the beginnings of all patterns, in a row. */
static void
fill_hostile(char *to, size_t size)
{
	static const char *const heads[] = { "ghp_", "github_pat_", "AKIA",
		"xoxb-", "glpat-", "sk_live_", "eyJ", "AIza", "SG.",
		"a://b:", "Bearer ", "==" };
	uint32_t seed = 7;
	size_t n = 0;
	char part[40];

	while (n < size) {
		seed = seed * 1664525 + 1013904223;
		if (seed >> 31 != 0)
			(void)snprintf(part, sizeof(part), "%s%x",
			    heads[(seed >> 8) % 12], seed >> (seed >> 27));
		else
			(void)snprintf(part, sizeof(part),
			    "%sservice_%u_token%s",
			    (seed & 64) != 0 ? "'" : " ", (seed >> 8) % 100,
			    (seed & 128) != 0 ? "=\"" : "=");
		if (n + strlen(part) > size)
			break;
		memcpy(to + n, part, strlen(part));
		n += strlen(part);
	}
	memset(to + n, 'a', size - n);
}

static const struct row {
	const char *name, *text;
} rows[] = {
	{ "plain", "hello world, this is make -j8 all; " },
	{ "letters", "a" },
	{ "hex", "0123456789abcde" },
	{ "jwt", "eyJ" },
	{ "b64", "AKIA" },
	{ "url", "a:" },
	{ "quotes", "echo 'a b' \"c \\\"d\" " },
	{ "match", "ghp_abcdefghijklmnopqrstuvwxyz0123456789 x=1 " },
	{ "names", "service_13_token=x service_50_token='y z' " },
	{ "random", NULL },
	{ "hostile", "" },
};

static uint64_t
measure(struct redact *r, struct bytes value)
{
	struct buf b;
	uint64_t begin, ns, best = UINT64_MAX, all = clock_mono_ns();
	size_t i;

	buf_init(&b, 1 << 20);
	for (i = 0; i < 3 || clock_mono_ns() - all < ROUND_NS; i++) {
		buf_reset(&b);
		begin = clock_mono_ns();
		redact_put(r, &b, "c", value, false);
		ns = clock_mono_ns() - begin;
		best = ns < best ? ns : best;
	}
	buf_fini(&b);
	return best;
}

/* The first time, when nothing is remembered of any text. */
static uint64_t
measure_cold(bool rules, struct bytes value)
{
	struct redact *r = make_rules(100, rules != 0);
	struct buf b;
	uint64_t ns;

	buf_init(&b, 1 << 20);
	ns = clock_mono_ns();
	redact_put(r, &b, "c", value, false);
	ns = clock_mono_ns() - ns;
	buf_fini(&b);
	redact_free(r);
	return ns;
}

int
main(int argc, char **argv)
{
	static const size_t counts[ROWS] = { 0, 1, 13, 100, 100 };
	static char text[LARGE];
	struct redact *r[ROWS];
	size_t i, j;

	for (j = 0; j < ROWS; j++)
		r[j] = make_rules(counts[j], j == ROWS - 1);
	(void)printf("%-10s %49s   %s\n", "",
	    "ns a KiB with so many rules; *: each by itself",
	    "ms of the largest value, 100*");
	(void)printf("%-10s %9s %9s %9s %9s %9s   %9s %9s\n", "text", "0", "1",
	    "13", "100", "100*", "again", "first");
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (argc > 1 && strcmp(argv[1], rows[i].name) != 0)
			continue;
		fill(text, sizeof(text),
		    rows[i].text == NULL || *rows[i].text != '\0' ? rows[i].text
								  : "x");
		if (rows[i].text != NULL && rows[i].text[0] == '\0')
			fill_hostile(text, sizeof(text));
		(void)printf("%-10s", rows[i].name);
		for (j = 0; j < ROWS; j++)
			(void)printf(" %9.0f",
			    (double)measure(r[j], bytes_make(text, 4096)) / 4);
		(void)printf("   %9.2f %9.2f\n",
		    (double)measure(r[ROWS - 1], bytes_make(text, LARGE)) / 1e6,
		    (double)measure_cold(true, bytes_make(text, LARGE)) / 1e6);
	}
	for (j = 0; j < ROWS; j++)
		redact_free(r[j]);
	return 0;
}
