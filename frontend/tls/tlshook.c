/* SPDX-License-Identifier: MIT */
/* tlshook: functions of GnuTLS in whose place the frontend's own stand. */
#include "frontend/tls/tlshook.h"

#include <dlfcn.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "common/log.h"

static struct {
	int (*handshake)(gnutls_session_t session);
} self;

int
tlshook_prepare(struct err *e)
{
	void *found = dlsym(RTLD_NEXT, "gnutls_handshake");

	if (found == NULL)
		return err_set(e, ERR_SYS, "GnuTLS has no gnutls_handshake");
	memcpy(&self.handshake, &found, sizeof(found));
	return 0;
}

/* Does the other side still speak TLS, so that it reads what went wrong? */
static bool
is_told(int r)
{
	return gnutls_error_is_fatal(r) != 0 &&
	       r != GNUTLS_E_PREMATURE_TERMINATION &&
	       r != GNUTLS_E_PULL_ERROR && r != GNUTLS_E_PUSH_ERROR &&
	       r != GNUTLS_E_SESSION_EOF && r != GNUTLS_E_FATAL_ALERT_RECEIVED;
}

static void
send_alert(gnutls_session_t session, int r)
{
	if (is_told(r))
		(void)gnutls_alert_send_appropriate(session, r);
}

/*
 * A client that has Nagle's algorithm on does not send its request until its
 * part of the handshake is acknowledged, which the kernel would put off for
 * 40 ms, as none of our answers may go along with it.
 */
static void
acknowledge_warning(gnutls_session_t session)
{
	gnutls_transport_ptr_t from, to;
	int yes = 1;

	gnutls_transport_get_ptr2(session, &from, &to);
	(void)setsockopt(
	    (int)(intptr_t)to, IPPROTO_TCP, TCP_QUICKACK, &yes, sizeof(yes));
}

/* In the place of GnuTLS' own. */
int
gnutls_handshake(gnutls_session_t session)
{
	int r;

	if (self.handshake == NULL)
		fatal("tlshook: a handshake came too early");
	r = self.handshake(session);
	if (r == GNUTLS_E_SUCCESS)
		acknowledge_warning(session);
	else
		send_alert(session, r);
	return r;
}

static ssize_t
as_error(ssize_t n)
{
	return n == TLSHOOK_LATER ? GNUTLS_E_AGAIN
				  : GNUTLS_E_PREMATURE_TERMINATION;
}

/* In the place of GnuTLS' own. */
ssize_t
gnutls_record_recv(gnutls_session_t session, void *data, size_t data_size)
{
	unsigned char sequence[8];
	struct tlshook *hook = gnutls_transport_get_ptr(session);
	ssize_t n;

	n = hook->ask != NULL ? hook->ask(hook->arg) : 0;
	if (n < 0)
		return as_error(n);
	n = gnutls_record_recv_seq(session, data, data_size, sequence);
	if (n < 0)
		send_alert(session, (int)n);
	if (n > 0)
		hook->unseen = 0;
	if (n <= 0 || hook->take == NULL)
		return n;
	n = hook->take(hook->arg, data, (size_t)n);
	return n < 0 ? as_error(n) : n;
}
