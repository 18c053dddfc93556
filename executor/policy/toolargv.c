/* SPDX-License-Identifier: MIT */
/* toolargv: words of a template, read and filled in.  Executor. */
#include "executor/policy/toolargv.h"

#include <string.h>

void
toolargv_init(struct toolargv *a)
{
	memset(a, 0, sizeof(*a));
	buf_init(&a->text, TOOLARGV_MAX_TEXT);
}

void
toolargv_fini(struct toolargv *a)
{
	buf_fini(&a->text);
}

static int
find_param(struct bytes name, const struct param *params, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (bytes_eq_str(name, params[i].name))
			return (int)i;
	return -1;
}

static int
add_part(struct toolargv *a, int param, struct bytes text, struct err *e)
{
	if (a->parts == TOOLARGV_MAX_PARTS)
		return err_set(
		    e, ERR_BAD, "\"argv\" has too many words and parameters");
	a->part[a->parts] =
	    (struct toolargv_part){ param, a->text.len, text.len };
	buf_put_bytes(&a->text, text);
	if (a->text.overflow)
		return err_set(e, ERR_BAD, "\"argv\" has over %d bytes",
		    TOOLARGV_MAX_TEXT);
	a->parts++;
	return 0;
}

/* The braces that begin *rest: a parameter, or a brace that is meant. */
static int
take_brace(struct toolargv *a, struct bytes *rest, const struct param *params,
    size_t count, struct err *e)
{
	bool doubled = rest->len > 1 && rest->p[1] == rest->p[0];
	const uint8_t *end = memchr(rest->p, '}', rest->len);
	struct bytes name;
	int param;

	if (doubled) {
		name = bytes_make(rest->p, 1);
		*rest = bytes_make(rest->p + 2, rest->len - 2);
		return add_part(a, -1, name, e);
	}
	if (rest->p[0] == '}' || end == NULL)
		return err_set(e, ERR_BAD,
		    "a lone \"%c\": write {name} for a parameter, {{ and }} for braces",
		    rest->p[0]);
	name = bytes_make(rest->p + 1, (size_t)(end - rest->p) - 1);
	param = find_param(name, params, count);
	if (param == -1)
		return err_set(e, ERR_BAD,
		    "{%.*s}: there is no such parameter; write {{ and }} for braces",
		    (int)(name.len < 64 ? name.len : 64), (const char *)name.p);
	*rest = bytes_make(end + 1, rest->len - name.len - 2);
	return add_part(a, param, bytes_make(NULL, 0), e);
}

static size_t
plain_length(struct bytes s)
{
	size_t n = 0;

	while (n < s.len && s.p[n] != '{' && s.p[n] != '}')
		n++;
	return n;
}

int
toolargv_add(struct toolargv *a, struct bytes word, enum toolargv_when when,
    size_t param, const struct param *params, size_t count, struct err *e)
{
	struct toolargv_word *w = &a->word[a->words];
	size_t n;

	if (a->words == TOOLARGV_MAX_WORDS)
		return err_set(e, ERR_BAD, "\"argv\" has over %d words",
		    TOOLARGV_MAX_WORDS);
	*w = (struct toolargv_word){
		.first = a->parts, .when = when, .param = param
	};
	while (word.len > 0) {
		n = plain_length(word);
		if (n == 0) {
			if (take_brace(a, &word, params, count, e) != 0)
				return e->code;
			continue;
		}
		if (add_part(a, -1, bytes_make(word.p, n), e) != 0)
			return e->code;
		word = bytes_make(word.p + n, word.len - n);
	}
	w->count = a->parts - w->first;
	a->words++;
	return 0;
}

bool
toolargv_uses(const struct toolargv *a, size_t param)
{
	for (size_t i = 0; i < a->parts; i++)
		if (a->part[i].param == (int)param)
			return true;
	for (size_t i = 0; i < a->words; i++)
		if (a->word[i].when != TOOLARGV_ALWAYS &&
		    a->word[i].param == param)
			return true;
	return false;
}

/* Behind parameters that may be empty a word still begins. */
bool
toolargv_begins_word(const struct toolargv *a, size_t param)
{
	for (size_t i = 0; i < a->words; i++) {
		const struct toolargv_word *w = &a->word[i];

		for (size_t j = w->first; j < w->first + w->count; j++) {
			if (a->part[j].param == (int)param)
				return true;
			if (a->part[j].param == -1)
				break;
		}
	}
	return false;
}

static bool
always_there(const struct param *p)
{
	return p->required || p->has_default || p->kind == PARAM_BOOLEAN;
}

int
toolargv_missing(
    const struct toolargv *a, const struct param *params, size_t count)
{
	for (size_t i = 0; i < a->words; i++) {
		const struct toolargv_word *w = &a->word[i];

		for (size_t j = w->first; j < w->first + w->count; j++) {
			int n = a->part[j].param;

			if (n < 0 || (size_t)n >= count ||
			    always_there(&params[n]))
				continue;
			if (w->when != TOOLARGV_IF || w->param != (size_t)n)
				return n;
		}
	}
	return -1;
}

/* The text of a word without parameters; empty: it has some. */
static struct bytes
literal_of(const struct toolargv *a, const struct toolargv_word *w)
{
	const struct toolargv_part *p = &a->part[w->first];

	if (w->count != 1 || p->param != -1)
		return bytes_make(NULL, 0);
	return bytes_make(a->text.p + p->off, p->len);
}

/* sh, bash, python3.11...: programs that take a script as an argument. */
static bool
is_interpreter(struct bytes word)
{
	static const char *const names[] = { "sh", "bash", "dash", "ash", "ksh",
		"zsh", "fish", "busybox", "python", "perl", "ruby", "node",
		"php", "lua", "tclsh" };
	size_t at = word.len;

	while (at > 0 && word.p[at - 1] != '/')
		at--;
	word = bytes_make(word.p + at, word.len - at);
	while (word.len > 0 && word.p[word.len - 1] != '\0' &&
	       strchr("0123456789.", word.p[word.len - 1]) != NULL)
		word.len--; /* a version */
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (bytes_eq_str(word, names[i]))
			return true;
	return false;
}

/* -c, -e, -r and their like, with other letters before: a script follows. */
static bool
begins_script(struct bytes word)
{
	if (bytes_eq_str(word, "--eval") || bytes_eq_str(word, "--command"))
		return true;
	return word.len >= 2 && word.p[0] == '-' && word.p[1] != '-' &&
	       memchr("cer", word.p[word.len - 1], 3) != NULL;
}

int
toolargv_in_script(const struct toolargv *a)
{
	bool interpreter = false, script = false;

	for (size_t i = 0; i < a->words; i++) {
		const struct toolargv_word *w = &a->word[i];
		struct bytes word = literal_of(a, w);

		for (size_t j = w->first; script && j < w->first + w->count;
		     j++)
			if (a->part[j].param >= 0)
				return a->part[j].param;
		/* its options end with the first word that is not one */
		interpreter = is_interpreter(word) ||
			      (interpreter && word.len > 0 && word.p[0] == '-');
		script = interpreter && begins_script(word);
	}
	return -1;
}

bool
toolargv_in_path(const struct toolargv *a, size_t param)
{
	for (size_t i = 0; i < a->words; i++) {
		const struct toolargv_word *w = &a->word[i];
		bool slash = false;

		for (size_t j = w->first; j < w->first + w->count; j++) {
			const struct toolargv_part *p = &a->part[j];

			if (p->param == (int)param && slash)
				return true;
			slash = slash || (p->param == -1 && p->len > 0 &&
					     memchr(a->text.p + p->off, '/',
						 p->len) != NULL);
		}
	}
	return false;
}

/* A boolean counts as given when it is true. */
static bool
is_given(const struct toolargv_values *v, size_t param)
{
	if (v->value[param].p == NULL)
		return false;
	return v->param[param].kind != PARAM_BOOLEAN ||
	       bytes_eq_str(v->value[param], "true");
}

bool
toolargv_put(const struct toolargv *a, size_t word,
    const struct toolargv_values *v, struct buf *out)
{
	const struct toolargv_word *w = &a->word[word];

	if (w->when != TOOLARGV_ALWAYS &&
	    is_given(v, w->param) != (w->when == TOOLARGV_IF))
		return false;
	for (size_t i = w->first; i < w->first + w->count; i++) {
		const struct toolargv_part *p = &a->part[i];

		buf_put_bytes(out,
		    p->param >= 0 ? v->value[p->param]
				  : bytes_make(a->text.p + p->off, p->len));
	}
	return true;
}

static void
describe_word(const struct toolargv *a, const struct toolargv_word *w,
    const struct param *params, struct buf *out)
{
	for (size_t i = w->first; i < w->first + w->count; i++) {
		const struct toolargv_part *p = &a->part[i];

		if (p->param >= 0)
			buf_printf(out, "{%s}", params[p->param].name);
		else
			buf_put(out, a->text.p + p->off, p->len);
	}
	if (w->count == 0)
		buf_put_str(out, "''");
}

void
toolargv_describe(
    const struct toolargv *a, const struct param *params, struct buf *out)
{
	for (size_t i = 0; i < a->words; i++) {
		const struct toolargv_word *w = &a->word[i];

		buf_put_str(out, i > 0 ? " " : "");
		buf_put_str(out, w->when == TOOLARGV_ALWAYS ? "" : "[");
		describe_word(a, w, params, out);
		if (w->when != TOOLARGV_ALWAYS)
			buf_printf(out, " %s %s]",
			    w->when == TOOLARGV_IF ? "if" : "unless",
			    params[w->param].name);
	}
}
