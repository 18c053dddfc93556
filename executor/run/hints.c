/* SPDX-License-Identifier: MIT */
/* hints: the usual words of programs.  Executor; the bytes are untrusted. */
#include "executor/run/hints.h"

#include <ctype.h>
#include <string.h>

/* Without the first letter, which C's and Go's words differ in. */
static const struct {
	const char *words;
	enum hint_kind kind;
	bool path; /* one is looked for; see counts_alone */
} phrases[] = {
	{ "must be root to change the host name", HINT_REFUSED, false },
	{ "nice: cannot set niceness", HINT_PRIORITY, false },
	{ "renice: failed to set priority", HINT_PRIORITY, false },
	{ "ionice: ioprio_set failed", HINT_PRIORITY, false },
	{ "chrt: failed to set ", HINT_PRIORITY, false },
	{ "must be root", HINT_RIGHTS, false },
	/* Others than the machine say so, or it is advice: nothing follows. */
	{ "ccess denied for user", HINT_ABSENT, true }, /* a database's */
	{ "ermission denied for ", HINT_ABSENT, true }, /* likewise */
	{ "ermission denied (publickey", HINT_ABSENT, true }, /* ssh(1) */
	{ "Basic: Access denied", HINT_ABSENT, true }, /* git(1) */
	{ "ot be run as root", HINT_ABSENT, true },
	{ "ot run as root", HINT_ABSENT, true },
	{ ": Access denied", HINT_DENIED, false }, /* systemctl(1) */
	{ "eed to be root", HINT_RIGHTS, false },
	{ "are you root?", HINT_RIGHTS, false },
	{ "run as root", HINT_RIGHTS, false },
	{ "root privileges", HINT_RIGHTS, false },
	{ "nly root can", HINT_RIGHTS, false },
	{ "must be superuser", HINT_RIGHTS, false },
	{ "must be super-user", HINT_RIGHTS, false },
	{ "uperuser privilege", HINT_RIGHTS, false },
	{ "must be privileged", HINT_RIGHTS, false },
	{ "nteractive authentication required", HINT_RIGHTS, false },
	{ "ermission denied on key", HINT_RIGHTS, false }, /* sysctl(8) */
	{ "nable to lock directory", HINT_RIGHTS, false }, /* apt(8) */
	{ "annot lock /etc/", HINT_RIGHTS, false }, /* useradd(8) */
	{ "o such file or directory", HINT_ABSENT, true },
	{ "ermission denied", HINT_DENIED, true },
	{ "ead-only file system", HINT_READ_ONLY, true },
	{ "nable to create temporary", HINT_READ_ONLY, false }, /* git(1) */
	{ "ot a directory", HINT_ABSENT, true }, /* of "/a/", by cp(1) */
	{ "s a directory", HINT_IN_PLACE, true },
	{ "llegal operation on a directory", HINT_IN_PLACE, true },
	{ "evice or resource busy", HINT_IN_PLACE, true },
	{ "ile too large", HINT_FILE_SIZE, false },
	{ "ile size limit exceeded", HINT_FILE_SIZE, false },
	{ "annot fork", HINT_PROCESSES, false },
	{ "fork: Resource temporarily unavailable", HINT_PROCESSES, false },
	{ "fork: retry: Resource temporarily unavailable", HINT_PROCESSES,
	    false },
	{ "BlockingIOError: [Errno 11] Resource temporarily unavailable",
	    HINT_PROCESSES, false },
	{ "can't start new thread", HINT_PROCESSES, false },
	{ "oo many open files", HINT_FILES, false },
	{ "annot allocate memory", HINT_MEMORY, false },
	{ "MemoryError", HINT_MEMORY, false },
	{ "emory exhausted", HINT_MEMORY, false },
	{ "ut of memory", HINT_MEMORY, false },
	{ "RTNETLINK answers: Operation not permitted", HINT_NET_ADMIN, false },
	{ "oes not exist", HINT_ABSENT, true },
	{ "oes not appear to be a git repository", HINT_ABSENT, true },
	{ ": not found", HINT_PROGRAM, true }, /* dash(1) */
	{ ": command not found", HINT_PROGRAM, true }, /* bash(1) */
	{ "o such process", HINT_NO_PROCESS, false },
	{ "kill: Operation not permitted", HINT_NO_SIGNAL,
	    false }, /* dash(1) */
	{ ") - Operation not permitted", HINT_NO_SIGNAL, false }, /* bash(1) */
	{ "sending signal to", HINT_NO_SIGNAL, false }, /* kill(1) */
	{ "rror setting limit", HINT_LIMIT, false }, /* dash(1) */
	{ "annot modify limit", HINT_LIMIT, false }, /* bash(1) */
	{ "peration not permitted", HINT_REFUSED, false },
	{ "ddress family not supported by protocol", HINT_NO_FAMILY, false },
};

static bool
is_quote(char c)
{
	return c == '\'' || c == '"' || c == '`';
}

/* The word or quotation before the colon before the words. */
static bool
find_token(const char *line, const char *end, struct bytes *path)
{
	const char *from;
	bool quoted;

	if (*end != ':') { /* else the words begin with it */
		while (end > line && strchr(" NnPpRrIiDd", end[-1]) != NULL)
			end--; /* the first letter, and the space before it */
		if (end == line || end[-1] != ':')
			return false;
		end--;
	}
	quoted = end > line && is_quote(end[-1]);
	if (quoted)
		end--;
	for (from = end; from > line; from--)
		if (quoted ? is_quote(from[-1]) : from[-1] == ' ')
			break;
	*path = bytes_make(from, (size_t)(end - from));
	return path->len > 0;
}

/* "cat: /a/b: No such...", "access '/a/b': No such...", "open /a/b: no..." */
static bool
find_before(const char *line, const char *end, struct bytes *path)
{
	return find_token(line, end, path) && path->p[0] == '/';
}

/* "[Errno 2] No such file or directory: '/a/b'", "ENOENT: no such..., open '/a/b'" */
static bool
find_after(const char *at, struct bytes *path)
{
	const char *end;

	for (; *at != '\0'; at++)
		if (is_quote(at[0]) && at[1] == '/')
			break;
	if (*at == '\0' || (end = strchr(at + 1, at[0])) == NULL)
		return false;
	*path = bytes_make(at + 1, (size_t)(end - at - 1));
	return true;
}

/* 'open() "/a/b" failed (2: No such...)' */
static bool
find_quoted(const char *line, const char *end, struct bytes *path)
{
	const char *close = NULL;

	for (; line < end; line++)
		if (is_quote(line[0]) && line[1] == '/') {
			close = strchr(line + 1, line[0]);
			break;
		}
	if (close == NULL || close > end)
		return false;
	*path = bytes_make(line + 1, (size_t)(close - line - 1));
	return true;
}

/* Nothing of another name is between a path and the words about it. */
static bool
is_about_it(const char *rest, const char *end)
{
	size_t len;

	rest += strspn(rest, " '\"`:(");
	len = rest < end ? (size_t)(end - rest) : 0;
	return len <= 1 || (len > 7 && strncmp(rest + 1, "annot ", 6) == 0 &&
			       memchr(rest, '/', len) == NULL);
}

/* 'tar: /a/b: Cannot stat: No such...', "/a/b (No such...)", "file:///a/b" */
static bool
find_word(const char *line, const char *end, struct bytes *path)
{
	static const char scheme[] = "file://";
	const char *from = strstr(line, scheme);

	if (from != NULL && from < end)
		line = from + sizeof(scheme) - 1;
	for (from = line; from < end; from++)
		if (from[0] == '/' &&
		    (from == line || strchr(" '\"`(=[", from[-1]) != NULL))
			break;
	if (from >= end)
		return false;
	*path = bytes_make(from, strcspn(from, " '\"`)],:"));
	return from + path->len <= end && is_about_it(from + path->len, end);
}

/* "touch 'a': Read-only...", "[Errno 21] Is a directory: 'a'", "a: is..." */
static bool
find_relative(const char *line, const char *at, struct bytes *path)
{
	const char *open = strpbrk(at, "'\"`");
	const char *close = open == NULL ? NULL : strchr(open + 1, open[0]);

	if (close != NULL)
		*path = bytes_make(open + 1, (size_t)(close - open - 1));
	else if (!find_token(line, at, path))
		return false;
	if (path->len > 2 && memcmp(path->p, "./", 2) == 0)
		*path = bytes_make(path->p + 2, path->len - 2);
	return path->len > 0 && path->p[0] != '/' &&
	       (path->len < 2 || memcmp(path->p, "..", 2) != 0);
}

/* Kinds of which a name in the run's own directory says something. */
static bool
takes_relative(enum hint_kind kind)
{
	return kind == HINT_READ_ONLY || kind == HINT_IN_PLACE ||
	       kind == HINT_DENIED;
}

/* A plain one: what goes up and down again is not compared with a policy. */
static bool
is_plain(struct bytes path)
{
	if (path.len >= HINTS_PATH || memmem(path.p, path.len, "/..", 3) ||
	    memmem(path.p, path.len, "//", 2))
		return false;
	for (size_t i = 0; i < path.len; i++)
		if (path.p[i] < ' ' || path.p[i] >= 0x7f)
			return false;
	return true;
}

static void
add_hint(struct hints *h, enum hint_kind kind, struct bytes path)
{
	struct hint *new = &h->found[h->count];

	for (size_t i = 0; i < h->count; i++)
		if (h->found[i].kind == kind &&
		    bytes_eq_str(path, h->found[i].path))
			return;
	if (h->count == HINTS_MAX)
		return;
	*new = (struct hint){ .kind = kind };
	if (path.len > 0)
		memcpy(new->path, path.p, path.len);
	h->count++;
}

static bool
find_path(
    const char *line, const char *at, enum hint_kind kind, struct bytes *path)
{
	if (find_before(line, at, path) || find_after(at, path) ||
	    find_quoted(line, at, path) || find_word(line, at, path))
		return is_plain(*path);
	return takes_relative(kind) && find_relative(line, at, path) &&
	       is_plain(*path);
}

/* A shell says it, "sh: 1: NAME" or "bash: line 1: NAME". */
static bool
has_line_number(const char *line, const char *at)
{
	static const char word[] = "line ";

	line = strstr(line, ": ");
	if (line == NULL || line >= at)
		return false;
	line += 2;
	if (strncmp(line, word, sizeof(word) - 1) == 0)
		line += sizeof(word) - 1;
	return isdigit((unsigned char)*line) &&
	       line[strspn(line, "0123456789")] == ':';
}

/* Something follows from the words, although no path was found. */
static bool
counts_alone(enum hint_kind kind, const char *line, const char *at)
{
	return kind == HINT_READ_ONLY || kind == HINT_DENIED ||
	       (kind == HINT_PROGRAM && has_line_number(line, at));
}

static void
look_at_line(struct hints *h, const char *line)
{
	struct bytes path = { 0 };
	const char *at;

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		at = strstr(line, phrases[i].words);
		if (at == NULL)
			continue;
		if (phrases[i].path &&
		    find_path(line, at, phrases[i].kind, &path))
			add_hint(h,
			    phrases[i].kind == HINT_PROGRAM ? HINT_ABSENT
							    : phrases[i].kind,
			    path);
		else if (!phrases[i].path ||
			 counts_alone(phrases[i].kind, line, at))
			add_hint(h, phrases[i].kind, bytes_make("", 0));
		return;
	}
}

/* U+2018 and U+2019, which GNU's programs write where the text is UTF-8. */
static void
put_plain_quotes(char *line)
{
	char *to = line;

	for (; *line != '\0'; line++)
		if (strncmp(line, "\xe2\x80\x98", 3) == 0 ||
		    strncmp(line, "\xe2\x80\x99", 3) == 0) {
			*to++ = '\'';
			line += 2;
		} else {
			*to++ = *line;
		}
	*to = '\0';
}

static void
end_line(struct hints *h, unsigned i)
{
	char *line = h->stream[i].line;

	line[h->stream[i].len] = '\0';
	h->stream[i].len = 0;
	put_plain_quotes(line);
	if (line[0] != '\0')
		look_at_line(h, line);
}

void
hints_feed(struct hints *h, unsigned stream, struct bytes data)
{
	unsigned i = stream == 2;
	char c;

	if (data.len > HINTS_LOOKED - h->stream[i].looked)
		data.len = HINTS_LOOKED - h->stream[i].looked;
	h->stream[i].looked += data.len;
	for (size_t n = 0; n < data.len; n++) {
		c = (char)data.p[n];
		if (c == '\n' || c == '\r')
			end_line(h, i);
		else if (h->stream[i].len < HINTS_LINE - 1 && c != '\0')
			h->stream[i].line[h->stream[i].len++] = c;
	}
}

void
hints_end(struct hints *h)
{
	end_line(h, 0);
	end_line(h, 1);
}

void
hints_add(struct hints *h, enum hint_kind kind, struct bytes path)
{
	if (is_plain(path))
		add_hint(h, kind, path);
}

bool
hints_has(const struct hints *h, enum hint_kind kind)
{
	for (size_t i = 0; i < h->count; i++)
		if (h->found[i].kind == kind)
			return true;
	return false;
}
