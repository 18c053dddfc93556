/* SPDX-License-Identifier: MIT */
/* keynames: from name to bytes, by a table.  Executor; names are a client's. */
#include "executor/run/keynames.h"

#include <string.h>

#include "common/log.h"
#include "common/utf8.h"

enum { ESC = 0x1b, SHIFT = 1, CONTROL = 4 };

/* As xterm(1) has them, and the terminfo of xterm-256color says. */
static const struct {
	const char *name, *sent;
	const char *application; /* NULL: the same */
} keys[] = {
	{ "Enter", "\r", NULL },
	{ "Tab", "\t", NULL },
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
	/* as others name them */
	{ "Return", "\r", NULL },
	{ "Escape", "\033", NULL },
	{ "BSpace", "\177", NULL },
	{ "Del", "\033[3~", NULL },
	{ "Ins", "\033[2~", NULL },
	{ "PgUp", "\033[5~", NULL },
	{ "PgDn", "\033[6~", NULL },
};

static const struct {
	const char *name;
	unsigned bit; /* as xterm(1) counts them; 0: Alt, which is an Esc */
} modifiers[] = {
	{ "C-", CONTROL },
	{ "Ctrl-", CONTROL },
	{ "S-", SHIFT },
	{ "Shift-", SHIFT },
	{ "M-", 0 },
	{ "Alt-", 0 },
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

/* Take a modifier from the front of *name, which is one of `bits`; *bit. */
static bool
take_modifier(struct bytes *name, unsigned bits, unsigned *bit)
{
	for (size_t i = 0; i < sizeof(modifiers) / sizeof(modifiers[0]); i++) {
		const char *text = modifiers[i].name;
		size_t len = strlen(text);

		if ((bits == 0) != (modifiers[i].bit == 0) ||
		    (modifiers[i].bit & ~bits) != 0 || name->len <= len ||
		    memcmp(name->p, text, len) != 0)
			continue;
		*name = bytes_make(name->p + len, name->len - len);
		*bit = modifiers[i].bit;
		return true;
	}
	return false;
}

/* NULL: it has no name. */
static const char *
find_key(struct bytes name, bool application)
{
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		if (bytes_eq_str(name, keys[i].name))
			return application && keys[i].application != NULL
				   ? keys[i].application
				   : keys[i].sent;
	return NULL;
}

/* CSI 1 ; m A for CSI A or SS3 A, and CSI 3 ; m ~ for CSI 3 ~ */
static bool
put_modified(const char *sent, unsigned held, struct buf *out)
{
	size_t len = strlen(sent);

	if (len < 3)
		return false;
	buf_printf(out, "\033[%.*s;%u%c", len == 3 ? 1 : (int)len - 3,
	    len == 3 ? "1" : sent + 2, held + 1, sent[len - 1]);
	return true;
}

/* With Control, Shift or both. */
static bool
put_held(struct bytes name, unsigned held, struct buf *out)
{
	const char *sent = find_key(name, false);
	int c = -1;

	if (held == SHIFT && bytes_eq_str(name, "Tab")) {
		buf_put_str(out, "\033[Z");
		return true;
	}
	if (held == CONTROL && bytes_eq_str(name, "Space"))
		c = 0;
	else if (sent != NULL)
		return put_modified(sent, held, out);
	else if (held == CONTROL && name.len == 1)
		c = control_of(name.p[0]);
	if (c != -1)
		buf_put_u8(out, (uint8_t)c);
	return c != -1;
}

static bool
put_key(struct bytes name, bool application, struct buf *out)
{
	unsigned held = 0, bit;
	const char *sent;

	if (take_modifier(&name, 0, &bit))
		buf_put_u8(out, ESC);
	while (take_modifier(&name, (SHIFT | CONTROL) & ~held, &bit))
		held |= bit;
	if (held != 0)
		return put_held(name, held, out);
	sent = find_key(name, application);
	if (sent != NULL)
		buf_put_str(out, sent);
	else if (is_character(name))
		buf_put_bytes(out, name);
	else
		return false;
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
			    "\"%.40s\" is not a key: keys are Enter, Tab, S-Tab, Esc, Space, Backspace, Delete, Insert, Up, Down, Left, Right, Home, End, PageUp, PageDown, F1 to F12, C-a to C-z, C- and S- before keys that move and function keys, M- before any of them, and single characters, with spaces between; give text as data",
			    log_text(name).s);
	}
	return 0;
}
