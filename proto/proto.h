/* SPDX-License-Identifier: MIT */
/*
 * proto: the frames of msgs.def as structs, with one encoder and one decoder.
 *
 * A frame is u16 code, u16 zero, then the fields.  Canonical: whatever
 * decodes encodes back to identical bytes.  Decoding checks direction, every
 * length before use, and refuses trailing bytes; the result borrows the frame.
 */
#ifndef PROTO_PROTO_H
#define PROTO_PROTO_H

#include <stdint.h>

#include "common/bytes.h"

enum {
	PROTO_VERSION = 13, /* +1 with every change of msgs.def */
	PROTO_MAX_FRAME = 20480, /* bytes; static_assert'ed in proto.c */
	PROTO_MAX_DATA = 16384, /* bytes of ARG.value and OUTPUT.data */
	PROTO_FD = 3, /* the frontend's end of the pair */
	PROTO_FD_LISTEN = 4 /* its first listener */
};

enum proto_direction { F2E, E2F };

enum proto_kind { PROTO_STRING, PROTO_NUMBER, PROTO_BOOL };

enum proto_why {
	PROTO_WHY_CLIENT, /* notifications/cancelled */
	PROTO_WHY_DISCONNECT, /* the client's connection is gone */
	PROTO_WHY_SESSION /* its session ended */
};

enum proto_authfail {
	PROTO_AUTH_MISSING,
	PROTO_AUTH_MALFORMED,
	PROTO_AUTH_UNKNOWN,
	PROTO_AUTH_EXPIRED,
	PROTO_AUTH_SOURCE
};

enum proto_wait { PROTO_WAIT_SOURCE, PROTO_WAIT_TOKEN };

enum proto_tls { PROTO_TLS_CHAIN, PROTO_TLS_KEY };

enum proto_fetch {
	PROTO_FETCH_POLICY, /* what the token may do, as text */
	PROTO_FETCH_RUNS, /* recent runs, one JSON object a line */
	PROTO_FETCH_IDS, /* those whose output is kept: "RUN STDOUT STDERR\n" */
	PROTO_FETCH_OUTPUT /* a stream of one run */
};

enum proto_fetched {
	PROTO_FOUND,
	PROTO_ABSENT, /* no such run for this token */
	PROTO_NOT_KEPT, /* a run of it, but not its output */
	PROTO_DENIED /* of the token, or stopped, or no room */
};

enum { PROTO_MAX_FETCH = 1 << 20 }; /* bytes of one FETCH */

enum proto_name {
	PROTO_NAME_HOST,
	PROTO_NAME_ORIGIN,
	PROTO_NAME_PROXY,
	PROTO_NAME_EXEMPT,
	PROTO_NAME_PATH, /* of public_url, where clients find the routes */
	PROTO_NAME_IGNORED /* an argument that is dropped if a tool lacks it */
};

/* Where a trusted proxy tells the address of its client. */
enum proto_forwarded { PROTO_FORWARDED_FOR, PROTO_FORWARDED_RFC7239 };

enum proto_state {
	PROTO_EXITED,
	PROTO_SIGNALLED,
	PROTO_TIMED_OUT,
	PROTO_CANCELLED,
	PROTO_REFUSED,
	PROTO_LOST,
	PROTO_RUNNING /* as a job: its call is over, it is not */
};

/* What a defined tool's standard output is. */
enum proto_form {
	PROTO_FORM_TEXT, /* as of the built-in tools */
	PROTO_FORM_JSON, /* an object: structuredContent */
	PROTO_FORM_CONTENT, /* an array of MCP's content blocks */
	PROTO_FORM_IMAGE,
	PROTO_FORM_AUDIO,
	PROTO_FORM_RESOURCE
};

/* TOKEN.flags: what answers look like. */
enum {
	PROTO_TOKEN_STRUCTURED = 1 << 0, /* with structuredContent */
	PROTO_TOKEN_SEPARATE = 1 << 1, /* exec_cmd has two pipes */
	PROTO_TOKEN_RAW_TEXT = 1 << 2, /* control characters are passed on */
	PROTO_TOKEN_ENDS_CALLS = 1 << 3, /* whose connection is dropped */
	PROTO_TOKEN_JOBS = 1 << 4 /* tools take what jobs need */
};

/* TASK.flags */
enum {
	PROTO_TASK_BASE64 = 1 << 0, /* its standard output is wanted so */
	PROTO_TASK_ENDED = 1 << 1, /* it did not come to its own end */
	PROTO_TASK_MORE = 1 << 2 /* of a list: older ones follow */
};

/* A defined tool's annotations. */
enum {
	PROTO_HINT_READ_ONLY = 1 << 0,
	PROTO_HINT_DESTRUCTIVE = 1 << 1,
	PROTO_HINT_IDEMPOTENT = 1 << 2,
	PROTO_HINT_OPEN_WORLD = 1 << 3,
	PROTO_HINT_ELEVATED = 1 << 4 /* it has a policy of its own */
};

/* PARAM.flags */
enum {
	PROTO_PARAM_REQUIRED = 1 << 0,
	PROTO_PARAM_DEFAULT = 1 << 1, /* by_default is one, even if empty */
	PROTO_PARAM_DASH = 1 << 2, /* may begin with "-" */
	PROTO_PARAM_INPUT = 1 << 3 /* the stdin: any bytes */
};

/* Layers of the frontend's lockdown, as HELLO reports them. */
enum {
	PROTO_LOCK_IDS = 1 << 0, /* changed to its own uid and gid */
	PROTO_LOCK_CAPS = 1 << 1, /* no capability in any set */
	PROTO_LOCK_NNP = 1 << 2, /* no_new_privs */
	PROTO_LOCK_CHROOT = 1 << 3, /* root is an empty, deleted directory */
	PROTO_LOCK_LANDLOCK = 1 << 4, /* no path at all */
	PROTO_LOCK_RLIMITS = 1 << 5, /* no process, no file */
	PROTO_LOCK_SECCOMP = 1 << 6 /* allow-list in force */
};

enum proto_code {
#define MSG(NAME, name, code, dir) PROTO_##NAME = code,
#define U8(f)
#define U32(f)
#define U64(f)
#define I32(f)
#define FIXED(f, n)
#define BYTES(f, max)
#define END(NAME, name)
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END
};

#define MSG(NAME, name, code, dir) struct msg_##name {
#define U8(f)                      uint8_t f;
#define U32(f)                     uint32_t f;
#define U64(f)                     uint64_t f;
#define I32(f)                     int32_t f;
#define FIXED(f, n)                uint8_t f[n];
#define BYTES(f, max)              struct bytes f;
/* It takes a lone brace for an error. */
/* clang-format off */
#define END(NAME, name) };
/* clang-format on */
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END

struct msg {
	enum proto_code code;
	union {
#define MSG(NAME, name, code, dir) struct msg_##name name;
#define U8(f)
#define U32(f)
#define U64(f)
#define I32(f)
#define FIXED(f, n)
#define BYTES(f, max)
#define END(NAME, name)
#include "proto/msgs.def"
#undef MSG
#undef U8
#undef U32
#undef U64
#undef I32
#undef FIXED
#undef BYTES
#undef END
	};
};

/* Append the frame of m to out; ERR_BAD if a field is over its maximum. */
int proto_encode(
    const struct msg *m, struct buf *out, struct err *e) MUST_CHECK;
/* ERR_PROTO unless frame is exactly one canonical message of direction dir. */
int proto_decode(struct bytes frame, enum proto_direction dir, struct msg *out,
    struct err *e) MUST_CHECK;
/* "CALL", or "?" for an unknown code. */
const char *proto_name(unsigned code);
/* Text of an enum proto_state for records and results: "timed_out", ... */
const char *proto_state_name(enum proto_state s);
const char *proto_why_name(enum proto_why w);
const char *proto_authfail_name(enum proto_authfail r);

#endif
