/* SPDX-License-Identifier: MIT */
/*
 * scan: a connection's requests byte by byte, before the HTTP library reads
 * them: where each begins and ends.
 *
 * Frontend, untrusted input, pure.  Only what RFC 9112 lets a client write
 * goes on.  The library is lenient (it ends a line at a bare LF, and text at a
 * NUL), and a proxy in front may be so in another way: what two parsers could
 * read differently is refused, and nothing of it reaches the library.
 */
#ifndef FRONTEND_SCAN_H
#define FRONTEND_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	SCAN_WORD = 20, /* bytes of a name or value that is looked at */
	SCAN_MAX_EXTENSION = 256, /* bytes of a chunk's extension */
	SCAN_MAX_FIELDS = 100, /* headers of one request */
	SCAN_MAX_PARTS = 64 /* of a query or cookie: the library keeps each */
};

/* All zeros but `most`: at the beginning of a connection. */
struct scan {
	size_t most; /* bytes of a head; 0: any number */
	size_t head; /* of this one, until now */
	unsigned state;
	uint32_t heads; /* that are complete */
	uint32_t whole; /* requests that are, with their bodies */
	uint64_t left; /* of the body or chunk; digits' value */
	uint16_t count; /* characters of what is being read */
	uint8_t blanks; /* empty lines before the request */
	uint8_t field; /* the header, if it is one of ours */
	uint8_t parts; /* of the query or cookie, so far */
	uint8_t fields; /* headers, so far */
	bool http11, has_host, has_length, chunked;
	bool ended; /* the value is: only blanks may follow */
	char word[SCAN_WORD]; /* in lower case */
};

/*
 * Go on with n bytes: NULL, or what is wrong with them, for a person to read;
 * *good is the number of bytes that came before the request with the fault.
 * After a fault nothing more may be fed.
 */
const char *scan_feed(struct scan *s, const uint8_t *p, size_t n, size_t *good);
/* The status that answers a fault, as in a status line (RFC 9110 section 15.5). */
const char *scan_status(const char *fault);
/* Is it in the body of a request, whose head is complete? */
bool scan_is_in_body(const struct scan *s);
/* Is the connection between two requests? */
bool scan_is_between(const struct scan *s);

#endif
