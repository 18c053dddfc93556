/* SPDX-License-Identifier: MIT */
/* asciicast_read: asciicast v2 of our own, read.  Executor and mcp-execctl. */
#include "executor/recording/asciicast_read.h"

#include <string.h>

#include "common/base64.h"
#include "common/json.h"
#include "common/utf8.h"

void
asciicast_read_init(
    struct asciicast_read *r, const struct asciicast_read_ops *ops, void *arg)
{
	memset(r, 0, sizeof(*r));
	r->ops = ops;
	r->arg = arg;
	r->stream = 1;
	buf_init(&r->line, ASCIICAST_MAX_LINE);
	buf_init(&r->exact, ASCIICAST_MAX_PIECE);
}

void
asciicast_read_fini(struct asciicast_read *r)
{
	buf_fini(&r->line);
	buf_fini(&r->exact);
}

static int
set_error(struct err *e, const char *what)
{
	return err_set(e, ERR_BAD, "not a recording of mcp-execd: %s", what);
}

/* --- the header ---------------------------------------------------------- */

static bool
take_text(const struct json_value *o, const char *key, char *out, size_t size)
{
	const struct json_value *v = json_get(o, key);
	struct err e;

	return json_is(v, JSON_STRING) &&
	       bytes_to_str(v->text, out, size, &e) == 0;
}

static bool
take_number(const struct json_value *v, uint64_t *out)
{
	int64_t n;

	if (v == NULL || !json_to_i64(v, &n) || n < 0)
		return false;
	*out = (uint64_t)n;
	return true;
}

static bool
take_ours(const struct json_value *o, struct asciicast_head *h)
{
	const struct json_value *skipped = json_get(o, "skipped");
	char owner[DIGEST_HEX], mode[8];
	struct err e;

	if (!take_text(o, "run", h->run, sizeof(h->run)) ||
	    !take_text(o, "owner", owner, sizeof(owner)) ||
	    !take_text(o, "token", h->token, sizeof(h->token)) ||
	    !take_text(o, "policy", h->policy, sizeof(h->policy)) ||
	    !take_text(o, "tool", h->tool, sizeof(h->tool)) ||
	    !take_text(o, "output", mode, sizeof(mode)) ||
	    !json_is(skipped, JSON_ARRAY) ||
	    skipped->count != ASCIICAST_STREAMS)
		return false;
	h->tail = strcmp(mode, "tail") == 0;
	return digest_unhex(bytes_of(owner), h->owner, DIGEST_BYTES, &e) == 0 &&
	       take_number(skipped->child, &h->skipped[0]) &&
	       take_number(skipped->child->next, &h->skipped[1]);
}

static int
take_head(
    struct asciicast_read *r, const struct json_value *root, struct err *e)
{
	struct asciicast_head h;
	uint64_t version;

	memset(&h, 0, sizeof(h));
	if (!json_is(root, JSON_OBJECT) ||
	    !take_number(json_get(root, "version"), &version) || version != 2 ||
	    !take_number(json_get(root, "timestamp"), &h.begin_s) ||
	    !take_ours(json_get(root, "mcp-execd"), &h))
		return set_error(e, "its first line is not a header");
	r->has_head = true;
	if (r->ops->head != NULL)
		r->ops->head(r->arg, &h);
	return 0;
}

/* --- events -------------------------------------------------------------- */

/* "SECONDS.MICROSECONDS", as cast writes it. */
static bool
take_time(struct bytes text, uint64_t *out)
{
	const uint8_t *dot =
	    text.len > 0 ? memchr(text.p, '.', text.len) : NULL;
	uint64_t s, us;
	struct err e;

	if (dot == NULL || text.p + text.len - dot != 7 ||
	    bytes_to_u64(bytes_make(text.p, (size_t)(dot - text.p)), 0,
		INT64_MAX / 1000000, &s, &e) != 0 ||
	    bytes_to_u64(bytes_make(dot + 1, 6), 0, 999999, &us, &e) != 0)
		return false;
	*out = s * 1000000 + us;
	return true;
}

static bool
take_state(const char *name, enum proto_state *out)
{
	for (unsigned s = PROTO_EXITED; s <= PROTO_LOST; s++)
		if (strcmp(proto_state_name((enum proto_state)s), name) == 0) {
			*out = (enum proto_state)s;
			return true;
		}
	return false;
}

/* The next of the words in *rest, which moves on; empty at the end. */
static struct bytes
next_word(struct bytes *rest)
{
	const uint8_t *sp =
	    rest->len > 0 ? memchr(rest->p, ' ', rest->len) : NULL;
	size_t n = sp != NULL ? (size_t)(sp - rest->p) : rest->len;
	struct bytes word = bytes_make(rest->p, n);

	if (sp != NULL)
		n++;
	*rest = bytes_make(rest->len > n ? rest->p + n : NULL, rest->len - n);
	return word;
}

/* 0 to 255, or -1. */
static bool
take_code(struct bytes word, int *out)
{
	uint64_t n;
	struct err e;

	*out = -1;
	if (bytes_eq_str(word, "-1"))
		return true;
	if (bytes_to_u64(word, 0, 255, &n, &e) != 0)
		return false;
	*out = (int)n;
	return true;
}

/* "end STATE EXIT SIGNAL STDOUT STDERR" */
static int
take_end(
    struct asciicast_read *r, uint64_t at_us, struct bytes text, struct err *e)
{
	struct bytes rest = bytes_make(text.p + 4, text.len - 4);
	struct asciicast_end end;
	char state[16];

	if (bytes_to_str(next_word(&rest), state, sizeof(state), e) != 0 ||
	    !take_state(state, &end.state) ||
	    !take_code(next_word(&rest), &end.exit_code) ||
	    !take_code(next_word(&rest), &end.signal) ||
	    bytes_to_u64(next_word(&rest), 0, INT64_MAX, &end.total[0], e) !=
		0 ||
	    bytes_to_u64(rest, 0, INT64_MAX, &end.total[1], e) != 0)
		return set_error(e, "its last line");
	r->has_end = true;
	if (r->ops->end != NULL)
		r->ops->end(r->arg, at_us, &end);
	return 0;
}

static int
take_note(
    struct asciicast_read *r, uint64_t at_us, struct bytes text, struct err *e)
{
	if (bytes_starts(text, "end "))
		return take_end(r, at_us, text, e);
	if (bytes_eq_str(text, "withheld"))
		return 0;
	if (text.len == 0 || (text.p[0] != '1' && text.p[0] != '2') ||
	    (text.len > 1 && text.p[1] != ' '))
		return set_error(e, "a note that means nothing");
	buf_reset(&r->exact);
	if (text.len > 1 &&
	    !base64_take(bytes_make(text.p + 2, text.len - 2), &r->exact))
		return set_error(e, "bytes that are not base64");
	r->stream = text.p[0] - '0';
	r->has_exact = text.len > 1;
	return 0;
}

/* Undo the terminal's form: CR LF becomes LF. */
static int
undo_shown(struct asciicast_read *r, struct bytes text, struct err *e)
{
	buf_reset(&r->exact);
	for (size_t i = 0; i < text.len; i++)
		if (text.p[i] != '\r' || i + 1 == text.len ||
		    text.p[i + 1] != '\n')
			buf_put_u8(&r->exact, text.p[i]);
	return r->exact.overflow ? set_error(e, "a piece is too long") : 0;
}

static int
take_shown(
    struct asciicast_read *r, uint64_t at_us, struct bytes text, struct err *e)
{
	if (!r->has_exact && undo_shown(r, text, e) != 0)
		return e->code;
	if (r->ops->output != NULL)
		r->ops->output(r->arg, at_us, r->stream, buf_bytes(&r->exact));
	r->stream = 1;
	r->has_exact = false;
	return 0;
}

static int
take_event(
    struct asciicast_read *r, const struct json_value *root, struct err *e)
{
	const struct json_value *at = root->child, *code, *data;
	uint64_t at_us;

	if (!json_is(root, JSON_ARRAY) || root->count != 3)
		return set_error(e, "a line is not an event");
	code = at->next;
	data = code->next;
	if (at->type != JSON_NUMBER || !take_time(at->text, &at_us) ||
	    code->type != JSON_STRING || data->type != JSON_STRING)
		return set_error(e, "a line is not an event");
	if (r->has_end)
		return set_error(e, "something follows its last line");
	if (bytes_eq_str(code->text, "o"))
		return take_shown(r, at_us, data->text, e);
	if (bytes_eq_str(code->text, "x"))
		return take_note(r, at_us, data->text, e);
	if (bytes_eq_str(code->text, "i")) /* of a terminal */
		return 0;
	return set_error(e, "an event of another kind");
}

int
asciicast_read_line(struct asciicast_read *r, struct bytes line, struct err *e)
{
	struct json_doc *doc;
	struct err why;
	int rc;

	if (json_parse(line, JSON_STRICT, &doc, &why) != 0)
		return set_error(e, "a line is not JSON");
	rc = r->has_head ? take_event(r, json_root(doc), e)
			 : take_head(r, json_root(doc), e);
	json_free(doc);
	return rc;
}

int
asciicast_read_feed(struct asciicast_read *r, struct bytes data, struct err *e)
{
	const uint8_t *nl;
	size_t n;

	while (data.len > 0) {
		nl = memchr(data.p, '\n', data.len);
		n = nl != NULL ? (size_t)(nl - data.p) : data.len;
		buf_put(&r->line, data.p, n);
		if (r->line.overflow)
			return set_error(e, "a line is too long");
		if (nl == NULL)
			return 0;
		if (asciicast_read_line(r, buf_bytes(&r->line), e) != 0)
			return e->code;
		buf_reset(&r->line);
		data = bytes_make(nl + 1, data.len - n - 1);
	}
	return 0;
}
