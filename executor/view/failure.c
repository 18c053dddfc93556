/* SPDX-License-Identifier: MIT */
/* failure: a table of what failures say.  Executor; lines are untrusted. */
#include "executor/view/failure.h"

#include <string.h>

#include "executor/view/lines.h"

/* Tools that have rules of their own. */
enum {
	COMPILER = 1 << 0,
	PYTEST = 1 << 1,
	GO = 1 << 2,
	PACKAGES = 1 << 3,
	NPM = 1 << 4,
	TRANSFER = 1 << 5,
	CLUSTER = 1 << 6,
	SERVICE = 1 << 7,
	PYTHON = 1 << 8,
	LINT = 1 << 9,
	MILD = 1 << 10, /* no tool: a rule whose lines warn of something */
	ANY = 0
};

static const struct {
	const char *name;
	uint32_t tools;
} names[] = {
	{ "ansible", SERVICE },
	{ "ansible-playbook", SERVICE },
	{ "apt", PACKAGES },
	{ "apt-get", PACKAGES },
	{ "aptitude", PACKAGES },
	{ "bazel", COMPILER },
	{ "c++", COMPILER },
	{ "cargo", COMPILER },
	{ "cc", COMPILER },
	{ "clang", COMPILER },
	{ "clang++", COMPILER },
	{ "cmake", COMPILER },
	{ "curl", TRANSFER },
	{ "docker", CLUSTER },
	{ "dnf", PACKAGES },
	{ "dpkg", PACKAGES },
	{ "flake8", LINT },
	{ "g++", COMPILER },
	{ "gcc", COMPILER },
	{ "go", GO | COMPILER },
	{ "golangci-lint", LINT },
	{ "gradle", COMPILER },
	{ "javac", COMPILER },
	{ "journalctl", SERVICE },
	{ "kubectl", CLUSTER },
	{ "ld", COMPILER },
	{ "make", COMPILER },
	{ "meson", COMPILER },
	{ "mvn", COMPILER },
	{ "mypy", LINT },
	{ "ninja", COMPILER },
	{ "node", NPM },
	{ "npm", NPM },
	{ "npx", NPM },
	{ "oc", CLUSTER },
	{ "pip", PYTHON },
	{ "pip3", PYTHON },
	{ "pnpm", NPM },
	{ "podman", CLUSTER },
	{ "py.test", PYTEST | PYTHON },
	{ "pycodestyle", LINT },
	{ "pyflakes", LINT },
	{ "pylint", LINT },
	{ "pytest", PYTEST | PYTHON },
	{ "python", PYTHON },
	{ "python3", PYTHON },
	{ "rpm", PACKAGES },
	{ "rsync", TRANSFER },
	{ "ruff", LINT },
	{ "rustc", COMPILER },
	{ "scp", TRANSFER },
	{ "systemctl", SERVICE },
	{ "tox", PYTEST | PYTHON },
	{ "tsc", COMPILER },
	{ "wget", TRANSFER },
	{ "yarn", NPM },
	{ "yum", PACKAGES },
	{ "zypper", PACKAGES },
};

enum place {
	WORD, /* whole words, whatever their case */
	START, /* the line begins so, exactly */
	PLACE /* the end of a name; a number and a colon follow */
};

struct rule {
	const char *text; /* lower case where case does not matter */
	enum place place;
	uint32_t tools; /* that it holds for; ANY */
};

/* In the order of their first bytes, upper case as if it were lower. */
static const struct rule rules[] = {
	{ "!", START, ANY }, /* ! [rejected] of git, ! of TeX */
	{ "***", WORD, COMPILER },
	{ "--- FAIL", START, ANY },
	{ ".go:", PLACE, GO | COMPILER | LINT },
	{ ".py:", PLACE, LINT },
	{ "    --- FAIL", START, ANY },
	{ "  File \"", START, ANY },
	{ "____", START, PYTEST },
	{ "_test.go:", WORD, GO },
	{ "abort", WORD, ANY },
	{ "aborted", WORD, ANY },
	{ "aborting", WORD, ANY },
	{ "assertion", WORD, ANY },
	{ "backoff", WORD, CLUSTER },
	{ "bad gateway", WORD, ANY },
	{ "bad substitution", WORD, ANY },
	{ "broken", WORD, ANY },
	{ "can't", WORD, ANY },
	{ "cannot", WORD, ANY },
	{ "Caused by:", START, ANY },
	{ "conflict", WORD, ANY },
	{ "conflicts", WORD, ANY },
	{ "core dumped", WORD, ANY },
	{ "corrupt", WORD, ANY },
	{ "corrupted", WORD, ANY },
	{ "could not", WORD, ANY },
	{ "couldn't", WORD, ANY },
	{ "crash", WORD, ANY },
	{ "crashed", WORD, ANY },
	{ "crit", WORD, ANY },
	{ "critical", WORD, ANY },
	{ "curl: (", START, ANY },
	{ "deadlock", WORD, ANY },
	{ "denied", WORD, ANY },
	{ "does not exist", WORD, ANY },
	{ "doesn't exist", WORD, ANY },
	{ "dpkg: ", START, ANY },
	{ "E  ", START, PYTEST },
	{ "E: ", START, ANY },
	{ "emerg", WORD, ANY },
	{ "Err:", START, PACKAGES },
	{ "err", WORD, ANY },
	{ "errimagepull", WORD, CLUSTER },
	{ "error", WORD, ANY },
	{ "errors", WORD, ANY },
	{ "errored", WORD, ANY },
	{ "evicted", WORD, CLUSTER },
	{ "exception", WORD, ANY },
	{ "fail", WORD, ANY },
	{ "failed", WORD, ANY },
	{ "failing", WORD, ANY },
	{ "fails", WORD, ANY },
	{ "failure", WORD, ANY },
	{ "failures", WORD, ANY },
	{ "fatal", WORD, ANY },
	{ "illegal", WORD, ANY },
	{ "incompatible", WORD, ANY },
	{ "invalid", WORD, ANY },
	{ "killed", WORD, ANY },
	{ "mismatch", WORD, ANY },
	{ "missing", WORD, ANY },
	{ "multiple definition", WORD, ANY },
	{ "no space left", WORD, ANY },
	{ "no such", WORD, ANY },
	{ "not found", WORD, ANY },
	{ "not ok", WORD, ANY },
	{ "not permitted", WORD, ANY },
	{ "not ready", WORD, CLUSTER },
	{ "notready", WORD, CLUSTER },
	{ "nothing provides", WORD, PACKAGES },
	{ "oom", WORD, ANY },
	{ "oomkilled", WORD, ANY },
	{ "out of memory", WORD, ANY },
	{ "panic", WORD, ANY },
	{ "panicked", WORD, ANY },
	{ "refused", WORD, ANY },
	{ "rejected", WORD, ANY },
	{ "rsync error", START, ANY },
	{ "rsync: ", START, ANY },
	{ "segfault", WORD, ANY },
	{ "segmentation fault", WORD, ANY },
	{ "stop.", WORD, COMPILER },
	{ "timed out", WORD, ANY },
	{ "timeout", WORD, TRANSFER | SERVICE | CLUSTER },
	{ "traceback", WORD, ANY },
	{ "unable", WORD, ANY },
	{ "unbound variable", WORD, ANY },
	{ "undefined", WORD, COMPILER | NPM },
	{ "unhealthy", WORD, ANY },
	{ "unmet", WORD, PACKAGES },
	{ "unreachable", WORD, ANY },
	{ "unrecognized", WORD, ANY },
	{ "unresolved", WORD, ANY },
	{ "violation", WORD, ANY },
	{ "vulnerabilities", WORD, NPM },
	{ "W: ", START, PACKAGES | MILD },
	{ "warn", WORD, NPM | MILD },
	{ "warning", WORD, COMPILER | NPM | PACKAGES | MILD },
	{ "warnings", WORD, COMPILER | NPM | MILD },
	{ "\xe2\x9c\x95", WORD, ANY }, /* crosses of test runners */
	{ "\xe2\x9c\x96", WORD, ANY },
	{ "\xe2\x9c\x97", WORD, ANY },
	{ "\xe2\x9c\x98", WORD, ANY },
	{ "\xe2\x9d\x8c", WORD, ANY },
};

enum { RULES = sizeof(rules) / sizeof(rules[0]) };

static uint8_t
to_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
is_letter(uint8_t c)
{
	return to_lower(c) >= 'a' && to_lower(c) <= 'z';
}

static bool
is_digit(uint8_t c)
{
	return c >= '0' && c <= '9';
}

static uint8_t
byte_at(struct bytes s, size_t at)
{
	return at < s.len ? s.p[at] : 0;
}

/* --- the tools of a command ------------------------------------------------ */

static bool
is_name_byte(uint8_t c)
{
	return is_letter(c) || is_digit(c) || c == '-' || c == '.' ||
	       c == '+' || c == '_';
}

static uint32_t
tools_named(struct bytes word)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bytes_eq_str(word, names[i].name))
			return names[i].tools;
	return 0;
}

static uint32_t
find_tools(struct bytes command)
{
	uint32_t tools = 0;
	size_t from, to = 0;

	while (to < command.len) {
		from = to;
		while (to < command.len && is_name_byte(command.p[to]))
			to++;
		tools |= tools_named(bytes_make(command.p + from, to - from));
		if (to == from)
			to++;
	}
	return tools;
}

void
failure_init(struct failure *f, struct bytes command)
{
	memset(f, 0, sizeof(*f));
	f->tools = find_tools(command);
	for (size_t i = RULES; i-- > 0;)
		f->first[to_lower((uint8_t)rules[i].text[0])] =
		    (uint8_t)(i + 1);
}

/* --- a line ---------------------------------------------------------------- */

static bool
has_text(struct bytes line, size_t at, const char *text, bool fold)
{
	size_t n = strlen(text);

	if (n > line.len - at)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint8_t c = line.p[at + i];

		if ((fold ? to_lower(c) : c) != (uint8_t)text[i])
			return false;
	}
	return true;
}

/* "failed=0", "errors: 0": nothing has failed. */
static bool
counts_none(struct bytes line, size_t at)
{
	if (has_text(line, at < line.len ? at : line.len, "(s)", false))
		at += 3;
	if (byte_at(line, at) != '=' && byte_at(line, at) != ':')
		return false;
	at++;
	while (byte_at(line, at) == ' ')
		at++;
	return byte_at(line, at) == '0' && !is_digit(byte_at(line, at + 1)) &&
	       byte_at(line, at + 1) != '.' && byte_at(line, at + 1) != 'x';
}

/* "0 errors", "no errors", "without errors" likewise. */
static bool
is_after_none(struct bytes line, size_t at)
{
	static const char *const none[] = { "0 ", "no ", "without " };

	for (size_t i = 0; i < sizeof(none) / sizeof(none[0]); i++) {
		size_t n = strlen(none[i]);

		if (n <= at && has_text(line, at - n, none[i], true) &&
		    (n == at || (!is_letter(line.p[at - n - 1]) &&
				    !is_digit(line.p[at - n - 1]))))
			return true;
	}
	return false;
}

/* error.c, errors/, error_log: a name has it, no failure. */
static bool
is_in_name(struct bytes line, size_t from, size_t to)
{
	uint8_t after = byte_at(line, to), next = byte_at(line, to + 1);
	uint8_t before = from > 0 ? line.p[from - 1] : 0;

	if ((after == '.' || after == '_' || after == '-' || after == '/') &&
	    (is_letter(next) || is_digit(next)))
		return true;
	return before == '/' || before == '-';
}

static bool
is_number_and_colon(struct bytes line, size_t at)
{
	size_t from = at;

	while (is_digit(byte_at(line, at)))
		at++;
	return at > from && byte_at(line, at) == ':';
}

static bool
holds_for(const struct failure *f, const struct rule *r)
{
	return r->tools == ANY || (r->tools & f->tools) != 0;
}

static bool
rule_holds(
    const struct failure *f, const struct rule *r, struct bytes line, size_t at)
{
	size_t to = at + strlen(r->text);
	uint8_t last;

	if (!holds_for(f, r))
		return false;
	if (r->place == START)
		return at == 0 && has_text(line, at, r->text, false);
	if (r->place == PLACE)
		return has_text(line, at, r->text, false) &&
		       is_number_and_colon(line, to);
	if (!has_text(line, at, r->text, true))
		return false;
	last = (uint8_t)r->text[strlen(r->text) - 1];
	if (!is_letter(last))
		return true;
	if (is_letter(byte_at(line, to)))
		return false;
	return !counts_none(line, to) && !is_after_none(line, at) &&
	       !is_in_name(line, at, to);
}

/* NULL: none holds there. */
static const struct rule *
find_rule(const struct failure *f, struct bytes line, size_t at)
{
	uint8_t c = to_lower(line.p[at]);

	for (size_t i = f->first[c]; i > 0 && i <= RULES; i++) {
		if (to_lower((uint8_t)rules[i - 1].text[0]) != c)
			return NULL;
		if (rule_holds(f, &rules[i - 1], line, at))
			return &rules[i - 1];
	}
	return NULL;
}

/* Behind ESC [ ... letter at `at`, which colours text. */
static size_t
skip_colour(struct bytes line, size_t at)
{
	if (byte_at(line, at + 1) != '[')
		return at + 1;
	for (at += 2; at < line.len; at++)
		if (line.p[at] >= 0x40)
			return at + 1;
	return at;
}

/* Does a word begin here?  ValueError has two. */
static bool
begins_word(struct bytes line, size_t at, bool fresh)
{
	uint8_t c = line.p[at], before;

	if (fresh || at == 0)
		return true;
	before = line.p[at - 1];
	if (!is_letter(c))
		return true;
	if (c >= 'A' && c <= 'Z' && before >= 'a' && before <= 'z')
		return true;
	return !is_letter(before);
}

/* A compiler's note says more of the error that came before. */
static bool
is_note(const struct failure *f, struct bytes line)
{
	static const char note[] = ": note: ";

	return (f->tools & COMPILER) != 0 && line.len > 0 &&
	       memmem(line.p, line.len, note, sizeof(note) - 1) != NULL;
}

static enum failure_weight
weigh_words(const struct failure *f, struct bytes line)
{
	enum failure_weight found = FAILURE_NONE;
	const struct rule *r;
	bool fresh = true; /* a colour, or nothing, is before it */
	size_t at = 0;

	while (at < line.len) {
		if (line.p[at] == 0x1b) {
			at = skip_colour(line, at);
			fresh = true;
			continue;
		}
		r = NULL;
		if (f->first[to_lower(line.p[at])] != 0 &&
		    begins_word(line, at, fresh))
			r = find_rule(f, line, at);
		if (r != NULL && (r->tools & MILD) == 0)
			return FAILURE_ERROR;
		if (r != NULL)
			found = FAILURE_WARNING;
		fresh = false;
		at++;
	}
	return found;
}

enum failure_weight
failure_weigh(const struct failure *f, struct bytes line)
{
	enum failure_weight w = weigh_words(f, line);

	return w != FAILURE_NONE && is_note(f, line) ? FAILURE_NONE : w;
}

bool
failure_is(const struct failure *f, struct bytes line)
{
	return failure_weigh(f, line) != FAILURE_NONE;
}

/* --- many lines ------------------------------------------------------------ */

void
failure_sieve(const struct failure *f, struct sieve *s)
{
	sieve_init(s);
	for (size_t i = 0; i < RULES; i++)
		if (holds_for(f, &rules[i]))
			sieve_add(s, bytes_of(rules[i].text));
}

/* Does a colour end just before `at`? */
static bool
is_after_colour(struct bytes line, size_t at)
{
	size_t i = at < 2 ? 0 : at - 2;

	while (i > 0 && line.p[i] < 0x40)
		i--;
	return i > 0 && line.p[i] == '[' && line.p[i - 1] == 0x1b;
}

/* The whole line around `at`, which is behind all that was looked at. */
static void
find_line(struct bytes text, size_t at, size_t *from, size_t *to)
{
	const uint8_t *nl = memrchr(text.p + *to, '\n', at - *to);

	if (nl != NULL)
		*to = (size_t)(nl + 1 - text.p);
	*from = *to;
	nl = memchr(text.p + at, '\n', text.len - at);
	*to = nl == NULL ? text.len : (size_t)(nl + 1 - text.p);
}

size_t
failure_next(const struct failure *f, const struct sieve *s, struct bytes text)
{
	size_t from = 0, to = 0, at = 0;
	struct bytes line;

	for (;; at++) {
		at = sieve_next(s, text, at);
		if (at == text.len)
			return at;
		if (at >= to)
			find_line(text, at, &from, &to);
		line = lines_text(bytes_make(text.p + from, to - from));
		if (at - from < line.len &&
		    begins_word(
			line, at - from, is_after_colour(line, at - from)) &&
		    find_rule(f, line, at - from) != NULL)
			return from;
	}
}
