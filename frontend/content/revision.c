/* SPDX-License-Identifier: MIT */
/* revision: the table of revisions (frontend). */
#include <stdio.h>
#include <string.h>

#include "common/json.h"
#include "frontend/content/revision.h"

static const struct mcp_revision revisions[] = {
	/* newest first */
	{ .name = "2026-07-28",
	    .envelope = MCP_STATELESS,
	    .code_absent = MCP_CODE_PARAMS,
	    .told = true,
	    .annotations = true,
	    .title = true,
	    .structured = true,
	    .audio = true,
	    .links = true,
	    .completions = true,
	    .follows = true,
	    .levels = true,
	    .sealed = true,
	    .tasks = MCP_TASKS_EXTENSION,
	    .lasts = true },
	{ .name = "2025-11-25",
	    .envelope = MCP_SESSION,
	    .code_absent = MCP_CODE_ABSENT,
	    .told = true,
	    .annotations = true,
	    .title = true,
	    .structured = true,
	    .listens = true,
	    .polls = true,
	    .tasks = MCP_TASKS_CORE,
	    .audio = true,
	    .links = true,
	    .completions = true,
	    .follows = true },
	{ .name = "2025-06-18",
	    .envelope = MCP_SESSION,
	    .code_absent = MCP_CODE_ABSENT,
	    .told = true,
	    .annotations = true,
	    .title = true,
	    .structured = true,
	    .listens = true,
	    .audio = true,
	    .links = true,
	    .completions = true,
	    .follows = true },
	{ .name = "2025-03-26",
	    .envelope = MCP_SESSION,
	    .code_absent = MCP_CODE_ABSENT,
	    .batching = true,
	    .told = true,
	    .annotations = true,
	    .listens = true,
	    .audio = true,
	    .completions = true,
	    .follows = true },
	{ .name = "2024-11-05",
	    .envelope = MCP_SESSION,
	    .code_absent = MCP_CODE_ABSENT },
};

const struct mcp_revision *
revision_at(size_t i)
{
	return i < sizeof(revisions) / sizeof(revisions[0]) ? &revisions[i]
							    : NULL;
}

const struct mcp_revision *
revision_find(struct bytes name, enum mcp_envelope envelope)
{
	const struct mcp_revision *rev;

	for (size_t i = 0; (rev = revision_at(i)) != NULL; i++)
		if (rev->envelope == envelope && bytes_eq_str(name, rev->name))
			return rev;
	return NULL;
}

const struct mcp_revision *
revision_latest(enum mcp_envelope envelope)
{
	size_t i = 0;

	while (revisions[i].envelope != envelope)
		i++;
	return &revisions[i];
}

/* The first of its envelope, as text: later names are not less. */
bool
revision_is_stateless(struct bytes name)
{
	const struct mcp_revision *rev, *first = NULL;
	size_t n;
	int order;

	for (size_t i = 0; (rev = revision_at(i)) != NULL; i++)
		if (rev->envelope == MCP_STATELESS)
			first = rev;
	if (first == NULL || name.p == NULL)
		return false;
	n = strlen(first->name);
	order = memcmp(name.p, first->name, name.len < n ? name.len : n);
	return order > 0 || (order == 0 && name.len >= n);
}

const char *
revision_list(
    char out[REVISION_MAX_LIST], bool (*has)(const struct mcp_revision *rev))
{
	const struct mcp_revision *rev;
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; (rev = revision_at(i)) != NULL; i++)
		if (has(rev) && n < REVISION_MAX_LIST)
			n += (size_t)snprintf(out + n, REVISION_MAX_LIST - n,
			    "%s%s", n > 0 ? ", " : "", rev->name);
	return out;
}

void
revision_put_names(struct buf *out, enum mcp_envelope envelope)
{
	const struct mcp_revision *rev;

	buf_put_str(out, "[");
	for (size_t i = 0; (rev = revision_at(i)) != NULL; i++) {
		if (rev->envelope != envelope)
			continue;
		if (out->len > 0 && out->p[out->len - 1] == '"')
			buf_put_str(out, ",");
		json_put_string(out, bytes_of(rev->name));
	}
	buf_put_str(out, "]");
}

bool
revision_has_session(const struct mcp_revision *rev)
{
	return rev->envelope == MCP_SESSION;
}

bool
revision_has_none(const struct mcp_revision *rev)
{
	return rev->envelope == MCP_STATELESS;
}

bool
revision_has_batches(const struct mcp_revision *rev)
{
	return rev->batching;
}
