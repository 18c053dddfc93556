/* SPDX-License-Identifier: MIT */
/* loginuid: which audit login uid is whose.  Executor and mcp-execctl. */
#include "executor/audit/loginuid.h"

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
