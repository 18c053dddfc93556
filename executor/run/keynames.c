/* SPDX-License-Identifier: MIT */
/* keynames: from name to bytes, by a table.  Executor; names are a client's. */
#include "executor/run/keynames.h"

#include <string.h>

#include "common/log.h"
#include "common/utf8.h"

enum { ESC = 0x1b };

/* As xterm(1) has them, and the terminfo of xterm-256color says. */
static const struct {
	const char *name, *sent;
	const char *application; /* NULL: the same */
} keys[] = {
	{ "Enter", "\r", NULL },
	{ "Tab", "\t", NULL },
	{ "S-Tab", "\033[Z", NULL },
	{ "Esc", "\033", NULL },
	{ "Space", " ", NULL },
	{ "Backspace", "\177", NULL },
	{ "Delete", "\033[3~", NULL },
	{ "Insert", "\033[2~", NULL },
	{ "Up", "\033[A", "\033OA" },
	{ "Down", "\033[B", "\033OB" },
	{ "Right", "\033[C", "\033OC" },
	{ "Left", "\033[D", "\033OD" },
	{ "Home", "\033[H", "\033OH" },
	{ "End", "\033[F", "\033OF" },
	{ "PageUp", "\033[5~", NULL },
	{ "PageDown", "\033[6~", NULL },
	{ "F1", "\033OP", NULL },
	{ "F2", "\033OQ", NULL },
	{ "F3", "\033OR", NULL },
	{ "F4", "\033OS", NULL },
	{ "F5", "\033[15~", NULL },
	{ "F6", "\033[17~", NULL },
	{ "F7", "\033[18~", NULL },
	{ "F8", "\033[19~", NULL },
	{ "F9", "\033[20~", NULL },
	{ "F10", "\033[21~", NULL },
	{ "F11", "\033[23~", NULL },
	{ "F12", "\033[24~", NULL },
};

/* One that is seen. */
static bool
is_character(struct bytes b)
{
	static const uint8_t length[16] = {
		[0xc] = 2, [0xd] = 2, [0xe] = 3, [0xf] = 4
	};
	uint8_t first = b.len > 0 ? b.p[0] : 0;

	if (first < 0x80)
		return b.len == 1 && first > ' ' && first < 0x7f;
	return b.len == length[first >> 4] && utf8_valid(b) &&
	       !(first == 0xc2 && b.p[1] < 0xa0);
}

/* C-a to C-z, and the others that ASCII has: 0; -1: it is not one. */
static int
control_of(uint8_t c)
{
	if (c >= 'a' && c <= 'z')
		c = (uint8_t)(c - 'a' + 'A');
	return c >= '@' && c <= '_' ? c - '@' : -1;
}

static bool
put_key(struct bytes name, bool application, struct buf *out)
{
	int c;

	if (name.len > 2 && name.p[0] == 'M' && name.p[1] == '-') {
		buf_put_u8(out, ESC);
		name = bytes_make(name.p + 2, name.len - 2);
	}

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		if (!bytes_eq_str(name, keys[i].name))
			continue;
		buf_put_str(out, application && keys[i].application != NULL
				     ? keys[i].application
				     : keys[i].sent);
		return true;
	}
	if (name.len == 3 && name.p[0] == 'C' && name.p[1] == '-' &&
	    (c = control_of(name.p[2])) != -1) {
		buf_put_u8(out, (uint8_t)c);
		return true;
	}
	if (!is_character(name))
		return false;
	buf_put_bytes(out, name);
	return true;
}

int
keynames_put(
    struct bytes names, bool application, struct buf *out, struct err *e)
{
	const uint8_t *space;
	struct bytes name;

	if (names.len > KEYNAMES_MAX)
		return err_set(e, ERR_BAD,
		    "keys has %zu bytes, %d is the most; give text as data",
		    names.len, KEYNAMES_MAX);
	while (names.len > 0) {
		space = memchr(names.p, ' ', names.len);
		name = bytes_make(names.p,
		    space != NULL ? (size_t)(space - names.p) : names.len);
		names = bytes_make(names.p + name.len + (space != NULL),
		    names.len - name.len - (space != NULL));
		if (name.len > 0 && !put_key(name, application, out))
			return err_set(e, ERR_BAD,
			    "\"%.40s\" is not a key: keys are Enter, Tab, S-Tab, Esc, Space, Backspace, Delete, Insert, Up, Down, Left, Right, Home, End, PageUp, PageDown, F1 to F12, C-a to C-z, M- before any of them, and single characters, with spaces between; give text as data",
			    log_text(name).s);
	}
	return 0;
}
