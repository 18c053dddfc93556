/* SPDX-License-Identifier: MIT */
/* tlsadvice: remarks on certificates (frontend); GnuTLS. */
#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <string.h>

#include "common/cleanup.h"
#include "frontend/tls/tlsadvice.h"

enum {
	MAX_NAMES = 8, /* of a certificate that are shown */
	MAX_ENTRIES = 256, /* of an extension that are looked at */
	MAX_NAME = 256
};

static gnutls_datum_t
datum_of(struct bytes b)
{
	return (gnutls_datum_t){ .data = (unsigned char *)(uintptr_t)b.p,
		.size = (unsigned)b.len };
}

/* --- what a file holds instead ------------------------------------------ */

static bool
has_label(struct bytes pem, const char *label)
{
	return pem.len > 0 &&
	       memmem(pem.p, pem.len, label, strlen(label)) != NULL;
}

struct instead {
	const char *label, *words;
};

/* The first label that is there; the last row is for none. */
static const char *
look_up(const struct instead *row, struct bytes pem)
{
	while (row->label != NULL && !has_label(pem, row->label))
		row++;
	return row->words;
}

const char *
tlsadvice_no_certificate(struct bytes pem)
{
	static const struct instead rows[] = {
		{ "CERTIFICATE-----",
		    "the certificate cannot be read: is its file whole?" },
		{ "PRIVATE KEY-----",
		    "the certificate's file holds a key: are the two swapped?" },
		{ "CERTIFICATE REQUEST-----",
		    "the certificate's file holds a certificate request: use the certificate that the authority issued for it" },
		{ "-----BEGIN PKCS7-----",
		    "the certificate's file holds PKCS #7: convert it with openssl pkcs7 -print_certs" },
		{ NULL,
		    "the certificate must be in PEM, which begins with -----BEGIN CERTIFICATE-----" },
	};

	return look_up(
	    has_label(pem, "CERTIFICATE REQUEST-----") ? rows + 2 : rows, pem);
}

const char *
tlsadvice_no_key(struct bytes pem)
{
	static const struct instead rows[] = {
		{ "BEGIN OPENSSH PRIVATE KEY-----",
		    "the key is one of OpenSSH: convert a copy of it with ssh-keygen -p -m PKCS8" },
		{ "PRIVATE KEY-----",
		    "the key cannot be read: is its file whole, and the key RSA, ECDSA (P-256, P-384, P-521) or EdDSA?" },
		{ "CERTIFICATE-----",
		    "the key's file holds a certificate only: are the two swapped?" },
		{ NULL,
		    "the key must be in PEM, with a line such as -----BEGIN PRIVATE KEY-----" },
	};

	return look_up(rows, pem);
}

/* --- names -------------------------------------------------------------- */

static void
put_address(struct buf *out, const uint8_t *a, size_t len)
{
	if (len == 4)
		buf_printf(out, "%u.%u.%u.%u", a[0], a[1], a[2], a[3]);
	else
		for (size_t i = 0; i + 1 < len; i += 2)
			buf_printf(out, "%s%x", i > 0 ? ":" : "",
			    (unsigned)(a[i] << 8 | a[i + 1]));
}

/* One line stays one. */
static void
put_text(struct buf *out, const char *name, size_t len)
{
	for (size_t i = 0; i < len; i++)
		buf_put_u8(out,
		    name[i] > ' ' && name[i] < 0x7f ? (uint8_t)name[i] : '?');
}

/* Names and addresses of the certificate, as far as clients look at them. */
static unsigned
put_names(gnutls_x509_crt_t crt, struct buf *out)
{
	unsigned count = 0;

	for (unsigned i = 0; i < MAX_ENTRIES && count < MAX_NAMES; i++) {
		char name[MAX_NAME];
		size_t size = sizeof(name) - 1;
		int kind = gnutls_x509_crt_get_subject_alt_name(
		    crt, i, name, &size, NULL);

		if (kind == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			break;
		if (kind != GNUTLS_SAN_DNSNAME && kind != GNUTLS_SAN_IPADDRESS)
			continue;
		buf_put_str(out, count++ > 0 ? ", " : "");
		if (kind == GNUTLS_SAN_IPADDRESS)
			put_address(out, (const uint8_t *)name, size);
		else
			put_text(out, name, strnlen(name, size));
	}
	return count;
}

static void
remark_names(gnutls_x509_crt_t crt, struct bytes names, struct buf *out)
{
	CLEANUP_BUF struct buf has = { 0 }, lacks = { 0 };

	buf_init(&has, MAX_NAMES * (MAX_NAME + 2));
	buf_init(&lacks, names.len * 2 + 1);
	if (put_names(crt, &has) == 0) {
		buf_put_str(out,
		    "it has no subject alternative name, so clients refuse it: get one with the names that they use\n");
		return;
	}
	while (names.len > 0) {
		const char *name = (const char *)names.p;
		size_t n = strnlen(name, names.len);

		if (n == names.len)
			break; /* without its NUL */
		if (gnutls_x509_crt_check_hostname(crt, name) == 0)
			buf_printf(
			    &lacks, "%s%s", lacks.len > 0 ? ", " : "", name);
		names.p += n + 1;
		names.len -= n + 1;
	}
	if (lacks.len > 0)
		buf_printf(out,
		    "it is not valid for %s, so clients that use that name refuse it; it is valid for %s\n",
		    buf_cstr(&lacks), buf_cstr(&has));
}

/* --- purpose, signature, chain ------------------------------------------ */

static void
remark_purpose(gnutls_x509_crt_t crt, struct buf *out)
{
	if (gnutls_x509_crt_check_key_purpose(
		crt, GNUTLS_KP_TLS_WWW_SERVER, 0) == 0)
		buf_put_str(out,
		    "it is not valid for servers (its extended key usage lacks serverAuth), so clients refuse it: get one for a server\n");
}

static bool
is_self_issued(gnutls_x509_crt_t crt)
{
	return gnutls_x509_crt_check_issuer(crt, crt) != 0;
}

static void
remark_signature(gnutls_x509_crt_t crt, struct buf *out)
{
	int s = gnutls_x509_crt_get_signature_algorithm(crt);
	const char *name =
	    s > 0 ? gnutls_sign_get_name((gnutls_sign_algorithm_t)s) : NULL;

	if (name != NULL && !is_self_issued(crt) &&
	    gnutls_sign_is_secure2((gnutls_sign_algorithm_t)s,
		GNUTLS_SIGN_FLAG_SECURE_FOR_CERTS) == 0)
		buf_printf(out,
		    "it is signed with %s, which clients refuse: have one made with SHA-256\n",
		    name);
}

/* An authority that says where its certificate is expects it to be sent. */
static bool
names_its_issuer(gnutls_x509_crt_t crt)
{
	for (unsigned i = 0; i < MAX_ENTRIES; i++) {
		gnutls_datum_t where = { NULL, 0 };
		int r = gnutls_x509_crt_get_authority_info_access(
		    crt, i, GNUTLS_IA_CAISSUERS_URI, &where, NULL);

		gnutls_free(where.data);
		if (r >= 0 || r == GNUTLS_E_REQUESTED_DATA_NOT_AVAILABLE)
			return r >= 0;
	}
	return false;
}

/* The order does not matter: GnuTLS sorts what it sends. */
static void
remark_chain(const gnutls_x509_crt_t *crt, unsigned count, struct buf *out)
{
	if (is_self_issued(crt[0]))
		return;
	for (unsigned i = 1; i < count; i++)
		if (gnutls_x509_crt_check_issuer(crt[0], crt[i]) != 0)
			return;
	if (count > 1)
		buf_put_str(out,
		    "none of the certificates after it is that of its issuer, so clients may be unable to verify it: put that one after it\n");
	else if (names_its_issuer(crt[0]))
		buf_put_str(out,
		    "the certificate of its issuer is missing, so many clients refuse it: use the file with the whole chain (fullchain.pem of certbot, not cert.pem)\n");
}

void
tlsadvice_remarks(struct bytes chain, struct bytes names, struct buf *out)
{
	gnutls_x509_crt_t crt[TLSADVICE_MAX_CERTS];
	unsigned count = TLSADVICE_MAX_CERTS;
	gnutls_datum_t d = datum_of(chain);

	if (gnutls_x509_crt_list_import(crt, &count, &d, GNUTLS_X509_FMT_PEM,
		GNUTLS_X509_CRT_LIST_IMPORT_FAIL_IF_EXCEED) <= 0)
		return;
	remark_names(crt[0], names, out);
	remark_purpose(crt[0], out);
	remark_signature(crt[0], out);
	remark_chain(crt, count, out);
	for (unsigned i = 0; i < count; i++)
		gnutls_x509_crt_deinit(crt[i]);
}
