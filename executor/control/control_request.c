/* SPDX-License-Identifier: MIT */
/* control_request: read and write requests of the control socket. */
#include "executor/control/control_request.h"

#include <stddef.h>
#include <string.h>

#include "common/json.h"
#include "common/log.h"

/* A member of a request; every one that its verb has must be there. */
struct member {
	const char *name;
	size_t offset, size;
	bool is_id; /* 0-9 and a-f alone, at least one */
};

static const struct member run_members[] = {
	{ "run", offsetof(struct control_request, run), JOB_ID, true },
	{ NULL, 0, 0, false },
};

static const struct member note_members[] = {
	{ "what", offsetof(struct control_request, what), 32, false },
	{ "filter", offsetof(struct control_request, filter), CONTROL_MAX_TEXT,
	    false },
	{ NULL, 0, 0, false },
};

static const struct member token_members[] = {
	{ "name", offsetof(struct control_request, filter), CONTROL_MAX_TEXT,
	    false },
	{ NULL, 0, 0, false },
};

static const struct member no_members[] = { { NULL, 0, 0, false } };

static const struct {
	const char *name;
	const struct member *members;
} verbs[CONTROL_VERBS] = {
	[CONTROL_STATUS] = { "status", no_members },
	[CONTROL_RUNS] = { "runs", no_members },
	[CONTROL_KILL] = { "kill", run_members },
	[CONTROL_RELOAD] = { "reload", no_members },
	[CONTROL_ROTATE] = { "rotate", no_members },
	[CONTROL_TOKENS] = { "tokens", token_members },
	[CONTROL_NOTE] = { "note", note_members },
	[CONTROL_HAND_OVER] = { "hand-over", no_members },
};

const char *
control_request_name(enum control_verb v)
{
	return v < CONTROL_VERBS ? verbs[v].name : "?";
}

static int
read_member(const struct json_value *root, const struct member *m,
    struct control_request *out, struct err *e)
{
	const struct json_value *v = json_get(root, m->name);
	char *field = (char *)out + m->offset;

	if (!json_is(v, JSON_STRING))
		return err_set(
		    e, ERR_BAD, "\"%s\" is missing, or no string", m->name);
	if (bytes_to_str(v->text, field, m->size, e) != 0)
		return err_wrap(e, "\"%s\"", m->name);
	if (m->is_id && (field[0] == '\0' ||
			    strspn(field, "0123456789abcdef") != strlen(field)))
		return err_set(e, ERR_BAD,
		    "\"%s\" must be of the digits 0-9 and a-f", m->name);
	return 0;
}

static int
read_verb(
    const struct json_value *root, struct control_request *out, struct err *e)
{
	const struct json_value *v = json_get(root, "verb");
	int64_t version;
	unsigned i;

	if (!json_to_i64(json_get(root, "v"), &version) ||
	    version != CONTROL_VERSION)
		return err_set(e, ERR_BAD,
		    "mcp-execd speaks version %d of the control protocol: use mcp-execctl from the same package",
		    CONTROL_VERSION);
	for (i = 0; i < CONTROL_VERBS; i++)
		if (json_is(v, JSON_STRING) &&
		    bytes_eq_str(v->text, verbs[i].name)) {
			out->verb = (enum control_verb)i;
			return 0;
		}
	return err_set(e, ERR_BAD, "unknown verb");
}

int
control_request_parse(
    struct bytes json, struct control_request *out, struct err *e)
{
	struct control_request r = { .verb = CONTROL_VERBS };
	const struct member *m;
	struct json_doc *doc;
	size_t count = 2; /* v and verb */
	int rc;

	if (json_parse(json, JSON_STRICT, &doc, e) != 0)
		return e->code;
	rc = read_verb(json_root(doc), &r, e);
	if (rc == 0) {
		for (m = verbs[r.verb].members; m->name != NULL && rc == 0;
		     m++, count++)
			rc = read_member(json_root(doc), m, &r, e);
		if (rc == 0 && json_root(doc)->count != count)
			rc = err_set(e, ERR_BAD, "unknown member");
	}
	json_free(doc);
	if (rc == 0)
		*out = r;
	return rc;
}

void
control_request_put(struct buf *out, const struct control_request *r)
{
	const struct member *m = verbs[r->verb].members;

	buf_put(out, "\0\0\0\0", CONTROL_HEAD);
	buf_put_u8(out, '{');
	json_put_member_i64(out, "v", CONTROL_VERSION);
	json_put_member(out, "verb", bytes_of(verbs[r->verb].name));
	for (; m->name != NULL; m++)
		json_put_member(
		    out, m->name, bytes_of((const char *)r + m->offset));
	buf_put_u8(out, '}');
	control_request_seal(out);
}

uint32_t
control_request_length(const uint8_t head[CONTROL_HEAD])
{
	return (uint32_t)head[0] | (uint32_t)head[1] << 8 |
	       (uint32_t)head[2] << 16 | (uint32_t)head[3] << 24;
}

void
control_request_seal(struct buf *b)
{
	size_t i, n = b->len - CONTROL_HEAD;

	if (b->overflow || b->len < CONTROL_HEAD)
		return;
	for (i = 0; i < CONTROL_HEAD; i++)
		b->p[i] = (uint8_t)(n >> (8 * i));
}
