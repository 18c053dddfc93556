/* SPDX-License-Identifier: MIT */
/* remote: one request, one answer.  mcp-execctl. */
#include "executor/ctl/remote.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"
#include "executor/control/control_socket.h"

enum { PATIENCE_S = 40 /* longer than the executor's own */ };

/* The configuration may be broken: what runs was started with another. */
static void
find_socket(struct ctl *c)
{
	struct err e = { 0 };

	if (c->conf.control[0] == '/')
		return;
	if (conf_load(c->config, &c->conf, &c->report, &e) != 0 &&
	    access(c->config, R_OK) == 0)
		(void)fprintf(stderr,
		    "mcp-execctl: %s (see mcp-execctl check); asking at %s anyway\n",
		    e.what, c->conf.control);
	conf_report_fini(&c->report);
	conf_report_init(&c->report);
}

/* From now on it blocks, but not for ever. */
static int
set_patience(int fd, struct err *e)
{
	struct timeval t = { .tv_sec = PATIENCE_S };
	int flags = fcntl(fd, F_GETFL);

	if (flags == -1 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t)) == -1 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t)) == -1)
		return err_sys(e, "control socket");
	return 0;
}

static int
receive_text(int fd, struct buf *text, struct err *e)
{
	uint8_t piece[16384];
	ssize_t n;

	while ((n = recv(fd, piece, sizeof(piece), 0)) != 0) {
		if (n == -1 && errno == EINTR)
			continue;
		if (n == -1 && errno == EAGAIN)
			return err_set(e, ERR_BUSY,
			    "mcp-execd has not answered within %d s",
			    PATIENCE_S);
		if (n == -1)
			return err_sys(e, "control socket");
		buf_put(text, piece, (size_t)n);
	}
	if (text->overflow || text->len < CONTROL_HEAD ||
	    text->len != CONTROL_HEAD + (size_t)control_request_length(text->p))
		return err_set(e, ERR_BUSY,
		    "mcp-execd has not answered in full: is it being stopped?");
	buf_consume(text, CONTROL_HEAD);
	return 0;
}

static int
read_answer(struct remote_answer *a, struct err *e)
{
	struct bytes rest = buf_bytes(&a->text);
	struct bytes first = remote_line(&rest);
	const struct json_value *ok, *root, *why;

	if (json_parse(first, JSON_STRICT, &a->doc, e) != 0)
		return err_wrap(e, "answer of mcp-execd");
	a->lines = rest;
	root = json_root(a->doc);
	ok = json_get(root, "ok");
	if (json_is(ok, JSON_BOOL) && ok->boolean)
		return 0;
	why = json_get(root, "error");
	return err_set(e, ERR_BAD, "%.*s", why != NULL ? (int)why->text.len : 0,
	    why != NULL ? (const char *)why->text.p : "");
}

int
remote_ask(struct ctl *c, const struct control_request *r,
    struct remote_answer *out, struct err *e)
{
	CLEANUP_BUF struct buf request;
	CLEANUP_FD int fd = -1;

	find_socket(c);
	memset(out, 0, sizeof(*out));
	buf_init(&out->text, CONTROL_HEAD + CONTROL_MAX_ANSWER);
	buf_init(&request, CONTROL_HEAD + CONTROL_MAX_REQUEST);
	control_request_put(&request, r);
	if (request.overflow)
		return err_set(e, ERR_BUSY, "the request is too long");
	fd = control_socket_connect(c->conf.control, e);
	if (fd == ERR_EOF && !ctl_has_conf(c))
		return err_set(e, ERR_EOF,
		    "there is no configuration \"%s\", and no mcp-execd answers at %s: name its configuration with -c, or its account with -i",
		    c->config, c->conf.control);
	if (fd < 0)
		return fd;
	if (set_patience(fd, e) != 0 ||
	    fdio_write_all(fd, request.p, request.len, e) != 0 ||
	    receive_text(fd, &out->text, e) != 0)
		return e->code == ERR_BAD ? ERR_BUSY : e->code;
	return read_answer(out, e);
}

int
remote_show(struct ctl *c, enum control_verb verb,
    int (*show)(const struct remote_answer *a, bool as_json), bool as_json)
{
	const struct control_request r = { .verb = verb };
	struct remote_answer a;
	struct err e = { 0 };
	int status;

	if (remote_ask(c, &r, &a, &e) == 0)
		status = show(&a, as_json);
	else
		status = ctl_error("%s", e.what);
	remote_fini(&a);
	return status;
}

void
remote_fini(struct remote_answer *a)
{
	json_free(a->doc);
	buf_fini(&a->text);
	memset(a, 0, sizeof(*a));
}

struct bytes
remote_line(struct bytes *rest)
{
	const uint8_t *nl =
	    rest->len > 0 ? memchr(rest->p, '\n', rest->len) : NULL;
	struct bytes line = *rest;

	if (nl != NULL)
		line.len = (size_t)(nl - rest->p);
	rest->p += line.len + (nl != NULL);
	rest->len -= line.len + (nl != NULL);
	return line;
}

struct log_text
remote_text(const struct json_value *o, const char *key)
{
	const struct json_value *v = json_get(o, key);

	return log_text(v != NULL ? v->text : bytes_of(""));
}

int64_t
remote_number(const struct json_value *o, const char *key)
{
	const struct json_value *v = json_get(o, key);
	int64_t n = 0;

	return v != NULL && json_to_i64(v, &n) ? n : 0;
}

static const struct json_value *
findings_of(const struct remote_answer *a)
{
	return a->doc != NULL ? json_get(json_root(a->doc), "findings") : NULL;
}

bool
remote_has_findings(const struct remote_answer *a)
{
	return findings_of(a) != NULL;
}

void
remote_findings(const struct remote_answer *a)
{
	const struct json_value *v = findings_of(a);

	if (v != NULL)
		(void)fprintf(
		    stderr, "%.*s", (int)v->text.len, (const char *)v->text.p);
}
