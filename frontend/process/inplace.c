/* SPDX-License-Identifier: MIT */
/* inplace: replaces functions of the C library (frontend). */
#include "frontend/process/inplace.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "common/sort.h"

void
qsort(void *base, size_t nmemb, size_t size,
    int (*compar)(const void *a, const void *b))
{
	sort_items(base, nmemb, size, compar);
}

/*
 * Sockets here do not block, and SIGPIPE is ignored, so the flags say nothing
 * more; MSG_MORE is a wish.
 */
ssize_t
sendmsg(int fd, const struct msghdr *message, int flags)
{
	const int known = MSG_DONTWAIT | MSG_NOSIGNAL | MSG_MORE;

	if (message->msg_name != NULL || message->msg_controllen != 0 ||
	    (flags & ~known) != 0) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return writev(fd, message->msg_iov, (int)message->msg_iovlen);
}

/* Is this what a library finds under the name? */
static bool
is_ours(const char *name, void (*ours)(void))
{
	void *found = dlsym(RTLD_DEFAULT, name);

	return memcmp(&found, &ours, sizeof(found)) == 0;
}

int
inplace_check(struct err *e)
{
	if (!is_ours("qsort", (void (*)(void))qsort) ||
	    !is_ours("sendmsg", (void (*)(void))sendmsg))
		return err_set(e, ERR_SYS,
		    "the program's functions do not take the place of the C library's: it was linked in another way than the Makefile does");
	return 0;
}
