/* SPDX-License-Identifier: MIT */
/* decimal: digits from the right, then from the left. */
#include "common/decimal.h"

#include <stddef.h>

char *
decimal_put(char *p, uint32_t n)
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

pid_t
decimal_pid(const char *text)
{
	pid_t n = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		n = n * 10 + (*text - '0');
	return *text == '\0' ? n : 0;
}
