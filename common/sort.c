/* SPDX-License-Identifier: MIT */
/* sort: heapsort, so that no input makes it slow or deep. */
#include "common/sort.h"

#include <string.h>

enum { SORT_CHUNK = 64 /* bytes swapped at a time */ };

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
sort_begin(struct sort *s, void *base, size_t count, size_t size,
    int (*compare)(const void *a, const void *b))
{
	*s = (struct sort){ base, size, compare, count / 2, count };
}

bool
sort_step(struct sort *s)
{
	if (s->unheaped > 0) {
		s->unheaped--;
		sort_sink(s, s->unheaped, s->unsorted);
	} else if (s->unsorted > 1) {
		s->unsorted--;
		sort_swap(s, 0, s->unsorted);
		sort_sink(s, 0, s->unsorted);
	}
	return s->unheaped > 0 || s->unsorted > 1;
}

void
sort_items(void *base, size_t count, size_t size,
    int (*compare)(const void *a, const void *b))
{
	struct sort s;

	sort_begin(&s, base, count, size, compare);
	while (sort_step(&s))
		;
}
