/* SPDX-License-Identifier: MIT */
/* options: command line of the frontend, from one const table. */
#include <stddef.h>
#include <string.h>

#include "common/bytes.h"
#include "frontend/process/options.h"

/* A switch with a number. */
struct number_switch {
	const char *name;
	size_t offset;
	uint32_t lo, hi;
};

static const struct number_switch numbers[] = {
	{ "-l", offsetof(struct options, listeners), 1, OPTIONS_MAX_LISTENERS },
	{ "-u", offsetof(struct options, uid), 1, UINT32_MAX - 1 },
	{ "-g", offsetof(struct options, gid), 1, UINT32_MAX - 1 },
	{ "-n", offsetof(struct options, connections), 1, 65536 },
	{ "-m", offsetof(struct options, header_bytes), 1024, 1 << 20 },
};

static const struct {
	const char *name;
	enum options_mode mode;
} modes[] = {
	{ "-V", OPTIONS_VERSION },
	{ "--version", OPTIONS_VERSION },
	{ "--self-test", OPTIONS_SELF_TEST },
	{ "--check-tls", OPTIONS_CHECK_TLS },
	{ "--protocol", OPTIONS_PROTOCOL },
};

const char *
options_usage(void)
{
	return "usage: frontend -l LISTENERS [-u UID -g GID] [-n CONNECTIONS] [-m HEADER_BYTES]\n"
	       "       frontend --self-test | --check-tls [-u UID -g GID]\n"
	       "       frontend --protocol | -V\n"
	       "mcp-execd starts this program; it is of no use by itself.\n";
}

static const struct number_switch *
find_number(const char *word)
{
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (strcmp(numbers[i].name, word) == 0)
			return &numbers[i];
	return NULL;
}

static bool
take_mode(const char *word, struct options *o)
{
	for (size_t i = 0; i < sizeof(modes) / sizeof(modes[0]); i++) {
		if (strcmp(modes[i].name, word) != 0)
			continue;
		o->mode = modes[i].mode;
		return true;
	}
	return false;
}

static int
take_number(const struct number_switch *s, const char *text, struct options *o,
    struct err *e)
{
	uint64_t v;
	uint32_t v32;

	if (text == NULL)
		return err_set(e, ERR_BAD, "%s needs a number", s->name);
	if (bytes_to_u64(bytes_of(text), s->lo, s->hi, &v, e) != 0)
		return err_wrap(e, "%s", s->name);
	v32 = (uint32_t)v;
	memcpy((char *)o + s->offset, &v32, sizeof(v32));
	return 0;
}

static int
check_options(const struct options *o, struct err *e)
{
	if (o->mode == OPTIONS_RUN && o->listeners == 0)
		return err_set(e, ERR_BAD, "-l is missing");
	if ((o->uid == 0) != (o->gid == 0))
		return err_set(e, ERR_BAD, "-u and -g go together");
	return 0;
}

int
options_parse(int argc, char **argv, struct options *out, struct err *e)
{
	struct options o = {
		.mode = OPTIONS_RUN, .connections = 1024, .header_bytes = 16384
	};

	for (int i = 1; i < argc; i++) {
		const struct number_switch *s = find_number(argv[i]);

		if (s == NULL && !take_mode(argv[i], &o))
			return err_set(
			    e, ERR_BAD, "unknown option \"%.40s\"", argv[i]);
		/* argv[argc] is NULL: a missing number is noticed */
		if (s != NULL && take_number(s, argv[++i], &o, e) != 0)
			return e->code;
	}
	if (check_options(&o, e) != 0)
		return e->code;
	o.have_ids = o.uid != 0;
	*out = o;
	return 0;
}
