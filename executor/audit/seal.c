/* SPDX-License-Identifier: MIT */
/* seal: forward-secure chain of the audit log; executor and mcp-execctl. */
#include "executor/audit/seal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/log.h"

#define NEXT_LABEL  "mcp-execd seal next v1"
#define CHAIN_LABEL "mcp-execd seal chain v1"
#define MAGIC       "mcp-execd seal state v1\n"

enum {
	LOCK_WAIT_MS = 1000,
	KEY_VERSION = 1,
	CHECK_BYTES = 4, /* of the checksum in a key's text */
	KEY_BYTES = 1 + DIGEST_BYTES + CHECK_BYTES,
	KEY_DIGITS = (KEY_BYTES * 8 + 4) / 5,
	GROUP = 4,
	AT_GENERATION = sizeof(MAGIC) - 1,
	AT_CHAIN = AT_GENERATION + 8,
	AT_INDEX = AT_CHAIN + SEAL_ID_BYTES,
	AT_SEQUENCE = AT_INDEX + 8,
	AT_KEY = AT_SEQUENCE + 8,
	AT_LAST = AT_KEY + DIGEST_BYTES,
	AT_SUM = AT_LAST + DIGEST_BYTES,
	SLOT_USED = AT_SUM + DIGEST_BYTES
};

/* A slot's use fits a sector, which disks write whole or not at all. */
_Static_assert(SLOT_USED <= 512, "seal state fits a sector");
_Static_assert(
    KEY_DIGITS + KEY_DIGITS / GROUP <= SEAL_KEY_TEXT, "a key's text fits");

/* In a mapping of its own; see seal_open. */
struct seal {
	struct seal_point point;
	uint64_t generation; /* of the copy that was written last */
	int fd;
	uint8_t slot[SEAL_SLOT];
};

/* --- the chain ---------------------------------------------------------- */

static void
label_hash(const char *label, const uint8_t key[DIGEST_BYTES],
    uint8_t out[DIGEST_BYTES])
{
	struct digest d;

	digest_init(&d);
	digest_update(&d, bytes_of(label));
	digest_update(&d, bytes_make(key, DIGEST_BYTES));
	digest_final(&d, out);
	explicit_bzero(&d, sizeof(d));
}

void
seal_start(struct seal_point *p, const uint8_t key[DIGEST_BYTES])
{
	memset(p, 0, sizeof(*p));
	memcpy(p->key, key, sizeof(p->key));
	label_hash(CHAIN_LABEL, key, p->last);
	memcpy(p->chain, p->last, sizeof(p->chain));
}

void
seal_make(
    const struct seal_point *p, struct bytes record, uint8_t out[DIGEST_BYTES])
{
	digest_hmac(p->key, bytes_make(p->last, sizeof(p->last)), record, out);
}

bool
seal_check(const struct seal_point *p, struct bytes record, struct bytes text)
{
	uint8_t sum[DIGEST_BYTES];
	char hex[DIGEST_HEX];

	if (text.len != DIGEST_HEX - 1)
		return false;
	seal_make(p, record, sum);
	digest_hex(sum, sizeof(sum), hex);
	return bytes_eq_secret(hex, text.p, DIGEST_HEX - 1);
}

static void
next_key(struct seal_point *p)
{
	uint8_t next[DIGEST_BYTES];

	label_hash(NEXT_LABEL, p->key, next);
	memcpy(p->key, next, sizeof(p->key));
	explicit_bzero(next, sizeof(next));
	p->index++;
}

void
seal_step(
    struct seal_point *p, uint64_t sequence, const uint8_t seal[DIGEST_BYTES])
{
	memcpy(p->last, seal, sizeof(p->last));
	p->sequence = sequence;
	next_key(p);
}

void
seal_skip(struct seal_point *p, uint64_t index)
{
	while (p->index < index)
		next_key(p);
}

/* --- keys as text -------------------------------------------------------- */

/* RFC 4648 section 6: no digit looks like a letter of it. */
static const char base32[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

static void
key_sum(const uint8_t *raw, uint8_t out[DIGEST_BYTES])
{
	digest_sha256(bytes_make(raw, 1 + DIGEST_BYTES), out);
}

void
seal_key_format(const uint8_t key[DIGEST_BYTES], char out[SEAL_KEY_TEXT])
{
	uint8_t raw[KEY_BYTES + 1] = { KEY_VERSION }, sum[DIGEST_BYTES];
	size_t n;

	memcpy(raw + 1, key, DIGEST_BYTES);
	key_sum(raw, sum);
	memcpy(raw + 1 + DIGEST_BYTES, sum, CHECK_BYTES);
	for (n = 0; n < KEY_DIGITS; n++) {
		size_t at = n * 5 / 8;
		unsigned pair = (unsigned)raw[at] << 8 | raw[at + 1];

		if (n > 0 && n % GROUP == 0)
			*out++ = '-';
		*out++ = base32[pair >> (11 - n * 5 % 8) & 31];
	}
	*out = '\0';
	explicit_bzero(raw, sizeof(raw));
}

/* The digit's value; -1: to be passed over; -2: no digit. */
static int
digit_value(uint8_t c)
{
	const char *at;

	if (c == '-' || c == ' ' || c == '\t' || c == '\r' || c == '\n')
		return -1;
	if (c >= 'a' && c <= 'z')
		c = (uint8_t)(c - 'a' + 'A');
	at = c == '\0' ? NULL : strchr(base32, c);
	return at == NULL ? -2 : (int)(at - base32);
}

static bool
decode_key(struct bytes text, uint8_t raw[KEY_BYTES])
{
	size_t i, n = 0, have = 0;
	uint32_t bits = 0;

	for (i = 0; i < text.len; i++) {
		int v = digit_value(text.p[i]);

		if (v == -1)
			continue;
		if (v < 0)
			return false;
		bits = (bits << 5 | (uint32_t)v) & 0xffff;
		have += 5;
		if (have < 8)
			continue;
		if (n == KEY_BYTES)
			return false;
		have -= 8;
		raw[n++] = (uint8_t)(bits >> have);
	}
	return n == KEY_BYTES && have < 5 && (bits & ((1U << have) - 1)) == 0;
}

int
seal_key_parse(struct bytes text, uint8_t key[DIGEST_BYTES], struct err *e)
{
	uint8_t raw[KEY_BYTES], sum[DIGEST_BYTES];
	bool right;

	right = decode_key(text, raw);
	key_sum(raw, sum);
	right = right && raw[0] == KEY_VERSION &&
		memcmp(raw + 1 + DIGEST_BYTES, sum, CHECK_BYTES) == 0;
	if (right)
		memcpy(key, raw + 1, DIGEST_BYTES);
	explicit_bzero(raw, sizeof(raw));
	if (!right)
		return err_set(e, ERR_BAD,
		    "this is not a verification key, or it is mistyped: copy it again as mcp-execctl audit seal-init showed it");
	return 0;
}

/* --- the state file ------------------------------------------------------ */

static void
put_u64(uint8_t *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		p[i] = (uint8_t)(v >> (8 * i));
}

static uint64_t
get_u64(const uint8_t *p)
{
	uint64_t v = 0;

	for (int i = 7; i >= 0; i--)
		v = v << 8 | p[i];
	return v;
}

static void
encode_slot(
    const struct seal_point *p, uint64_t generation, uint8_t slot[SEAL_SLOT])
{
	memset(slot, 0, SEAL_SLOT);
	memcpy(slot, MAGIC, AT_GENERATION);
	put_u64(slot + AT_GENERATION, generation);
	memcpy(slot + AT_CHAIN, p->chain, sizeof(p->chain));
	put_u64(slot + AT_INDEX, p->index);
	put_u64(slot + AT_SEQUENCE, p->sequence);
	memcpy(slot + AT_KEY, p->key, sizeof(p->key));
	memcpy(slot + AT_LAST, p->last, sizeof(p->last));
	digest_sha256(bytes_make(slot, AT_SUM), slot + AT_SUM);
}

static bool
decode_slot(
    const uint8_t slot[SEAL_SLOT], struct seal_point *p, uint64_t *generation)
{
	uint8_t sum[DIGEST_BYTES];

	if (memcmp(slot, MAGIC, AT_GENERATION) != 0)
		return false;
	digest_sha256(bytes_make(slot, AT_SUM), sum);
	if (memcmp(sum, slot + AT_SUM, sizeof(sum)) != 0)
		return false;
	*generation = get_u64(slot + AT_GENERATION);
	memcpy(p->chain, slot + AT_CHAIN, sizeof(p->chain));
	p->index = get_u64(slot + AT_INDEX);
	p->sequence = get_u64(slot + AT_SEQUENCE);
	memcpy(p->key, slot + AT_KEY, sizeof(p->key));
	memcpy(p->last, slot + AT_LAST, sizeof(p->last));
	return true;
}

/* The newer whole copy; with scrap of a slot's size. */
static int
load_point(int fd, const char *path, struct seal_point *out,
    uint64_t *generation, uint8_t *scrap, struct err *e)
{
	struct seal_point p;
	uint64_t g, best = 0;
	off_t at;

	for (at = 0; at < 2 * SEAL_SLOT; at += SEAL_SLOT) {
		if (pread(fd, scrap, SEAL_SLOT, at) != SEAL_SLOT ||
		    !decode_slot(scrap, &p, &g) || g <= best)
			continue;
		best = g;
		*out = p;
	}
	explicit_bzero(&p, sizeof(p));
	explicit_bzero(scrap, SEAL_SLOT);
	if (best == 0)
		return err_set(e, ERR_BAD,
		    "%s is not a state of the audit log's seal, or it is damaged: restore it, or start a new chain: move the log away and run mcp-execctl audit seal-init --force",
		    path);
	*generation = best;
	return 0;
}

/* -1 with *e set, or with e->code ERR_OK if it is not there. */
static int
open_state(const char *path, int flags, struct err *e)
{
	CLEANUP_FD int fd =
	    open(path, flags | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;

	if (fd == -1 && errno == ENOENT)
		return -1;
	if (fd == -1 || fstat(fd, &st) == -1) {
		(void)err_sys(e, "seal state %s: open", path);
		return -1;
	}
	if (!S_ISREG(st.st_mode) || st.st_uid != geteuid() ||
	    (st.st_mode & 077) != 0) {
		(void)err_set(e, ERR_BAD,
		    "seal state %s: must be a regular file that uid %u owns and nobody else may read: chown it, chmod 0600 it, and consider its key known to all who could read it",
		    path, (unsigned)geteuid());
		return -1;
	}
	return steal_fd(&fd);
}

static int
lock_state(int fd, const char *path, struct err *e)
{
	if (!fdio_lock(fd, LOCK_WAIT_MS))
		return err_set(e, ERR_BAD,
		    "seal state %s: another process uses it; stop that mcp-execd, or give each its own audit.seal_state",
		    path);
	return 0;
}

int
seal_create(const char *path, const uint8_t key[DIGEST_BYTES], bool replace,
    struct err *e)
{
	CLEANUP_FD int old = -1;
	uint8_t copies[2 * SEAL_SLOT];
	struct seal_point p;
	struct err oe = { 0 };
	int rc;

	old = replace ? open_state(path, O_RDWR, &oe) : -1;
	if (old >= 0 && lock_state(old, path, e) != 0)
		return e->code;
	seal_start(&p, key);
	encode_slot(&p, 1, copies);
	memcpy(copies + SEAL_SLOT, copies, SEAL_SLOT);
	rc = fdio_write_file(
	    path, 0600, bytes_make(copies, sizeof(copies)), !replace, e);
	explicit_bzero(copies, sizeof(copies));
	explicit_bzero(&p, sizeof(p));
	return rc;
}

int
seal_read(const char *path, struct seal_point *out, bool *there, struct err *e)
{
	uint8_t scrap[SEAL_SLOT];
	CLEANUP_FD int fd = -1;
	struct err oe = { 0 };
	uint64_t generation;

	fd = open_state(path, O_RDONLY, &oe);
	if (fd == -1 && oe.code != ERR_OK) {
		*e = oe;
		return e->code;
	}
	if (fd >= 0 && load_point(fd, path, out, &generation, scrap, e) != 0)
		return e->code;
	*there = fd >= 0;
	return 0;
}

/* Memory that neither core dumps, nor swap, nor forked children hold. */
static struct seal *
map_seal(struct err *e)
{
	struct seal *s = mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (s == MAP_FAILED) {
		(void)err_sys(e, "seal: memory");
		return NULL;
	}
	if (madvise(s, sizeof(*s), MADV_DONTDUMP) == -1 ||
	    madvise(s, sizeof(*s), MADV_WIPEONFORK) == -1)
		log_warn("seal: cannot protect the key's memory: %m");
	if (mlock(s, sizeof(*s)) == -1)
		log_debug("seal: cannot lock the key's memory: %m");
	s->fd = -1;
	return s;
}

int
seal_open(const char *path, struct seal **out, struct err *e)
{
	struct err oe = { 0 };
	struct seal *s;
	int fd;

	fd = open_state(path, O_RDWR, &oe);
	if (fd == -1 && oe.code == ERR_OK) {
		*out = NULL;
		return 0;
	}
	if (fd == -1) {
		*e = oe;
		return e->code;
	}
	s = map_seal(e);
	if (s == NULL) {
		(void)close(fd);
		return e->code;
	}
	s->fd = fd;
	if (lock_state(fd, path, e) != 0 ||
	    load_point(fd, path, &s->point, &s->generation, s->slot, e) != 0) {
		seal_close(s);
		return e->code;
	}
	*out = s;
	return 0;
}

void
seal_close(struct seal *s)
{
	if (s == NULL)
		return;
	cleanup_fd(&s->fd);
	explicit_bzero(s, sizeof(*s));
	(void)munmap(s, sizeof(*s));
}

struct seal_point *
seal_point(struct seal *s)
{
	return &s->point;
}

static int
write_slot(const struct seal *s, off_t at, struct err *e)
{
	ssize_t n = pwrite(s->fd, s->slot, SEAL_SLOT, at);

	if (n == SEAL_SLOT)
		return 0;
	if (n >= 0)
		errno = EIO;
	return err_sys(e, "seal state: write");
}

int
seal_store(struct seal *s, struct err *e)
{
	off_t first = s->generation % 2 == 0 ? 0 : SEAL_SLOT;
	int rc;

	encode_slot(&s->point, s->generation + 1, s->slot);
	rc = write_slot(s, first, e);
	if (rc == 0 && fdatasync(s->fd) == -1)
		rc = err_sys(e, "seal state: fdatasync");
	/* On disk with the next store; until then the first copy is. */
	if (rc == 0)
		rc = write_slot(s, SEAL_SLOT - first, e);
	explicit_bzero(s->slot, sizeof(s->slot));
	if (rc == 0)
		s->generation++;
	return rc;
}
