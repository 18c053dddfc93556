/* SPDX-License-Identifier: MIT */
/* recover: close what the executor before left open.  Executor, at start. */
#include "executor/service/recover.h"

#include "common/json.h"
#include "common/log.h"
#include "proto/proto.h"

void
recover_put(struct buf *b, const struct resume *r)
{
	if (r->sequence == 0)
		return;
	audit_put_i64(b, "log.last.sequence", (int64_t)r->sequence);
	audit_put_str(b, "log.last.timestamp", r->when);
	audit_put_str(b, "log.last.action", r->action);
	audit_put_i64(b, "run.lost", (int64_t)r->open.count);
}

static void
put_recording(struct buf *b, const struct recordings *k, const char *run)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];
	uint64_t bytes;

	if (!recordings_digest(k, run, &bytes, sum))
		return;
	digest_hex(sum, sizeof(sum), hex);
	audit_put_i64(b, "recording.bytes", (int64_t)bytes);
	audit_put_own(b, "recording.sha256", hex);
}

void
recover_runs(struct audit *a, const struct recordings *k)
{
	const struct runset *s = &audit_resumed(a)->open;
	struct buf *b;
	size_t i;

	if (s->count > 0)
		log_warn(
		    "audit: %zu runs had no result when the executor before ended; they are recorded as lost",
		    s->count);
	for (i = 0; i < s->count; i++) {
		b = audit_begin(a, "run-result");
		audit_put_own(b, "run.id", s->run[i].id);
		audit_put_own(b, "token.name", s->run[i].token);
		audit_put_own(b, "policy.name", s->run[i].policy);
		audit_put_own(b, "event.outcome", "failure");
		audit_put_own(b, "run.state", proto_state_name(PROTO_LOST));
		audit_put_reason(b, "executor ended");
		put_recording(b, k, s->run[i].id);
		audit_end(a, true);
	}
}
