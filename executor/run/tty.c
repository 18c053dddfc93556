/* SPDX-License-Identifier: MIT */
/* tty: ask and tell the driver of a terminal.  Executor. */
#include "executor/run/tty.h"

#include <sys/ioctl.h>
#include <termios.h>

#include "executor/launcher/terminal.h"

enum { PLAIN, ESCAPED, SEQUENCE, PRIVATE, SOFT };

enum { ESC = 0x1b, CURSOR_KEYS = 1, NUMBER_MOST = 10000 };

/* Within "ESC [ ? NUMBER ; NUMBER h", or l. */
static uint8_t
take_private(struct ttykeys *k, uint8_t c)
{
	if (c >= '0' && c <= '9') {
		if (k->number < NUMBER_MOST / 10)
			k->number =
			    (uint16_t)(k->number * 10 + (unsigned)(c - '0'));
		return PRIVATE;
	}
	k->cursor |= k->number == CURSOR_KEYS;
	k->number = 0;
	if (c == ';')
		return PRIVATE;
	if (k->cursor && (c == 'h' || c == 'l'))
		k->application = c == 'h';
	return PLAIN;
}

static uint8_t
take_sequence(struct ttykeys *k, uint8_t c)
{
	k->number = 0;
	k->cursor = false;
	return c == '?' ? PRIVATE : c == '!' ? SOFT : PLAIN;
}

static uint8_t
take_byte(struct ttykeys *k, uint8_t c)
{
	if (c == ESC)
		return ESCAPED;
	switch (k->state) {
	case ESCAPED:
		k->application = k->application && c != 'c'; /* a reset */
		return c == '[' ? SEQUENCE : PLAIN;
	case SEQUENCE:
		return take_sequence(k, c);
	case PRIVATE:
		return take_private(k, c);
	case SOFT:
		k->application = k->application && c != 'p'; /* likewise */
		return PLAIN;
	default:
		return PLAIN;
	}
}

void
tty_watch_keys(struct ttykeys *k, struct bytes output)
{
	for (size_t i = 0; i < output.len; i++)
		k->state = take_byte(k, output.p[i]);
}

/* Of the master the driver tells the slave's modes. */
bool
tty_echoes(int master)
{
	struct termios mode;

	return tcgetattr(master, &mode) == 0 && (mode.c_lflag & ECHO) != 0;
}

int
tty_check_size(const struct terminal_size *s, struct err *e)
{
	if (s->columns >= TERMINAL_COLUMNS_LEAST &&
	    s->columns <= TERMINAL_COLUMNS_MOST &&
	    s->rows >= TERMINAL_ROWS_LEAST && s->rows <= TERMINAL_ROWS_MOST)
		return 0;
	return err_set(e, ERR_BAD,
	    "a terminal has %d to %d columns and %d to %d rows",
	    TERMINAL_COLUMNS_LEAST, TERMINAL_COLUMNS_MOST, TERMINAL_ROWS_LEAST,
	    TERMINAL_ROWS_MOST);
}

int
tty_resize(int master, const struct terminal_size *s, struct err *e)
{
	const struct winsize size = { .ws_row = s->rows, .ws_col = s->columns };

	if (ioctl(master, TIOCSWINSZ, &size) == -1)
		return err_sys(e, "size of the terminal");
	return 0;
}

/* In a line that was begun, the first only passes it on. */
void
tty_put_eof(int master, struct buf *typed)
{
	struct termios mode;
	bool known = tcgetattr(master, &mode) == 0;
	uint8_t c = known ? mode.c_cc[VEOF] : 4;

	if (known && (mode.c_lflag & ICANON) != 0 && typed->len > 0 &&
	    typed->p[typed->len - 1] != '\n' &&
	    typed->p[typed->len - 1] != '\r')
		buf_put_u8(typed, c);
	buf_put_u8(typed, c);
}
