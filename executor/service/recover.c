/* SPDX-License-Identifier: MIT */
/* recover: close what the executor before left open.  Executor, at start. */
#include "executor/service/recover.h"

#include "common/json.h"
#include "common/log.h"
#include "common/plural.h"
#include "proto/proto.h"

void
recover_put(struct buf *b, const struct resume *r, size_t adopted)
{
	if (r->sequence == 0)
		return;
	audit_put_i64(b, "log.last.sequence", (int64_t)r->sequence);
	audit_put_str(b, "log.last.timestamp", r->when);
	audit_put_str(b, "log.last.action", r->action);
	audit_put_i64(b, "run.lost", (int64_t)(r->open.count - adopted));
	if (adopted > 0)
		audit_put_i64(b, "run.adopted", (int64_t)adopted);
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

size_t
recover_count(const struct resume *r, bool (*goes_on)(const char *id))
{
	size_t n = 0;

	for (size_t i = 0; i < r->open.count; i++)
		n += goes_on(r->open.run[i].id);
	return n;
}

static bool
is_lost(const char *id, bool (*goes_on)(const char *id),
    const char *(*lost)(const char *id))
{
	return goes_on == NULL || !goes_on(id) || lost(id) != NULL;
}

void
recover_runs(struct audit *a, const struct recordings *k,
    bool (*goes_on)(const char *id), const char *(*lost)(const char *id))
{
	const struct runset *s = &audit_resumed(a)->open;
	const char *why;
	struct buf *b;
	size_t i, count = 0;

	for (i = 0; i < s->count; i++) {
		if (!is_lost(s->run[i].id, goes_on, lost))
			continue;
		count++;
		why = lost != NULL ? lost(s->run[i].id) : NULL;
		b = audit_begin(a, "run-result");
		audit_put_own(b, "run.id", s->run[i].id);
		audit_put_own(b, "token.name", s->run[i].token);
		audit_put_own(b, "policy.name", s->run[i].policy);
		audit_put_own(b, "event.outcome", "failure");
		audit_put_own(b, "run.state", proto_state_name(PROTO_LOST));
		audit_put_reason(b, why != NULL ? why : "executor ended");
		put_recording(b, k, s->run[i].id);
		audit_end(a, true);
	}
	if (count > 0)
		log_warn(
		    "audit: %zu run%s had no result when the executor before ended: recorded as lost",
		    count, plural_s(count));
}
