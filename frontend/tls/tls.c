/* SPDX-License-Identifier: MIT */
/* tls: certificates of connections (frontend); GnuTLS. */
#include <errno.h>
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdlib.h>
#include <string.h>

#include "common/clock.h"
#include "frontend/tls/tls.h"
#include "frontend/tls/tlsadvice.h"

enum { TLS_TICKETS_MS = 3600000 /* a key of tickets is in use for an hour */ };

struct tls_pair {
	gnutls_certificate_credentials_t cred;
	size_t uses; /* connections, and being in force */
};

struct tls {
	struct tls_pair *now; /* NULL: none was handed over */
	struct buf chain, key; /* of the configuration that arrives */
	bool whole_chain, whole_key;
	gnutls_datum_t tickets; /* what they are encrypted with; NULL: none */
	uint64_t tickets_ms; /* monotonic, when it was made */
};

const char *
tls_priorities(void)
{
	return "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-ECDSA:+ECDHE-RSA:-CIPHER-ALL:+AES-128-GCM:+AES-256-GCM:+CHACHA20-POLY1305:-MAC-ALL:+AEAD:-SIGN-RSA-SHA1:-SIGN-ECDSA-SHA1:%SERVER_PRECEDENCE";
}

int
tls_prepare(struct err *e)
{
	gnutls_priority_t p;
	const char *at = "";
	int r = gnutls_global_init();

	/* reads the system's own restrictions, if it has a file of them */
	if (r == 0)
		r = gnutls_priority_init(&p, tls_priorities(), &at);
	if (r != 0)
		return err_set(e, ERR_SYS, "GnuTLS: %s%s%s", gnutls_strerror(r),
		    at[0] != '\0' ? " at " : "", at);
	gnutls_priority_deinit(p);
	return tlshook_prepare(e);
}

/* --- certificate and key ------------------------------------------------ */

static gnutls_datum_t
datum_of(struct bytes b)
{
	return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)b.p,
		.size = (unsigned)b.len };
}

static const char *
advice_for(int r)
{
	switch (r) {
	case GNUTLS_E_CERTIFICATE_KEY_MISMATCH:
		return "the key is not that of the certificate, which must be the first of its file";
	default:
		return "certificate or key cannot be used";
	}
}

static int
set_error(struct err *e, int r)
{
	return err_set(
	    e, ERR_BAD, "%s (GnuTLS: %s)", advice_for(r), gnutls_strerror(r));
}

static int
make_pair(
    struct bytes chain, struct bytes key, struct tls_pair **out, struct err *e)
{
	gnutls_datum_t c = datum_of(chain), k = datum_of(key);
	struct tls_pair *p = calloc(1, sizeof(*p));
	int r;

	if (p == NULL)
		return err_memory(e);
	r = gnutls_certificate_allocate_credentials(&p->cred);
	if (r >= 0) {
		r = gnutls_certificate_set_x509_key_mem2(
		    p->cred, &c, &k, GNUTLS_X509_FMT_PEM, NULL, 0);
		if (r < 0)
			gnutls_certificate_free_credentials(p->cred);
	}
	if (r < 0) {
		free(p);
		return set_error(e, r);
	}
	p->uses = 1;
	*out = p;
	return 0;
}

void
tls_drop(struct tls_pair *pair)
{
	if (pair == NULL || --pair->uses > 0)
		return;
	gnutls_certificate_free_credentials(pair->cred);
	free(pair);
}

/* Kinds of key that tls_priorities() can serve with. */
static bool
is_usable(int algorithm)
{
	static const gnutls_pk_algorithm_t kinds[] = { GNUTLS_PK_RSA,
		GNUTLS_PK_RSA_PSS, GNUTLS_PK_ECDSA, GNUTLS_PK_EDDSA_ED25519,
		GNUTLS_PK_EDDSA_ED448 };

	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if ((int)kinds[i] == algorithm)
			return true;
	return false;
}

static int
bad_key(struct err *e, struct bytes key, int r)
{
	if (r == GNUTLS_E_DECRYPTION_FAILED)
		return err_set(e, ERR_BAD,
		    "the key must not have a passphrase, because nobody could type it");
	return err_set(e, ERR_BAD, "%s (GnuTLS: %s)", tlsadvice_no_key(key),
	    gnutls_strerror(r));
}

static int
check_key(gnutls_x509_privkey_t k, struct bytes key, struct err *e)
{
	gnutls_datum_t d = datum_of(key);
	unsigned bits = 0;
	int algorithm, r = gnutls_x509_privkey_import2(
			   k, &d, GNUTLS_X509_FMT_PEM, NULL, 0);

	if (r < 0)
		return bad_key(e, key, r);
	algorithm = gnutls_x509_privkey_get_pk_algorithm2(k, &bits);
	if (!is_usable(algorithm))
		return err_set(e, ERR_BAD,
		    "no client speaks TLS with a key of kind %s: make one of RSA, ECDSA or EdDSA",
		    gnutls_pk_get_name((gnutls_pk_algorithm_t)algorithm));
	if (gnutls_pk_bits_to_sec_param((gnutls_pk_algorithm_t)algorithm,
		bits) < GNUTLS_SEC_PARAM_MEDIUM)
		return err_set(e, ERR_BAD,
		    "a key of %u bits is too weak: make one of at least 2048 (RSA) or 256 (ECDSA)",
		    bits);
	return 0;
}

/* Of the whole chain: clients refuse it when any part is out of date. */
static int
check_chain(struct bytes chain, struct tls_validity *out, struct err *e)
{
	gnutls_x509_crt_t crt[TLSADVICE_MAX_CERTS];
	unsigned count = TLSADVICE_MAX_CERTS;
	gnutls_datum_t d = datum_of(chain);
	int r = gnutls_x509_crt_list_import(crt, &count, &d,
	    GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED);

	if (r == GNUTLS_E_SHORT_MEMORY_BUFFER)
		return err_set(e, ERR_BAD,
		    "there are more than %d certificates in its file: the server's and those above it are needed, no others",
		    TLSADVICE_MAX_CERTS);
	if (r <= 0)
		return err_set(e, ERR_BAD, "%s (GnuTLS: %s)",
		    tlsadvice_no_certificate(chain), gnutls_strerror(r));
	for (unsigned i = 0; i < count; i++) {
		int64_t from = gnutls_x509_crt_get_activation_time(crt[i]);
		int64_t until = gnutls_x509_crt_get_expiration_time(crt[i]);

		if (i == 0 || from > out->from)
			out->from = from;
		if (i == 0 || until < out->until)
			out->until = until;
		gnutls_x509_crt_deinit(crt[i]);
	}
	return 0;
}

int
tls_check(struct bytes chain, struct bytes key, struct tls_validity *out,
    struct err *e)
{
	struct tls_validity v = { 0, 0 };
	struct tls_pair *pair = NULL;
	gnutls_x509_privkey_t k;
	int r;

	if (gnutls_x509_privkey_init(&k) < 0)
		return err_memory(e);
	r = check_key(k, key, e);
	gnutls_x509_privkey_deinit(k);
	if (r != 0 || check_chain(chain, &v, e) != 0 ||
	    make_pair(chain, key, &pair, e) != 0)
		return e->code;
	tls_drop(pair);
	*out = v;
	return 0;
}

/* --- configuration ------------------------------------------------------- */

struct tls *
tls_new(struct err *e)
{
	struct tls *t = err_alloc(1, sizeof(*t), e);

	if (t == NULL)
		return NULL;
	tls_begin(t);
	return t;
}

static void
drop_tickets(struct tls *t)
{
	if (t->tickets.data == NULL)
		return;
	explicit_bzero(t->tickets.data, t->tickets.size);
	gnutls_free(t->tickets.data);
	t->tickets = (gnutls_datum_t){ 0 };
}

void
tls_free(struct tls *t)
{
	if (t == NULL)
		return;
	tls_drop(t->now);
	drop_tickets(t);
	buf_wipe(&t->chain);
	buf_wipe(&t->key);
	free(t);
}

void
tls_begin(struct tls *t)
{
	buf_wipe(&t->chain);
	buf_wipe(&t->key);
	buf_init(&t->chain, TLS_MAX_CHAIN);
	buf_init(&t->key, TLS_MAX_KEY);
	t->whole_chain = t->whole_key = false;
}

int
tls_add(struct tls *t, const struct msg_tls *m, struct err *e)
{
	bool is_key = m->kind == PROTO_TLS_KEY;
	struct buf *b = is_key ? &t->key : &t->chain;
	bool *whole = is_key ? &t->whole_key : &t->whole_chain;

	if (m->kind > PROTO_TLS_KEY || m->more > 1 || *whole)
		return err_set(e, ERR_PROTO, "TLS out of order");
	buf_put_bytes(b, m->data);
	if (b->overflow)
		return err_set(e, ERR_PROTO, "TLS over its maximum");
	*whole = m->more == 0;
	return 0;
}

int
tls_commit(struct tls *t, struct err *e)
{
	struct tls_pair *fresh = NULL;

	if (t->whole_chain != t->whole_key)
		return err_set(e, ERR_PROTO, "certificate without key");
	if (t->whole_key &&
	    make_pair(buf_bytes(&t->chain), buf_bytes(&t->key), &fresh, e) != 0)
		return e->code;
	tls_begin(t);
	tls_drop(t->now);
	/* nobody resumes what began with a pair that was taken back */
	drop_tickets(t);
	t->now = fresh;
	return 0;
}

/* --- connections --------------------------------------------------------- */

/*
 * Sessions are resumed by tickets, RFC 8446 section 2.2 and RFC 5077, without
 * early data.  Nothing is kept here for them but the key, which is thrown away
 * after a while: clients make a full handshake then.
 */
static void
offer_tickets(struct tls *t, gnutls_session_t s)
{
	uint64_t now = clock_mono_ms();

	if (now - t->tickets_ms >= TLS_TICKETS_MS)
		drop_tickets(t);
	if (t->tickets.data == NULL) {
		if (gnutls_session_ticket_key_generate(&t->tickets) < 0)
			return;
		t->tickets_ms = now;
	}
	if (gnutls_session_ticket_enable_server(s, &t->tickets) >= 0)
		gnutls_db_set_cache_expiration(s, TLS_TICKETS_MS / 1000);
}

struct tls_pair *
tls_take(struct tls *t, void *session)
{
	gnutls_session_t s = session;

	/* takes the place of the library's, which has no certificate */
	if (t->now == NULL ||
	    gnutls_credentials_set(s, GNUTLS_CRD_CERTIFICATE, t->now->cred) < 0)
		return NULL;
	offer_tickets(t, s);
	t->now->uses++;
	return t->now;
}

/* The socket does not block: what is not there yet is told by reading. */
static int
is_readable(gnutls_transport_ptr_t arg, unsigned ms)
{
	(void)arg;
	(void)ms;
	return 1;
}

static ssize_t
pull_bytes(gnutls_transport_ptr_t arg, void *p, size_t size)
{
	struct tlshook *hook = arg;
	size_t left;
	ssize_t n;

	if (hook->unseen >= TLSHOOK_MOST_UNSEEN) {
		errno = EPROTO; /* no handshake is that long */
		return -1;
	}
	left = TLSHOOK_MOST_UNSEEN - hook->unseen;
	n = hook->pull(hook->from, p, size < left ? size : left);
	if (n > 0)
		hook->unseen += (size_t)n;
	return n;
}

void
tls_read_by(void *session, struct tlshook *hook)
{
	gnutls_session_t s = session;
	gnutls_transport_ptr_t from, to;

	gnutls_transport_get_ptr2(s, &from, &to);
	gnutls_transport_set_ptr2(s, hook, to);
	gnutls_transport_set_pull_function(s, pull_bytes);
	gnutls_transport_set_pull_timeout_function(s, is_readable);
}

static ssize_t
pull_nothing(void *from, void *p, size_t size)
{
	(void)from;
	(void)p;
	(void)size;
	return 0;
}

void
tls_read_nothing(void *session)
{
	static struct tlshook nothing = { .pull = pull_nothing };

	tls_read_by(session, &nothing);
}

bool
tls_is_open(void *session)
{
	/* which there is from then on */
	char *desc = gnutls_session_get_desc(session);
	bool open = desc != NULL;

	gnutls_free(desc);
	return open;
}

void
tls_send(void *session, const void *p, size_t len)
{
	gnutls_session_t s = session;

	(void)gnutls_record_send(s, p, len);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): GnuTLS' type */
static int
no_certificate(gnutls_session_t session, const gnutls_datum_t *req_ca_rdn,
    int nreqs, const gnutls_pk_algorithm_t *algorithms, int count,
    gnutls_pcert_st **pcert, unsigned *pcert_count, gnutls_privkey_t *key)
{
	(void)session;
	(void)req_ca_rdn;
	(void)nreqs;
	(void)algorithms;
	(void)count;
	(void)pcert;
	*pcert_count = 0;
	(void)key;
	return -1;
}

void (*tls_no_certificate(void))(void)
{
	return (void (*)(void))no_certificate;
}
