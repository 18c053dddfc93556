/* SPDX-License-Identifier: MIT */
/* auditcast: recordings of output, for those who read the log. */
#include "executor/ctl/audit/auditcast.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/json.h"
#include "executor/ctl/audit/auditrec.h"
#include "executor/ctl/terminal.h"

enum { PART = 65536 };

void
auditcast_init(struct auditcast *c)
{
	memset(c, 0, sizeof(*c));
	c->fd = -1;
	c->bytes = UINT64_MAX;
}

void
auditcast_fini(struct auditcast *c)
{
	cleanup_fd(&c->fd);
	c->fd = -1;
}

bool
auditcast_take(struct auditcast *c, const struct logline *l)
{
	struct bytes sum = logline_get(l, "recording.sha256");
	struct err e;

	c->bytes = logline_get_u64(l, "recording.bytes", UINT64_MAX);
	return c->bytes != UINT64_MAX &&
	       bytes_to_str(sum, c->sum, sizeof(c->sum), &e) == 0 &&
	       bytes_to_str(
		   logline_get(l, "run.id"), c->run, sizeof(c->run), &e) == 0;
}

/* --- find ------------------------------------------------------------------ */

/* One more result that fits; ERR_BAD at a second run. */
static int
take_result(struct auditcast *c, const struct logline *l, struct err *e)
{
	struct bytes id = logline_get(l, "run.id");

	if (c->run[0] != '\0' && !bytes_eq_str(id, c->run))
		return err_set(e, ERR_BAD,
		    "run id prefix is ambiguous, %s has it too: give more of the id",
		    c->run);
	if (auditcast_take(c, l))
		return 0;
	return err_set(e, ERR_BAD,
	    "the output of run %.*s was not recorded (key audit.output of its policy)",
	    (int)(id.len < ASCIICAST_ID ? id.len : ASCIICAST_ID),
	    (const char *)id.p);
}

static int
search_log(struct auditcast *c, struct auditlog *log, const char *prefix,
    const struct auditrec_term *term, struct err *e)
{
	struct bytes line;
	struct logline l;
	int rc;

	while ((rc = auditlog_next(log, &line, e)) == 1) {
		if (!auditrec_holds(line, term) || !logline_parse(line, &l) ||
		    !logline_is(&l, "run-result") ||
		    !bytes_starts(logline_get(&l, "run.id"), prefix))
			continue;
		if (take_result(c, &l, e) != 0)
			return e->code;
		if (strlen(prefix) == ASCIICAST_ID - 1)
			return 0;
	}
	if (rc == 0 && c->run[0] == '\0')
		return err_set(e, ERR_BAD,
		    "no run with that id prefix has ended; see mcp-execctl audit search");
	return rc;
}

int
auditcast_find(
    struct auditcast *c, const char *path, const char *prefix, struct err *e)
{
	struct auditrec_term term = { .len = 0 };
	struct auditlog *log;
	int rc;

	if (auditrec_term(&term, "run.id", prefix, true, e) != 0 ||
	    (log = auditlog_open(path, AUDITLOG_NEWEST, "", e)) == NULL)
		return e->code;
	rc = search_log(c, log, prefix, &term, e);
	auditlog_close(log);
	return rc;
}

/* --- read ------------------------------------------------------------------ */

int
auditcast_open(struct auditcast *c, const char *dir, struct err *e)
{
	char name[ASCIICAST_ID + 8];
	struct stat st;

	(void)snprintf(name, sizeof(name), "%s.cast", c->run);
	if (fdio_join(c->path, sizeof(c->path), dir, name, e) != 0)
		return e->code;
	c->fd = open(
	    c->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (c->fd == -1 && errno == ENOENT)
		return err_set(e, ERR_BAD,
		    "%s is not there: it was removed to make room or for its age (see: mcp-execctl audit search --event recording-remove), or is kept elsewhere (--recordings)",
		    c->path);
	if (c->fd == -1)
		return err_sys(e, "%s", c->path);
	if (fstat(c->fd, &st) == -1 || !S_ISREG(st.st_mode))
		return err_set(e, ERR_BAD, "%s is not a file", c->path);
	return 0;
}

int
auditcast_verify(struct auditcast *c, struct err *e)
{
	static uint8_t part[PART];
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];
	struct digest d;
	uint64_t bytes = 0;
	ssize_t n;

	digest_init(&d);
	while ((n = pread(c->fd, part, sizeof(part), (off_t)bytes)) > 0) {
		digest_update(&d, bytes_make(part, (size_t)n));
		bytes += (uint64_t)n;
	}
	if (n == -1)
		return err_sys(e, "%s", c->path);
	digest_final(&d, sum);
	digest_hex(sum, sizeof(sum), hex);
	if (bytes == c->bytes && strcmp(hex, c->sum) == 0)
		return 0;
	return err_set(e, ERR_BAD,
	    "%s is not as it was recorded: it has %llu bytes, the audit log says %llu%s. It was changed, or cut by a crash of the machine",
	    c->path, (unsigned long long)bytes, (unsigned long long)c->bytes,
	    bytes == c->bytes ? " and another digest" : "");
}

int
auditcast_read(struct auditcast *c, const struct asciicast_read_ops *ops,
    void *arg, struct err *e)
{
	static uint8_t part[PART];
	struct asciicast_read r;
	off_t at = 0;
	ssize_t n = 0;
	int rc = 0;

	asciicast_read_init(&r, ops, arg);
	while (rc == 0 && (n = pread(c->fd, part, sizeof(part), at)) > 0) {
		rc = asciicast_read_feed(&r, bytes_make(part, (size_t)n), e);
		at += n;
	}
	if (rc == 0 && n == -1)
		rc = err_sys(e, "read");
	asciicast_read_fini(&r);
	return rc;
}

/* --- show ------------------------------------------------------------------ */

/* A stretch without line ends and tabs, as the log would escape it. */
static void
put_stretch(struct buf *out, struct bytes s)
{
	CLEANUP_BUF struct buf text = { 0 };

	if (s.len == 0)
		return;
	buf_init(&text, 8 * s.len + 16);
	json_put_audit(&text, s);
	if (!text.overflow)
		(void)terminal_put(out, bytes_make(text.p + 1, text.len - 2),
		    TERMINAL_ALL, false);
}

void
auditcast_put_safe(struct buf *out, struct bytes data)
{
	size_t i, from = 0;

	for (i = 0; i < data.len; i++) {
		if (data.p[i] != '\n' && data.p[i] != '\t')
			continue;
		put_stretch(out, bytes_make(data.p + from, i - from));
		buf_put_u8(out, data.p[i]);
		from = i + 1;
	}
	put_stretch(out, bytes_make(data.p + from, data.len - from));
}
