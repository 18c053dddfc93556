/* SPDX-License-Identifier: MIT */
/* qr: QR codes of version 4-M.  Section numbers are of ISO/IEC 18004:2015. */
#include "executor/ctl/qr.h"

#include <string.h>

enum {
	BLOCKS = 2,
	BLOCK_DATA = 32, /* codewords */
	BLOCK_ECC = 18,
	DATA = BLOCKS * BLOCK_DATA,
	ALL = BLOCKS * (BLOCK_DATA + BLOCK_ECC),
	ALIGNMENT = 26, /* row and column of the pattern's middle, annex E */
	MASKS = 8,
	QUIET = 4 /* modules of margin */
};

struct bits {
	uint8_t p[DATA];
	size_t count;
};

struct drawing {
	struct qr *q;
	bool fixed[QR_SIZE][QR_SIZE]; /* no data there */
};

/* --- data, 7.4 ------------------------------------------------------------- */

static void
put_bits(struct bits *b, unsigned value, unsigned n)
{
	while (n-- > 0 && b->count < (size_t)8 * DATA) {
		b->p[b->count / 8] =
		    (uint8_t)(b->p[b->count / 8] |
			      ((value >> n & 1) << (7 - b->count % 8)));
		b->count++;
	}
}

static int
encode_text(struct bytes text, struct bits *b, struct err *e)
{
	static const char set[] =
	    "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:";
	unsigned pair = 0;
	const char *at;
	size_t i;

	if (text.len > QR_MAX_TEXT)
		return err_set(e, ERR_BAD,
		    "a QR code of this size holds %d characters", QR_MAX_TEXT);
	put_bits(b, 2, 4); /* alphanumeric */
	put_bits(b, (unsigned)text.len, 9);
	for (i = 0; i < text.len; i++) {
		at = text.p[i] == '\0' ? NULL : strchr(set, text.p[i]);
		if (at == NULL)
			return err_set(e, ERR_BAD,
			    "a character that alphanumeric QR codes do not have");
		pair = pair * 45 + (unsigned)(at - set);
		if (i % 2 == 1) {
			put_bits(b, pair, 11);
			pair = 0;
		} else if (i + 1 == text.len) {
			put_bits(b, pair, 6);
		}
	}
	put_bits(b, 0, 4);
	put_bits(b, 0, (unsigned)(8 - b->count % 8) % 8);
	for (i = 0; b->count < (size_t)8 * DATA; i++)
		put_bits(b, i % 2 == 0 ? 0xec : 0x11, 8);
	return 0;
}

/* --- error correction, 7.5 --------------------------------------------------- */

/* In the field of 256 elements with x^8 + x^4 + x^3 + x^2 + 1. */
static uint8_t
multiply_gf(uint8_t a, uint8_t b)
{
	unsigned product = 0, i;

	for (i = 8; i-- > 0;) {
		product = product << 1 ^ (product >> 7) * 0x11dU;
		product ^= ((unsigned)b >> i & 1U) * a;
	}
	return (uint8_t)product;
}

/* The product of (x - 2^i), without its first coefficient, which is 1. */
static void
make_generator(uint8_t g[BLOCK_ECC])
{
	uint8_t root = 1;
	int i, j;

	memset(g, 0, BLOCK_ECC);
	g[BLOCK_ECC - 1] = 1;
	for (i = 0; i < BLOCK_ECC; i++) {
		for (j = 0; j < BLOCK_ECC; j++) {
			g[j] = multiply_gf(g[j], root);
			if (j + 1 < BLOCK_ECC)
				g[j] ^= g[j + 1];
		}
		root = multiply_gf(root, 2);
	}
}

static void
add_correction(const uint8_t data[BLOCK_DATA], uint8_t ecc[BLOCK_ECC])
{
	uint8_t g[BLOCK_ECC], factor;
	int i, j;

	make_generator(g);
	memset(ecc, 0, BLOCK_ECC);
	for (i = 0; i < BLOCK_DATA; i++) {
		factor = data[i] ^ ecc[0];
		memmove(ecc, ecc + 1, BLOCK_ECC - 1);
		ecc[BLOCK_ECC - 1] = 0;
		for (j = 0; j < BLOCK_ECC; j++)
			ecc[j] ^= multiply_gf(g[j], factor);
	}
}

/* Of each block in turn a codeword. */
static void
interleave_blocks(const uint8_t data[DATA], uint8_t out[ALL])
{
	uint8_t ecc[BLOCKS][BLOCK_ECC];
	size_t block, i;

	for (block = 0; block < BLOCKS; block++) {
		add_correction(data + block * BLOCK_DATA, ecc[block]);
		for (i = 0; i < BLOCK_DATA; i++)
			out[i * BLOCKS + block] = data[block * BLOCK_DATA + i];
		for (i = 0; i < BLOCK_ECC; i++)
			out[DATA + i * BLOCKS + block] = ecc[block][i];
	}
}

/* --- what is always there, 6.3 and 7.9 --------------------------------------- */

static void
fix_module(struct drawing *d, int row, int column, bool dark)
{
	if (row < 0 || row >= QR_SIZE || column < 0 || column >= QR_SIZE)
		return;
	d->q->dark[row][column] = dark;
	d->fixed[row][column] = true;
}

/* Squares in each other: a finder with its edge, or the alignment. */
static void
fix_square(struct drawing *d, int row, int column, int reach)
{
	int i, j, far;

	for (i = -reach; i <= reach; i++)
		for (j = -reach; j <= reach; j++) {
			far = i * i > j * j ? i : j;
			far = far < 0 ? -far : far;
			fix_module(d, row + i, column + j,
			    reach == 2 ? far != 1 : far != 2 && far != 4);
		}
}

static void
fix_patterns(struct drawing *d)
{
	int i;

	for (i = 0; i < QR_SIZE; i++) {
		fix_module(d, 6, i, i % 2 == 0);
		fix_module(d, i, 6, i % 2 == 0);
	}
	fix_square(d, 3, 3, 4);
	fix_square(d, 3, QR_SIZE - 4, 4);
	fix_square(d, QR_SIZE - 4, 3, 4);
	fix_square(d, ALIGNMENT, ALIGNMENT, 2);
}

/* Level M is 0, so that the mask's number is all there is to tell. */
static void
fix_format(struct drawing *d, unsigned mask)
{
	unsigned rest = mask << 10, bits;
	int i;

	for (i = 14; i >= 10; i--)
		if ((rest >> i & 1) != 0)
			rest ^= 0x537U << (i - 10);
	bits = (mask << 10 | rest) ^ 0x5412;
	for (i = 0; i < 15; i++) {
		bool dark = (bits >> i & 1) != 0;

		if (i < 8)
			fix_module(d, i < 6 ? i : i + 1, 8, dark);
		else
			fix_module(d, 8, i == 8 ? 7 : 14 - i, dark);
		if (i < 8)
			fix_module(d, 8, QR_SIZE - 1 - i, dark);
		else
			fix_module(d, QR_SIZE - 15 + i, 8, dark);
	}
	fix_module(d, QR_SIZE - 8, 8, true);
}

/* --- data into place, 7.7.3 and 7.8 ------------------------------------------ */

/* Two columns at a time, up and down, from the right. */
static void
place_words(struct drawing *d, const uint8_t words[ALL])
{
	size_t n = 0;
	int right, step, row, column;
	bool up = true;

	for (right = QR_SIZE - 1; right > 0; right -= 2, up = !up) {
		if (right == 6)
			right--;
		for (step = 0; step < 2 * QR_SIZE; step++) {
			row = up ? QR_SIZE - 1 - step / 2 : step / 2;
			column = right - step % 2;
			if (d->fixed[row][column])
				continue;
			d->q->dark[row][column] =
			    n < (size_t)8 * ALL &&
			    (words[n / 8] >> (7 - n % 8) & 1) != 0;
			n++;
		}
	}
}

static bool
mask_covers(unsigned mask, int i, int j)
{
	switch (mask) {
	case 0:
		return (i + j) % 2 == 0;
	case 1:
		return i % 2 == 0;
	case 2:
		return j % 3 == 0;
	case 3:
		return (i + j) % 3 == 0;
	case 4:
		return (i / 2 + j / 3) % 2 == 0;
	case 5:
		return i * j % 2 + i * j % 3 == 0;
	case 6:
		return (i * j % 2 + i * j % 3) % 2 == 0;
	default:
		return ((i + j) % 2 + i * j % 3) % 2 == 0;
	}
}

static void
toggle_mask(struct drawing *d, unsigned mask)
{
	int i, j;

	for (i = 0; i < QR_SIZE; i++)
		for (j = 0; j < QR_SIZE; j++)
			if (!d->fixed[i][j] && mask_covers(mask, i, j))
				d->q->dark[i][j] = !d->q->dark[i][j];
}

/* Squares of one colour, which are hard to read (7.8.3.1, rule 2). */
static unsigned
penalty_of(const struct qr *q)
{
	unsigned n = 0;
	int i, j;

	for (i = 0; i + 1 < QR_SIZE; i++)
		for (j = 0; j + 1 < QR_SIZE; j++)
			n += q->dark[i][j] == q->dark[i][j + 1] &&
			     q->dark[i][j] == q->dark[i + 1][j] &&
			     q->dark[i][j] == q->dark[i + 1][j + 1];
	return n;
}

int
qr_make(struct bytes text, struct qr *out, struct err *e)
{
	struct drawing d = { .q = out };
	struct bits b = { .count = 0 };
	uint8_t words[ALL];
	unsigned mask, best = 0, least = UINT32_MAX, n;

	if (encode_text(text, &b, e) != 0)
		return e->code;
	interleave_blocks(b.p, words);
	memset(out, 0, sizeof(*out));
	fix_patterns(&d);
	fix_format(&d, 0);
	place_words(&d, words);
	for (mask = 0; mask < MASKS; mask++) {
		toggle_mask(&d, mask);
		n = penalty_of(out);
		toggle_mask(&d, mask);
		if (n < least) {
			least = n;
			best = mask;
		}
	}
	toggle_mask(&d, best);
	fix_format(&d, best);
	explicit_bzero(&b, sizeof(b));
	explicit_bzero(words, sizeof(words));
	return 0;
}

static bool
is_light(const struct qr *q, int row, int column)
{
	return row < 0 || row >= QR_SIZE || column < 0 || column >= QR_SIZE ||
	       !q->dark[row][column];
}

/* Light is drawn, in white on black, so that no terminal turns it round. */
void
qr_put(struct buf *b, const struct qr *q)
{
	static const char *const half[] = { " ", "\xe2\x96\x84", "\xe2\x96\x80",
		"\xe2\x96\x88" };
	int row, column;

	for (row = -QUIET; row < QR_SIZE + QUIET; row += 2) {
		buf_put_str(b, "\033[97;40m");
		for (column = -QUIET; column < QR_SIZE + QUIET; column++)
			buf_put_str(b, half[2 * is_light(q, row, column) +
					    is_light(q, row + 1, column)]);
		buf_put_str(b, "\033[0m\n");
	}
}
