/* SPDX-License-Identifier: MIT */
/* conf_values: the configuration as it was read; conf loads it. */
#ifndef EXECUTOR_CONF_VALUES_H
#define EXECUTOR_CONF_VALUES_H

#include <limits.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/bytes.h"
#include "common/digest.h"

enum {
	CONF_MAX_LISTENERS = 8,
	CONF_MAX_NAMES = 32, /* allowed_hosts, allowed_origins each */
	CONF_MAX_REDACT = 128, /* patterns and keys of audit.redact */
	CONF_MAX_SOCKET = 64, /* name of the control socket, with the NUL */
	CONF_MAX_NAME = 256 /* bytes with the NUL */
};

struct conf_listener {
	char text[CONF_MAX_NAME]; /* as written: "127.0.0.1:8001" */
	struct sockaddr_storage addr;
	socklen_t addr_len;
	bool tls;
};

/* what failures to authenticate cost their source */
struct conf_penalties {
	uint32_t failure_ms;
	uint32_t missing_ms; /* no token, or an expired one */
	uint32_t threshold_ms; /* refused from here on */
	uint32_t max_ms;
	uint32_t delay_ms; /* most that an answer waits */
	uint32_t sources; /* that are remembered */
	char exempt[CONF_MAX_NAMES][CONF_MAX_NAME]; /* CIDRs */
	size_t exempt_count;
};

/* limits; all bytes or milliseconds or plain counts */
struct conf_limits {
	uint32_t body_bytes; /* of one request */
	uint32_t header_bytes; /* of one request */
	uint32_t connections;
	uint32_t connections_per_address;
	uint32_t idle_timeout_ms; /* of a connection */
	uint32_t header_timeout_ms; /* first byte to last header */
	uint32_t body_timeout_ms; /* last header to end of body */
	uint32_t sessions;
	uint32_t sessions_per_token;
	uint32_t session_idle_ms;
	uint32_t replay_bytes; /* kept for a client that comes back */
	uint32_t replay_total_bytes; /* of all sessions together */
	uint32_t stream_ms; /* of a stream's connection, 0: any */
	uint32_t runs; /* at the same time, all tokens */
};

/* A pattern, or the name of a secret, of a rule of audit.redact. */
struct conf_redact {
	char rule[32];
	bool by_key;
	char text[1025];
};

struct conf {
	char path[PATH_MAX]; /* of the file itself */
	uint8_t text_digest[DIGEST_BYTES]; /* of what it says */
	char waiting[256]; /* keys that differ until a restart, "a, b" */
	char policy_dir[PATH_MAX]; /* default: policies.d next to the file */
	char token_dir[PATH_MAX]; /* default: tokens.d next to the file */
	char tool_dir[PATH_MAX]; /* default: tools.d next to the file */
	char audit_file[PATH_MAX];
	char audit_seal_state[PATH_MAX]; /* default: seal.state next to it */
	char audit_seal[8]; /* "auto", "require" or "off" */
	uint64_t audit_rotate_bytes; /* 0: never by size */
	uint32_t audit_rotate_seconds; /* 0: never by age */
	uint64_t audit_reserve_bytes; /* of its disk; 0: none */
	uint64_t audit_bytes_per_second; /* of all runs' records together */
	uint32_t audit_keep; /* rotated files; 0: all */
	char recordings_dir[PATH_MAX]; /* of commands' output */
	uint64_t recordings_max_bytes; /* of all together */
	uint32_t recordings_max_seconds; /* age; 0: any */
	struct conf_redact redact[CONF_MAX_REDACT]; /* audit.redact */
	size_t redact_count;
	char redact_key[PATH_MAX]; /* default: redact.key next to the log */
	char audit_journal[12]; /* receivers: off, on, required */
	char audit_syslog[12];
	char audit_kernel[12];
	char audit_journal_socket[108]; /* sun_path */
	char audit_syslog_socket[108];
	uint32_t login_uid_first; /* range of tokens' login uids */
	uint32_t login_uid_last;
	char frontend_path[PATH_MAX]; /* executable of the frontend */
	char launcher_path[PATH_MAX]; /* of the launcher; next to it, no key */
	char control[PATH_MAX]; /* socket of mcp-execctl */
	char cgroup[PATH_MAX]; /* "auto", "off" or a group's path */
	char posture[8]; /* "strict" or "kernel", of policies */
	bool templates; /* roots are prepared for runs */
	bool reuse_guards; /* guards have one run after another */
	char public_url[CONF_MAX_NAME]; /* for client-config; may be empty */
	uint32_t frontend_uid; /* resolved; own uid when not root */
	uint32_t frontend_gid;
	struct conf_listener listen[CONF_MAX_LISTENERS];
	size_t listen_count;
	bool insecure_plaintext; /* tokens in clear text over a network */
	char tls_certificate[PATH_MAX]; /* or "credential:NAME"; "": no TLS */
	char tls_key[PATH_MAX];
	uint32_t socket_mode; /* of UNIX sockets */
	uint32_t socket_gid; /* of UNIX sockets; -1: as it is */
	char hosts[CONF_MAX_NAMES][CONF_MAX_NAME]; /* beyond loopback names */
	size_t host_count;
	char origins[CONF_MAX_NAMES][CONF_MAX_NAME];
	size_t origin_count;
	char ignored[CONF_MAX_NAMES][CONF_MAX_NAME]; /* arguments */
	size_t ignored_count;
	char proxies[CONF_MAX_NAMES][CONF_MAX_NAME]; /* trusted: CIDRs */
	size_t proxy_count;
	char forwarded_header[32]; /* "x-forwarded-for" or "forwarded" */
	uint32_t stop_grace_ms; /* TERM to KILL of runs at stop */
	uint32_t survive_grace_ms; /* of jobs without an executor */
	struct conf_limits limits;
	struct conf_penalties penalties;
};

#endif
