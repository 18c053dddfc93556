/* SPDX-License-Identifier: MIT */
/* sort: heapsort, so that no input makes it slow or deep. */
#include "common/sort.h"

#include <string.h>

enum { SORT_CHUNK = 64 /* bytes swapped at a time */ };

struct sort {
	char *base;
	size_t size;
	int (*compare)(const void *a, const void *b);
};

static char *
sort_at(const struct sort *s, size_t i)
{
	return s->base + i * s->size;
}

static void
sort_swap(const struct sort *s, size_t i, size_t j)
{
	char *a = sort_at(s, i), *b = sort_at(s, j), t[SORT_CHUNK];

	for (size_t left = s->size; left > 0;) {
		size_t n = left < sizeof(t) ? left : sizeof(t);

		(void)memcpy(t, a, n);
		(void)memcpy(a, b, n);
		(void)memcpy(b, t, n);
		a += n;
		b += n;
		left -= n;
	}
}

/* Let the item at i sink until no child is greater; count are in the heap. */
static void
sort_sink(const struct sort *s, size_t i, size_t count)
{
	size_t child;

	while ((child = 2 * i + 1) < count) {
		if (child + 1 < count &&
		    s->compare(sort_at(s, child), sort_at(s, child + 1)) < 0)
			child++;
		if (s->compare(sort_at(s, i), sort_at(s, child)) >= 0)
			return;
		sort_swap(s, i, child);
		i = child;
	}
}

void
sort_items(void *base, size_t count, size_t size,
    int (*compare)(const void *a, const void *b))
{
	const struct sort s = { base, size, compare };

	for (size_t i = count / 2; i > 0; i--)
		sort_sink(&s, i - 1, count);
	for (size_t n = count; n > 1; n--) {
		sort_swap(&s, 0, n - 1);
		sort_sink(&s, 0, n - 1);
	}
}
