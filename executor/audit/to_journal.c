/* SPDX-License-Identifier: MIT */
/* to_journal: journald's native protocol.  Executor; trusts the journal with
 * what the log holds. */
#include "executor/audit/to_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/digest.h"
#include "common/fdpass.h"
#include "executor/audit/summary.h"

enum {
	DATAGRAM_MAX = 65536, /* bytes; what is larger goes as a file */
	FIELD_MAX = 64, /* characters of a name; more, and it is ignored */
	MESSAGE_ID = 33, /* characters, with the NUL */
	FORMAT_MAX = 4 * AUDIT_MAX_RECORD
};

/* MESSAGE_ID of records with this event.action, as the header says. */
static void
make_id(struct bytes action, char out[MESSAGE_ID])
{
	struct bytes domain = BYTES_LIT("mcp-execd message v1");
	uint8_t sum[DIGEST_BYTES];
	struct digest d;

	digest_init(&d);
	digest_update(&d, bytes_make(domain.p, domain.len + 1));
	digest_update(&d, action);
	digest_final(&d, sum);
	sum[6] = (uint8_t)((sum[6] & 0x0f) | 0x40); /* RFC 9562, version 4 */
	sum[8] = (uint8_t)((sum[8] & 0x3f) | 0x80);
	digest_hex(sum, (MESSAGE_ID - 1) / 2, out);
}

/* NAME=value, or where the value has a newline, NAME, length and value. */
static void
put_field(struct buf *b, const char *name, struct bytes value)
{
	uint64_t len = value.len;
	size_t i;

	buf_put_str(b, name);
	if (memchr(value.p, '\n', value.len) == NULL) {
		buf_put_u8(b, '=');
	} else {
		buf_put_u8(b, '\n');
		for (i = 0; i < sizeof(len); i++)
			buf_put_u8(b, (uint8_t)(len >> (8 * i)));
	}
	buf_put_bytes(b, value);
	buf_put_u8(b, '\n');
}

static void
put_member(struct buf *b, struct bytes key, struct bytes value)
{
	char name[FIELD_MAX + 1] = "MCP_";
	size_t i, n = strlen(name);

	for (i = 0; i < key.len && n < FIELD_MAX; i++) {
		char c = (char)key.p[i];

		if (c >= 'a' && c <= 'z')
			c = (char)(c - 'a' + 'A');
		else if (!(c >= 'A' && c <= 'Z') && !(c >= '0' && c <= '9'))
			c = '_';
		name[n++] = c;
	}
	name[n] = '\0';
	if (value.len >= 2 && value.p[0] == '"')
		value = bytes_make(value.p + 1, value.len - 2);
	put_field(b, name, value);
}

static void
put_number(struct buf *b, const char *name, uint64_t n)
{
	buf_printf(b, "%s=%llu\n", name, (unsigned long long)n);
}

void
to_journal_format(struct buf *b, struct bytes line, const struct logline *l)
{
	struct bytes at = l->rest, key, value;
	char id[MESSAGE_ID], text[SUMMARY_MAX];

	buf_reset(b);
	summary_text(l, text);
	make_id(l->action, id);
	put_field(b, "MESSAGE", bytes_of(text));
	put_field(b, "MESSAGE_ID", bytes_of(id));
	put_number(b, "PRIORITY", (uint64_t)summary_severity(l));
	put_number(b, "SYSLOG_FACILITY", LOG_FAC(LOG_AUTHPRIV));
	put_field(b, "SYSLOG_IDENTIFIER", BYTES_LIT("mcp-execd"));
	put_field(b, "MCP_EVENT_ACTION", l->action);
	put_field(b, "MCP_TIMESTAMP", l->when);
	put_number(b, "MCP_EVENT_SEQUENCE", l->sequence);
	put_number(b, "MCP_MONOTONIC_NS", l->mono_ns);
	while (logline_next(&at, &key, &value))
		put_member(b, key, value);
	put_field(b, "MCP_RECORD", line);
}

static int
journal_open(const char *path, struct err *e)
{
	return receiver_connect(path == NULL ? TO_JOURNAL_SOCKET : path, e);
}

/* Send a record too large for a datagram as a sealed memfd. */
static int
send_large(int fd, struct bytes data)
{
	CLEANUP_FD int file =
	    memfd_create("mcp-execd-audit", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (file == -1 || write(file, data.p, data.len) != (ssize_t)data.len ||
	    fcntl(file, F_ADD_SEALS,
		F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) == -1)
		return -1;
	return fdpass_send(fd, NULL, 0, &file, 1, MSG_DONTWAIT) == -1 ? -1 : 0;
}

static int
journal_send(int fd, struct bytes line, const struct logline *l, struct err *e)
{
	CLEANUP_BUF struct buf b;
	ssize_t n;

	buf_init(&b, FORMAT_MAX);
	to_journal_format(&b, line, l);
	if (b.overflow)
		return err_set(e, ERR_BAD, "a record is too large for it");
	n = b.len > DATAGRAM_MAX
		? send_large(fd, buf_bytes(&b))
		: send(fd, b.p, b.len, MSG_NOSIGNAL | MSG_DONTWAIT);
	return n != -1 ? 0 : receiver_failed(e);
}

const struct receiver_kind *
to_journal_kind(void)
{
	static const struct receiver_kind kind = { "journal", journal_open,
		journal_send };

	return &kind;
}
