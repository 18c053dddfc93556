/* SPDX-License-Identifier: MIT */
/* prune: files of the audit log beyond audit.keep.  Executor. */
#include "executor/audit/prune.h"

#include <string.h>
#include <unistd.h>

#include "common/json.h"
#include "common/log.h"

bool
prune_find(const char *path, uint32_t keep, struct prune *out)
{
	struct err e = { 0 };
	size_t ours;

	memset(out, 0, sizeof(*out));
	if (logfile_list(path, &out->files, &e) != 0) {
		log_err("audit: %s", e.what);
		return false;
	}
	/* Those with a number come last. */
	while (out->from < out->files.count &&
	       out->files.file[out->from].number == 0)
		out->from++;
	ours = out->files.count - out->from;
	if (ours > keep)
		out->count = ours - keep;
	else
		prune_fini(out);
	return out->count > 0;
}

void
prune_put(const struct prune *p, struct buf *record)
{
	const struct logfile *last = &p->files.file[p->from + p->count - 1];

	json_put_member_i64(record, "log.files", (int64_t)p->count);
	json_put_member_i64(record, "log.last.sequence", (int64_t)last->number);
}

void
prune_remove(const struct prune *p)
{
	size_t i;

	for (i = p->from; i < p->from + p->count; i++)
		if (unlink(p->files.file[i].path) == -1)
			log_err("audit: %s: %m", p->files.file[i].path);
}

void
prune_fini(struct prune *p)
{
	logfile_list_free(&p->files);
	p->count = 0;
}
