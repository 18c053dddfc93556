/* SPDX-License-Identifier: MIT */
/* loginuid: audit login uids.  Executor, guard and mcp-execctl. */
#include "executor/audit/loginuid.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "common/decimal.h"
#include "common/digest.h"

static struct {
	uint32_t first, last;
} self = { LOGINUID_FIRST, LOGINUID_LAST };

void
loginuid_reserve(uint32_t first, uint32_t last)
{
	self.first = first;
	self.last = last;
}

bool
loginuid_reserved(uint32_t uid)
{
	return uid >= self.first && uid <= self.last;
}

uint32_t
loginuid_of(const char *name)
{
	struct bytes domain = BYTES_LIT("mcp-execd login uid v1");
	uint8_t sum[DIGEST_BYTES];
	struct digest d;
	uint64_t n = 0;
	size_t i;

	digest_init(&d);
	digest_update(&d, bytes_make(domain.p, domain.len + 1));
	digest_update(&d, bytes_of(name));
	digest_final(&d, sum);
	for (i = 0; i < sizeof(n); i++)
		n = n << 8 | sum[i];
	return self.first +
	       (uint32_t)(n % ((uint64_t)self.last - self.first + 1));
}

/*
 * Of a process that is not dumpable, as we are not, these files belong to
 * root: without privileges it has to be that for a moment.
 */
static int
open_own(void)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC), error;

	if (fd != -1 || errno != EACCES)
		return fd;
	(void)prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
	fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	error = errno;
	(void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	errno = error;
	return fd;
}

int
loginuid_set(uint32_t uid)
{
	char text[DECIMAL_MAX];
	size_t len = (size_t)(decimal_put(text, uid) - text);
	int fd = open_own(), r = 0;

	if (fd == -1)
		return -errno;
	if (write(fd, text, len) != (ssize_t)len)
		r = -errno;
	(void)close(fd);
	return r;
}

/* A number as a file of /proc has it. */
static uint32_t
read_number(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint32_t n = 0;
	char text[10];
	ssize_t len, i;

	if (fd == -1)
		return LOGINUID_UNSET;
	len = read(fd, text, sizeof(text));
	(void)close(fd);
	for (i = 0; i < len && text[i] >= '0' && text[i] <= '9'; i++)
		n = 10 * n + (uint32_t)(text[i] - '0');
	return i > 0 ? n : LOGINUID_UNSET;
}

uint32_t
loginuid_get(void)
{
	return read_number("/proc/self/loginuid");
}

uint32_t
loginuid_session(void)
{
	return read_number("/proc/self/sessionid");
}
