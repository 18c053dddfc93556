/* SPDX-License-Identifier: MIT */
/*
 * inplace: functions of the C library that the libraries of this program call,
 * in their place, where the original needs a system call that the frontend
 * does not have.
 *
 * A shared library's call goes to the program's own function if there is one.
 *
 * qsort(3)   of glibc before 2.37 asks sysinfo(2); GnuTLS and libtasn1 sort.
 * sendmsg(2) could pass a listener on to a client of a UNIX socket, and a
 *	      filter cannot see what a message carries; libmicrohttpd sends
 *	      head and body with it, which writev(2) does as well.
 */
#ifndef FRONTEND_INPLACE_H
#define FRONTEND_INPLACE_H

#include "common/err.h"

/* ERR_SYS if the libraries would not come to our functions. */
int inplace_check(struct err *e) MUST_CHECK;

#endif
