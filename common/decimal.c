/* SPDX-License-Identifier: MIT */
/* decimal: digits from the right, then from the left. */
#include "common/decimal.h"

#include <stddef.h>

char *
decimal_put(char *p, uint64_t n)
{
	char digits[DECIMAL_MAX];
	size_t i = 0;

	do
		digits[i++] = (char)('0' + n % 10);
	while ((n /= 10) > 0);
	while (i > 0)
		*p++ = digits[--i];
	*p = '\0';
	return p;
}

uint64_t
decimal_take(const char **text)
{
	uint64_t n = 0;

	for (; **text >= '0' && **text <= '9'; ++*text)
		n = n * 10 + (uint64_t)(**text - '0');
	return n;
}

pid_t
decimal_pid(const char *text)
{
	uint64_t n = decimal_take(&text);

	return *text == '\0' && n <= INT32_MAX ? (pid_t)n : 0;
}
