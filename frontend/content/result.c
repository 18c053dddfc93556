/* SPDX-License-Identifier: MIT */
/* result: CallToolResult of the two tools (frontend, any bytes). */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/base64.h"
#include "common/cleanup.h"
#include "common/json.h"
#include "common/told.h"
#include "common/utf8.h"
#include "frontend/content/cleantext.h"
#include "frontend/content/media.h"
#include "frontend/content/resource.h"
#include "frontend/content/result.h"
#include "frontend/content/typed_output.h"

enum {
	RESULT_MAX_TEXT = 512 << 20, /* bytes; capture's bound is lower */
	RESULT_MAX_REASON = 16384,
	RESULT_MAX_WORDS = 16384 /* message or denials, quoted */
};

/* What is shown of a call. */
struct shown {
	const struct capture *capture; /* the call's own, or `instead` */
	struct capture instead; /* of stdout something else is shown */
	bool is_instead;
	struct bytes bytes; /* of stdout, where they are looked at */
	struct buf spare; /* may hold them */
	struct media media;
	bool base64;
	bool raw; /* control characters stay */
	bool cut; /* something was left out */
	bool more[CAPTURE_STDERR + 1]; /* of this stream more can be read */
	uint64_t kept[CAPTURE_STDERR + 1]; /* bytes of it */
};

static bool
has_succeeded(const struct msg_done *d)
{
	return d->state == PROTO_EXITED && d->exit_code == 0;
}

/* It came to its own end, whatever its status. */
static bool
ended_itself(const struct msg_done *d)
{
	return d->state == PROTO_EXITED ||
	       (d->state == PROTO_SIGNALLED && d->message.len == 0);
}

/* As their predecessors had it: exec_cmd reports a failure as an error, cli_command does not. */
bool
result_is_error(const struct catalog_tool *tool, const struct msg_done *d)
{
	if (d->state == PROTO_RUNNING)
		return false;
	if (tool->style == CATALOG_LABELLED)
		return !ended_itself(d);
	return !has_succeeded(d);
}

static bool
is_structured(const struct result_call *call, const struct mcp_revision *rev)
{
	return rev->structured && (call->flags & PROTO_TOKEN_STRUCTURED) != 0;
}

static const char *
signal_name(int number)
{
	const char *name = number > 0 ? sigabbrev_np(number) : NULL;

	return name == NULL ? "unknown" : name;
}

/* Why the command did not succeed, in a few words. */
static void
put_reason(struct buf *out, const struct msg_done *d)
{
	if (d->state == PROTO_EXITED)
		buf_printf(out, "exit status %d", d->exit_code);
	else if (d->state == PROTO_SIGNALLED)
		buf_printf(out, "killed by signal %d (%s)", d->signal,
		    signal_name(d->signal));
	else if (d->state == PROTO_CANCELLED)
		buf_put_str(out, "cancelled");
	else if (d->message.len > 0)
		buf_put_bytes(out, d->message);
	else if (d->state == PROTO_TIMED_OUT)
		buf_printf(out, "timed out after %" PRIu64 " ms",
		    d->duration_us / 1000);
	else
		buf_put_str(out, proto_state_name((enum proto_state)d->state));
	if (d->message.len > 0 &&
	    (d->state <= PROTO_SIGNALLED || d->state == PROTO_CANCELLED)) {
		buf_put_str(out, ": ");
		buf_put_bytes(out, d->message);
	}
}

/* Output of a stream (0: both), as the token's policy wants it shown. */
static void
copy_output(const struct shown *s, unsigned stream, struct buf *out)
{
	CLEANUP_BUF struct buf spare = { 0 };

	if (s->raw) {
		capture_copy(s->capture, stream, out);
		return;
	}
	buf_init(&spare, RESULT_MAX_TEXT);
	cleantext_put(out, capture_lend(s->capture, stream, &spare));
	out->overflow = out->overflow || spare.overflow;
}

/* A call that goes on as a job: the executor's words, then output so far. */
static void
put_running(struct buf *text, const struct shown *s, const struct msg_done *d)
{
	buf_put_bytes(text, d->message);
	buf_put_str(text, "\n");
	if (d->stdout_bytes + d->stderr_bytes > 0)
		buf_put_str(text, "\n");
	copy_output(s, 0, text);
}

/* exec_cmd: output in arrival order, a failure's reason before it. */
static void
put_stream(struct buf *text, const struct shown *s, const struct msg_done *d)
{
	if (!has_succeeded(d)) {
		buf_put_str(text, "execution failed: ");
		put_reason(text, d);
		buf_put_str(text, "\n");
	}
	copy_output(s, 0, text);
	/* some models' interfaces refuse an empty text, or one of white space */
	if (text->len == 0)
		buf_put_str(text, "(no output)");
	else if (!s->raw && cleantext_is_blank(buf_bytes(text)))
		buf_put_str(text, "(nothing but white space)");
}

/* cli_command: labelled parts; a signal is a negative return code. */
static void
put_labelled(struct buf *text, const struct shown *s, const struct msg_done *d)
{
	int code = d->signal > 0 ? -d->signal : d->exit_code;

	buf_put_str(text, "STDOUT: ");
	copy_output(s, CAPTURE_STDOUT, text);
	buf_put_str(text, "\n\nSTDERR: ");
	copy_output(s, CAPTURE_STDERR, text);
	buf_printf(text, "\nRETURNCODE: %d\nSUCCESS: %s", code,
	    has_succeeded(d) ? "True" : "False");
	if (d->state > PROTO_EXITED) {
		buf_put_str(text, "\nREASON: ");
		put_reason(text, d);
	}
}

static void
end_line(struct buf *text)
{
	if (text->len > 0 && text->p[text->len - 1] != '\n')
		buf_put_u8(text, '\n');
}

/* What the policy refused, and what else there is to know of the run. */
static void
put_told(struct buf *text, const struct msg_done *d)
{
	if (d->denials.len == 0)
		return;
	end_line(text);
	told_put(text, d->denials);
}

/* What of the output is shown. */
static void
put_view(struct buf *text, const struct msg_done *d)
{
	if (d->view.len == 0)
		return;
	end_line(text);
	buf_put_str(text, "VIEW: ");
	buf_put_bytes(text, d->view);
	buf_put_u8(text, '\n');
}

/* Where the rest is: a client may show text alone. */
static void
put_more(struct buf *text, const struct shown *s, const struct msg_done *d)
{
	for (unsigned i = CAPTURE_STDOUT; i <= CAPTURE_STDERR; i++) {
		if (!s->more[i])
			continue;
		end_line(text);
		buf_put_str(text, "MORE: ");
		resource_put_more(text, d->run, i, s->kept[i]);
		buf_put_u8(text, '\n');
	}
}

static void
put_text(struct buf *out, const struct catalog_tool *t, const struct shown *s,
    const struct msg_done *d)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, RESULT_MAX_TEXT);
	/* refused: it never ran, there is nothing else to tell */
	if (d->state == PROTO_REFUSED)
		put_reason(&text, d);
	else if (d->state == PROTO_RUNNING)
		put_running(&text, s, d);
	else if (t->style != CATALOG_LABELLED)
		put_stream(&text, s, d);
	else
		put_labelled(&text, s, d);
	put_told(&text, d);
	put_view(&text, d);
	put_more(&text, s, d);
	if (text.overflow)
		out->overflow = true;
	json_put_string(out, buf_bytes(&text));
}

static void
put_stdio(
    struct buf *out, const struct shown *s, unsigned stream, const char *key)
{
	CLEANUP_BUF struct buf text;

	buf_init(&text, RESULT_MAX_TEXT);
	copy_output(s, stream, &text);
	if (text.overflow)
		out->overflow = true;
	json_put_member(out, key, buf_bytes(&text));
}

static void
put_or_null(struct buf *out, const char *key, bool there, struct bytes text)
{
	json_put_key(out, key);
	if (there)
		json_put_string(out, text);
	else
		buf_put_str(out, "null");
}

/* An array of the lines of text that are notes, or are not. */
static void
put_lines(struct buf *out, struct bytes text, bool notes)
{
	const char *separator = "";
	struct bytes line;

	buf_put_str(out, "[");
	while (told_next(&text, notes, &line)) {
		buf_put_str(out, separator);
		json_put_string(out, line);
		separator = ",";
	}
	buf_put_str(out, "]");
}

static bool
has_notes(struct bytes text)
{
	struct bytes line;

	return told_next(&text, true, &line);
}

/* Standard output: as text, or the bytes of what is not text. */
static void
put_stdout(struct buf *out, const struct shown *s)
{
	bool media = s->media.kind != MEDIA_NONE;

	if (!media) {
		put_stdio(out, s, CAPTURE_STDOUT, "stdout");
	} else {
		json_put_key(out, "stdout");
		buf_put_str(out, "\"");
		base64_put(out, s->bytes);
		buf_put_str(out, "\"");
		json_put_member(out, "mime_type", bytes_of(s->media.mime));
	}
	if (media || s->base64)
		json_put_member(out, "encoding", BYTES_LIT("base64"));
}

/* Words that the fields do not say: why it was refused or ended. */
static void
put_message(struct buf *out, const struct msg_done *d)
{
	CLEANUP_BUF struct buf text = { 0 };

	if (ended_itself(d) && d->message.len == 0)
		return;
	buf_init(&text, RESULT_MAX_REASON);
	put_reason(&text, d);
	json_put_member(out, "message", buf_bytes(&text));
}

static void
put_more_uris(struct buf *out, const struct shown *s, const struct msg_done *d)
{
	bool first = true;

	json_put_key(out, "more");
	buf_put_str(out, "[");
	for (unsigned i = CAPTURE_STDOUT; i <= CAPTURE_STDERR; i++) {
		if (!s->more[i])
			continue;
		buf_put_str(out, first ? "\"" : ",\"");
		resource_put_uri(out, d->run, i);
		buf_put_str(out, "\"");
		first = false;
	}
	buf_put_str(out, "]");
}

static void
put_structured(struct buf *out, const struct shown *s, const struct msg_done *d)
{
	buf_put_str(out, "{");
	put_stdout(out, s);
	put_stdio(out, s, CAPTURE_STDERR, "stderr");
	if (d->state == PROTO_EXITED) {
		json_put_member_i64(out, "exit_code", d->exit_code);
	} else {
		json_put_key(out, "exit_code");
		buf_put_str(out, "null");
	}
	put_or_null(
	    out, "signal", d->signal > 0, bytes_of(signal_name(d->signal)));
	json_put_member(out, "state",
	    bytes_of(proto_state_name((enum proto_state)d->state)));
	put_message(out, d);
	json_put_member_bool(out, "timed_out", d->state == PROTO_TIMED_OUT);
	json_put_member_bool(out, "truncated", s->cut);
	json_put_key(out, "bytes");
	buf_put_str(out, "{");
	json_put_member_i64(out, "stdout", (int64_t)d->stdout_bytes);
	json_put_member_i64(out, "stderr", (int64_t)d->stderr_bytes);
	buf_put_str(out, "}");
	json_put_member_i64(
	    out, "duration_ms", (int64_t)(d->duration_us / 1000));
	put_or_null(out, "run_id", d->run.len > 0, d->run);
	json_put_key(out, "denials");
	put_lines(out, d->denials, false);
	if (has_notes(d->denials)) {
		json_put_key(out, "notes");
		put_lines(out, d->denials, true);
	}
	put_more_uris(out, s, d);
	if (d->view.len > 0)
		json_put_member(out, "view", d->view);
	buf_put_str(out, "}");
}

static void
put_shaped(struct buf *out, const struct result_call *call,
    const struct mcp_revision *rev)
{
	const struct typed_output_call shape = { call->capture, call->done->run,
		is_structured(call, rev),
		(call->flags & PROTO_TOKEN_RAW_TEXT) != 0 };
	size_t from = out->len;
	struct err e;

	buf_put_str(out, "{");
	if (typed_output_put(out, call->tool, &shape, rev, &e) != 0) {
		out->len = from;
		result_put_refusal(out, bytes_of(e.what));
		return;
	}
	json_put_member_bool(out, "isError", false);
	buf_put_str(out, "}");
}

/* Is a stream shown otherwise than it was written? */
static bool
is_viewed(const struct msg_done *d, unsigned stream)
{
	return (d->viewed >> stream & 1) != 0;
}

/* --- output that is not text ---------------------------------------------- */

/* A capture that has `text` for stdout and the call's own stderr. */
static void
replace_text(struct shown *s, const struct capture *c, struct bytes text)
{
	struct buf stderr_;

	buf_init(&stderr_, RESULT_MAX_TEXT);
	capture_copy(c, CAPTURE_STDERR, &stderr_);
	capture_init(&s->instead, text.len + stderr_.len + 1);
	capture_add(&s->instead, CAPTURE_STDOUT, 0, text);
	capture_add(&s->instead, CAPTURE_STDERR, 0, buf_bytes(&stderr_));
	s->capture = &s->instead;
	s->is_instead = true;
	buf_fini(&stderr_);
}

static void
show_media(struct shown *s, const struct capture *c)
{
	char note[96];

	(void)snprintf(note, sizeof(note),
	    "[%s, %zu bytes: it is in this result]\n", s->media.mime,
	    s->bytes.len);
	replace_text(s, c, bytes_of(note));
}

static void
show_base64(struct shown *s, const struct capture *c)
{
	struct buf digits;

	buf_init(&digits, RESULT_MAX_TEXT);
	base64_put(&digits, s->bytes);
	replace_text(s, c, buf_bytes(&digits));
	s->base64 = true;
	buf_fini(&digits);
}

/* Nothing that was cut is taken for a whole file, nor coded as if it were. */
static void
show_stdout(struct shown *s, const struct result_call *call,
    const struct mcp_revision *rev)
{
	const struct capture *c = call->capture;

	if (c->cut_of[CAPTURE_STDOUT] ||
	    is_viewed(call->done, CAPTURE_STDOUT) ||
	    call->done->state == PROTO_REFUSED)
		return;
	s->bytes = capture_lend(c, CAPTURE_STDOUT, &s->spare);
	if (call->base64) {
		show_base64(s, c);
		return;
	}
	if (has_succeeded(call->done))
		s->media = media_recognise(s->bytes);
	if (s->media.kind == MEDIA_AUDIO && !rev->audio)
		s->media.kind = MEDIA_FILE;
	if (s->media.kind != MEDIA_NONE)
		show_media(s, c);
}

/* Is what was returned of a stream less than what is kept of it? */
static bool
wants_more(
    const struct result_call *call, const struct shown *s, unsigned stream)
{
	struct buf text;
	bool whole;

	if (call->capture->cut_of[stream] || is_viewed(call->done, stream))
		return true;
	if (s->is_instead && stream == CAPTURE_STDOUT)
		return false;
	buf_init(&text, RESULT_MAX_TEXT);
	whole = utf8_valid(capture_lend(call->capture, stream, &text));
	buf_fini(&text);
	return !whole;
}

static void
show_output(struct shown *s, const struct result_call *call,
    const struct mcp_revision *rev)
{
	memset(s, 0, sizeof(*s));
	buf_init(&s->spare, RESULT_MAX_TEXT);
	s->capture = call->capture;
	s->cut = call->capture->cut || call->done->viewed != 0;
	s->raw = (call->flags & PROTO_TOKEN_RAW_TEXT) != 0;
	s->kept[CAPTURE_STDOUT] = call->done->stdout_kept;
	s->kept[CAPTURE_STDERR] = call->done->stderr_kept;
	show_stdout(s, call, rev);
	for (unsigned i = CAPTURE_STDOUT; i <= CAPTURE_STDERR; i++)
		s->more[i] = s->kept[i] > 0 && wants_more(call, s, i);
}

static void
shown_fini(struct shown *s)
{
	buf_fini(&s->spare);
	if (s->is_instead)
		capture_fini(&s->instead);
}

static void
put_media(struct buf *out, const struct shown *s, const struct msg_done *d)
{
	char uri[RESOURCE_ID + 32];

	(void)snprintf(uri, sizeof(uri), "exec://runs/%.*s/stdout",
	    (int)d->run.len, (const char *)d->run.p);
	media_put(out, s->media, s->bytes, bytes_of(uri));
	buf_put_str(out, ",");
}

/* For clients that follow links; in the text they are named as well. */
static void
put_links(struct buf *out, const struct shown *s, const struct msg_done *d)
{
	for (unsigned i = CAPTURE_STDOUT; i <= CAPTURE_STDERR; i++) {
		if (!s->more[i])
			continue;
		buf_put_str(out, ",");
		resource_put_link(out, d->run, i, s->kept[i]);
	}
}

static void
put_call(struct buf *out, const struct result_call *call,
    const struct mcp_revision *rev)
{
	const struct catalog_tool *t = call->tool;
	const struct msg_done *d = call->done;
	struct shown s;

	show_output(&s, call, rev);
	buf_put_str(out, "{\"content\":[");
	if (s.media.kind != MEDIA_NONE)
		put_media(out, &s, d);
	buf_put_str(out, "{\"type\":\"text\",\"text\":");
	put_text(out, t, &s, d);
	buf_put_str(out, "}");
	if (rev->links)
		put_links(out, &s, d);
	buf_put_str(out, "]");
	/* an error has none: it would not be as the tool's schema promises */
	if (is_structured(call, rev) && t->form == PROTO_FORM_TEXT &&
	    t->output_schema != NULL) {
		json_put_key(out, "structuredContent");
		put_structured(out, &s, d);
	}
	json_put_member_bool(out, "isError", result_is_error(call->tool, d));
	buf_put_str(out, "}");
	shown_fini(&s);
}

/* Names in the executor's words are a command's: they are quoted as well. */
void
result_put_call(struct buf *out, const struct result_call *call,
    const struct mcp_revision *rev)
{
	CLEANUP_BUF struct buf message = { 0 }, denials = { 0 };
	struct msg_done d = *call->done;
	struct result_call quoted = *call;

	if (call->tool->form != PROTO_FORM_TEXT && has_succeeded(&d)) {
		put_shaped(out, call, rev);
		return;
	}
	buf_init(&message, RESULT_MAX_WORDS);
	buf_init(&denials, RESULT_MAX_WORDS);
	cleantext_quote(&message, d.message);
	cleantext_quote(&denials, d.denials);
	d.message = buf_bytes(&message);
	d.denials = buf_bytes(&denials);
	quoted.done = &d;
	put_call(out, &quoted, rev);
}

void
result_put_refusal(struct buf *out, struct bytes text)
{
	buf_put_str(out, "{\"content\":[{\"type\":\"text\",\"text\":");
	json_put_string(out, text);
	buf_put_str(out, "}]");
	json_put_member_bool(out, "isError", true);
	buf_put_str(out, "}");
}
