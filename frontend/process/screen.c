/* SPDX-License-Identifier: MIT */
/* screen: draw a terminal's output by libvterm (frontend, a mode of its own). */
#include "frontend/process/screen.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>
#include <vterm.h>

#include "frontend/process/lockdown.h"

enum {
	CPU_SECONDS = 2,
	NICE = 10,
	BUDGET_MS = 1000, /* of it for the beginning */
	LAST_BYTES = 16 << 10, /* that are drawn beyond that */
	PIECE = 4096, /* bytes; libvterm has four times that on its stack */
	DIGITS_MOST = 4, /* of a number; each could be a loop */
	ARGUMENTS_MOST =
	    15, /* of a sequence; libvterm 0.1 trusts there are no more */
	MEMORY_BYTES = 512 << 20, /* of addresses; most are libraries */
	INPUT_MOST = SCREENPART_BYTES_MOST +
		     SCREENPART_COUNT_MOST * (int)sizeof(struct screenpart),
	CAN = 0x18,
	SUB = 0x1a,
	ESC = 0x1b,
	DEL = 0x7f
};

struct drawing {
	VTerm *vt;
	VTermScreen *screen;
	bool hidden; /* the cursor is */
	bool skipped; /* some of the output, as it took too long */
	size_t left; /* bytes of output, of all parts */
	enum { TEXT, ESCAPED, SEQUENCE, DROPPED } state;
	unsigned arguments, digits; /* of the sequence so far */
	unsigned count; /* its first argument */
	bool plain; /* it has arguments and nothing else */
	char last[4]; /* the character just before it */
	size_t last_len; /* 0: none was */
};

/*
 * What would be typed into the run as the terminal's answer goes nowhere: the
 * run would choose what is typed, also after it has given its terminal to a
 * program that asks for a word.
 */
static void
drop_answer(const char *text, size_t len, void *arg)
{
	(void)text;
	(void)len;
	(void)arg;
}

static int
on_property(VTermProp prop, VTermValue *value, void *arg)
{
	struct drawing *d = arg;

	if (prop == VTERM_PROP_CURSORVISIBLE)
		d->hidden = value->boolean == 0;
	return 1;
}

static bool
is_size(const struct screenpart *p)
{
	return p->columns >= SCREENPART_COLUMNS_LEAST &&
	       p->columns <= SCREENPART_COLUMNS_MOST &&
	       p->rows >= SCREENPART_ROWS_LEAST &&
	       p->rows <= SCREENPART_ROWS_MOST;
}

static bool
next_part(struct bytes *rest, struct screenpart *p, struct bytes *output)
{
	if (rest->len < sizeof(*p))
		return false;
	memcpy(p, rest->p, sizeof(*p));
	*rest = bytes_make(rest->p + sizeof(*p), rest->len - sizeof(*p));
	if (!is_size(p) || p->bytes > rest->len)
		return false;
	*output = bytes_make(rest->p, p->bytes);
	*rest = bytes_make(rest->p + p->bytes, rest->len - p->bytes);
	return true;
}

static bool
begin_drawing(struct drawing *d, const struct screenpart *p)
{
	static const VTermScreenCallbacks callbacks = { .settermprop =
							    on_property };

	d->vt = vterm_new(p->rows, p->columns);
	if (d->vt == NULL)
		return false;
	vterm_set_utf8(d->vt, 1);
	vterm_output_set_callback(d->vt, drop_answer, NULL);
	d->screen = vterm_obtain_screen(d->vt);
	vterm_screen_set_callbacks(d->screen, &callbacks, d);
	vterm_screen_enable_altscreen(d->screen, 1);
	vterm_screen_reset(d->screen, 1);
	/* in case it repeats one after all: see repeat_last() */
	(void)vterm_input_write(d->vt, " \r", 2);
	return true;
}

/* Others in between are obeyed, or nothing, and the sequence goes on. */
static bool
is_control(uint8_t c)
{
	return (c < ' ' && c != CAN && c != SUB) || c == DEL;
}

/* Of a sequence: where is it after this byte? */
static void
follow_sequence(struct drawing *d, uint8_t c)
{
	bool digit = c >= '0' && c <= '9';
	bool separator = c == ';' || c == ':';

	if (c == CAN || c == SUB || c >= '@') {
		d->state = TEXT;
		return;
	}
	d->arguments += separator;
	d->digits = digit ? d->digits + 1 : 0;
	if (digit && d->arguments == 0 && d->state == SEQUENCE)
		d->count = d->count * 10 + (c - '0');
	d->plain &= digit || separator || d->state == DROPPED;
	if (d->arguments > ARGUMENTS_MOST || d->digits > DIGITS_MOST)
		d->state = DROPPED;
}

/* After ESC: is it a control sequence, or one that ends with this byte? */
static void
follow_escape(struct drawing *d, uint8_t c)
{
	if (c >= ' ' && c < '0')
		return; /* ESC ( 0 and the like */
	d->state = c == '[' ? SEQUENCE : TEXT;
	d->arguments = d->digits = d->count = 0;
	d->plain = true;
	if (d->state == TEXT)
		d->last_len = 0;
}

/* A byte of text: is it of the character before, or of the next? */
static void
follow_text(struct drawing *d, uint8_t c)
{
	if ((c & 0xc0) != 0x80 || d->last_len == sizeof(d->last))
		d->last_len = 0;
	d->last[d->last_len++] = (char)c;
}

/* Is this byte one too many of a control sequence? */
static bool
is_dropped(struct drawing *d, uint8_t c)
{
	if (c == ESC) {
		d->state = ESCAPED;
	} else if (is_control(c)) {
		d->last_len = 0;
	} else if (d->state == ESCAPED) {
		follow_escape(d, c);
	} else if (d->state != TEXT) {
		follow_sequence(d, c);
	} else {
		follow_text(d, c);
	}
	return d->state == DROPPED;
}

/*
 * The character just before once more, at most to the end of the row.  libvterm
 * 0.1 repeats for ever what was never written, and takes the last column for
 * full when it is not, so that the next character comes a row below.
 */
static void
repeat_last(struct drawing *d)
{
	VTermPos at = { 0, 0 };
	int rows = 0, columns = 0;
	unsigned most;

	vterm_get_size(d->vt, &rows, &columns);
	vterm_state_get_cursorpos(vterm_obtain_state(d->vt), &at);
	most = at.col < columns ? (unsigned)(columns - at.col) : 0;
	if (d->count == 0)
		d->count = 1;
	for (unsigned i = 0; i < d->count && i < most && d->last_len > 0; i++)
		(void)vterm_input_write(d->vt, d->last, d->last_len);
	d->last_len = 0;
}

static void
draw_piece(struct drawing *d, struct bytes piece)
{
	char kept[PIECE];
	size_t n = 0;

	for (size_t i = 0; i < piece.len; i++) {
		bool in = d->state == SEQUENCE || d->state == DROPPED;
		bool dropped = is_dropped(d, piece.p[i]);
		bool ends = in && d->state == TEXT;

		if (!dropped)
			kept[n++] = (char)piece.p[i];
		if (!ends)
			continue;
		if (piece.p[i] == 'b' && d->plain) {
			kept[n - 1] = CAN; /* the sequence is nothing to it */
			(void)vterm_input_write(d->vt, kept, n);
			n = 0;
			repeat_last(d);
		}
		d->last_len = 0;
	}
	(void)vterm_input_write(d->vt, kept, n);
}

static uint64_t
used_ms(void)
{
	struct timespec t = { 0 };

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* Of a flood the end alone, which is what a person would see. */
static void
draw_output(struct drawing *d, struct bytes output)
{
	while (output.len > 0) {
		size_t n = output.len < PIECE ? output.len : PIECE;
		bool late = d->left > LAST_BYTES && used_ms() > BUDGET_MS;

		if (!late)
			draw_piece(d, bytes_make(output.p, n));
		d->skipped |= late;
		d->left -= n;
		output = bytes_make(output.p + n, output.len - n);
	}
}

static int
draw_parts(struct drawing *d, struct bytes parts, struct err *e)
{
	struct screenpart p;
	struct bytes output;
	size_t count = 0;

	while (parts.len > 0) {
		if (count++ == SCREENPART_COUNT_MOST ||
		    !next_part(&parts, &p, &output))
			return err_set(e, ERR_BAD, "not the parts of a screen");
		if (d->vt == NULL && !begin_drawing(d, &p))
			return err_memory(e);
		if (count > 1)
			vterm_set_size(d->vt, p.rows, p.columns);
		draw_output(d, output);
	}
	return d->vt != NULL ? 0 : err_set(e, ERR_BAD, "there is no part");
}

static void
put_utf8(struct buf *out, uint32_t c)
{
	if (c < 0x80) {
		buf_put_u8(out, (uint8_t)c);
		return;
	}
	if (c < 0x800) {
		buf_put_u8(out, (uint8_t)(0xc0 | c >> 6));
	} else if (c < 0x10000) {
		buf_put_u8(out, (uint8_t)(0xe0 | c >> 12));
		buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	} else {
		buf_put_u8(out, (uint8_t)(0xf0 | c >> 18));
		buf_put_u8(out, (uint8_t)(0x80 | (c >> 12 & 0x3f)));
		buf_put_u8(out, (uint8_t)(0x80 | (c >> 6 & 0x3f)));
	}
	buf_put_u8(out, (uint8_t)(0x80 | (c & 0x3f)));
}

/* In place of what is not to be seen, a blank. */
static void
put_character(struct buf *out, uint32_t c)
{
	if (c < ' ' || (c >= 0x7f && c < 0xa0) || c > 0x10ffff ||
	    (c >= 0xd800 && c < 0xe000))
		c = ' ';
	put_utf8(out, c);
}

static void
put_cell(const struct drawing *d, int row, int column, struct buf *out)
{
	VTermScreenCell cell;
	size_t i;

	memset(&cell, 0, sizeof(cell));
	(void)vterm_screen_get_cell(
	    d->screen, (VTermPos){ row, column }, &cell);
	if (cell.chars[0] == UINT32_MAX) /* behind one of double width */
		return;
	put_character(out, cell.chars[0]);
	for (i = 1; i < VTERM_MAX_CHARS_PER_CELL && cell.chars[i] != 0; i++)
		put_character(out, cell.chars[i]);
}

static void
put_row(const struct drawing *d, int row, int columns, struct buf *out)
{
	size_t begin = out->len;

	for (int column = 0; column < columns; column++)
		put_cell(d, row, column, out);
	while (out->len > begin && out->p[out->len - 1] == ' ')
		out->len--;
	buf_put_u8(out, '\n');
}

static void
put_screen(const struct drawing *d, struct buf *out)
{
	VTermPos at = { 0, 0 };
	int rows = 0, columns = 0;
	size_t begin;

	vterm_get_size(d->vt, &rows, &columns);
	vterm_state_get_cursorpos(vterm_obtain_state(d->vt), &at);
	buf_printf(out, "%d %d %d %d\n", at.row + 1, at.col + 1,
	    d->hidden ? 0 : 1, d->skipped ? 1 : 0);
	begin = out->len;
	for (int row = 0; row < rows; row++)
		put_row(d, row, columns, out);
	while (out->len > begin + 1 && out->p[out->len - 1] == '\n' &&
	       out->p[out->len - 2] == '\n')
		out->len--;
}

int
screen_draw(struct bytes parts, struct buf *out, struct err *e)
{
	struct drawing d = { .left = parts.len };
	int rc = draw_parts(&d, parts, e);

	if (rc == 0)
		put_screen(&d, out);
	if (d.vt != NULL)
		vterm_free(d.vt);
	return rc == 0 && out->overflow ? err_memory(e) : rc;
}

/* --- the process ----------------------------------------------------------- */

/* Beyond what is needed by far: libvterm runs away, or is attacked. */
static int
limit_self(struct err *e)
{
	const struct rlimit cpu = { CPU_SECONDS, CPU_SECONDS };
	const struct rlimit memory = { MEMORY_BYTES, MEMORY_BYTES };

	if (!lockdown_has_filter())
		return 0; /* a sanitizer needs more than that */
	if (setpriority(PRIO_PROCESS, 0, NICE) == -1 ||
	    setrlimit(RLIMIT_CPU, &cpu) == -1 ||
	    setrlimit(RLIMIT_AS, &memory) == -1)
		return err_sys(e, "limits");
	return 0;
}

static int
read_parts(struct buf *in, struct err *e)
{
	static uint8_t chunk[65536];
	ssize_t n;

	do {
		n = read(STDIN_FILENO, chunk, sizeof(chunk));
		if (n > 0)
			buf_put(in, chunk, (size_t)n);
	} while (n > 0 || (n == -1 && errno == EINTR));
	if (n == -1)
		return err_sys(e, "reading");
	return in->overflow ? err_set(e, ERR_BAD, "too much output") : 0;
}

static bool
write_all(struct bytes b)
{
	while (b.len > 0) {
		ssize_t n = write(STDOUT_FILENO, b.p, b.len);

		if (n <= 0)
			return false;
		b = bytes_make(b.p + n, b.len - (size_t)n);
	}
	return true;
}

int
screen_run(const struct options *o)
{
	struct buf in, out;
	uint32_t bits;
	struct err e;
	int r;

	buf_init(&in, INPUT_MOST);
	buf_init(&out, SCREENPART_ANSWER_MOST);
	r = limit_self(&e);
	if (r == 0)
		r = lockdown_apply(o, &bits, &e);
	if (r == 0)
		r = read_parts(&in, &e);
	if (r == 0)
		r = screen_draw(buf_bytes(&in), &out, &e);
	if (r != 0)
		(void)fprintf(stderr, "mcp-execd-frontend: %s\n", e.what);
	else if (!write_all(buf_bytes(&out)))
		r = ERR_SYS;
	buf_fini(&in);
	buf_fini(&out);
	return r == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
