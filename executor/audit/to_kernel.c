/* SPDX-License-Identifier: MIT */
/* to_kernel: USER_CMD records by netlink.  Executor; what the kernel says is
 * trusted. */
/* Its name is also one of ours. */
#define audit_status kernel_audit_status
#include <linux/audit.h>
#undef audit_status

#include "executor/audit/to_kernel.h"

#include <errno.h>
#include <linux/netlink.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/json.h"

enum {
	USER_CMD = 1123, /* AUDIT_USER_CMD of libaudit.h */
	MESSAGE_MAX = 8900,
	ANSWER_MS = 200
};

struct message {
	struct nlmsghdr head;
	char data[MESSAGE_MAX];
};

static void
put_hex(struct buf *b, const char *name, struct bytes text)
{
	size_t i, n = text.len;

	if (n > TO_KERNEL_MAX_CMD)
		n = TO_KERNEL_MAX_CMD;
	buf_printf(
	    b, "%s%s=%s", b->len > 0 ? " " : "", name, n == 0 ? "?" : "");
	for (i = 0; i < n; i++)
		buf_printf(b, "%02X", text.p[i]);
}

/*
 * As audit_encode_nv_string(3) does with what could end a value early: in
 * hexadecimal.  raw stands between its quotes in the record.
 */
static void
put_value(struct buf *b, const char *name, struct bytes raw)
{
	struct json_doc *doc;
	struct err e;

	if (raw.len == 0 || json_parse(bytes_make(raw.p - 1, raw.len + 2),
				JSON_STRICT, &doc, &e) != 0) {
		put_hex(b, name, raw);
		return;
	}
	put_hex(b, name, json_root(doc)->text);
	json_free(doc);
}

/* Names and addresses, which cannot hold what ends a value. */
static void
put_word(struct buf *b, const char *name, struct bytes raw)
{
	size_t i;

	for (i = 0; i < raw.len; i++)
		if (raw.p[i] <= ' ' || raw.p[i] >= 127 || raw.p[i] == '"' ||
		    raw.p[i] == '\\')
			raw.len = 0;
	buf_printf(b, "%s%s=%.*s", b->len > 0 ? " " : "", name,
	    raw.len > 0 && raw.len < 256 ? (int)raw.len : 1,
	    raw.len > 0 && raw.len < 256 ? (const char *)raw.p : "?");
}

bool
to_kernel_format(struct buf *b, const struct logline *l)
{
	bool intent = logline_is(l, "run-intent");

	if (!intent && !logline_is(l, "run-refused"))
		return false;
	buf_reset(b);
	put_value(b, "cwd", logline_get(l, "process.working_directory"));
	put_value(b, "cmd", logline_get(l, "process.command_line"));
	put_word(b, "acct", logline_get(l, "token.name"));
	put_word(b, "exe", BYTES_LIT("mcp-execd"));
	put_word(b, "run", logline_get(l, "run.id"));
	put_word(b, "addr", logline_get(l, "source.ip"));
	buf_printf(b, " terminal=? res=%s", intent ? "success" : "failed");
	return !b->overflow;
}

static int
send_message(int fd, uint16_t type, struct bytes data)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct message m = { .head = { .nlmsg_type = type,
				 .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK,
				 .nlmsg_len = NLMSG_SPACE(data.len) } };

	if (data.len >= MESSAGE_MAX)
		return EMSGSIZE;
	if (data.len > 0)
		memcpy(m.data, data.p, data.len);
	return sendto(fd, &m, m.head.nlmsg_len, MSG_DONTWAIT,
		   (const struct sockaddr *)&kernel, sizeof(kernel)) == -1
		   ? errno
		   : 0;
}

/* The next message of this type, within that time; false without one. */
static bool
receive_message(int fd, uint16_t type, int wait_ms, struct message *out)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	while (poll(&p, 1, wait_ms) == 1) {
		if (recv(fd, out, sizeof(*out), MSG_DONTWAIT) <
		    (ssize_t)sizeof(out->head))
			return false;
		if (out->head.nlmsg_type == type)
			return true;
	}
	return false;
}

/*
 * The kernel drops what it is told while its audit is off: say so instead.
 * To ask for that needs CAP_AUDIT_CONTROL; without it, nobody is asked.
 */
static bool
is_off(int fd)
{
	static struct message answer;
	struct kernel_audit_status status;

	if (send_message(fd, AUDIT_GET, bytes_make(NULL, 0)) != 0 ||
	    !receive_message(fd, AUDIT_GET, ANSWER_MS, &answer))
		return false;
	memcpy(&status, answer.data, sizeof(status));
	return status.enabled == 0;
}

static int
kernel_open(const char *path, struct err *e)
{
	CLEANUP_FD int fd = socket(
	    AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_AUDIT);

	(void)path;
	if (fd == -1)
		return err_sys(e, "this kernel has no audit");
	if (is_off(fd))
		return err_set(e, ERR_SYS,
		    "the kernel's audit is off: install auditd, or boot with audit=1");
	return steal_fd(&fd);
}

/* The acknowledgement is there before sendto(2) returns. */
static int
await_ack(int fd)
{
	static struct message answer;
	struct nlmsgerr error;

	if (!receive_message(fd, NLMSG_ERROR, 0, &answer))
		return EPROTO;
	memcpy(&error, answer.data, sizeof(error));
	return -error.error;
}

static int
kernel_send(int fd, struct bytes line, const struct logline *l, struct err *e)
{
	CLEANUP_BUF struct buf b;
	int error;

	(void)line;
	buf_init(&b, MESSAGE_MAX - 1);
	if (!to_kernel_format(&b, l))
		return b.overflow
			   ? err_set(e, ERR_BAD, "a record is too large for it")
			   : 0;
	/* The kernel wants a string. */
	(void)buf_cstr(&b);
	error = send_message(fd, USER_CMD, bytes_make(b.p, b.len + 1));
	if (error == 0 && (error = await_ack(fd)) == 0)
		return 0;
	errno = error;
	if (error == EPERM || error == ECONNREFUSED)
		return err_sys(e,
		    "CAP_AUDIT_WRITE is needed, and not being in a container");
	return receiver_failed(e);
}

const struct receiver_kind *
to_kernel_kind(void)
{
	static const struct receiver_kind kind = { "kernel", kernel_open,
		kernel_send };

	return &kind;
}
