/* SPDX-License-Identifier: MIT */
/*
 * sort: in place, without memory and without a system call; every process.
 *
 * qsort(3) of glibc before 2.37 asks sysinfo(2) how much memory there is, at
 * the first array of more than 1 KiB: behind a system call filter that ends
 * the process.  This one may be called anywhere, also after fork.
 */
#ifndef COMMON_SORT_H
#define COMMON_SORT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * As qsort(3): O(n log n) whatever the order is, not stable (a comparison
 * that needs an order among equals must make one).
 */
void sort_items(void *base, size_t count, size_t size,
    int (*compare)(const void *a, const void *b));

/* The same, an item at a time, for a loop with other work.  All private. */
struct sort {
	char *base; /* borrowed; not to be touched until it is sorted */
	size_t size;
	int (*compare)(const void *a, const void *b);
	size_t unheaped; /* items at the front that are not in the heap yet */
	size_t unsorted; /* items at the front that are not in place yet */
};

void sort_begin(struct sort *s, void *base, size_t count, size_t size,
    int (*compare)(const void *a, const void *b));
/* Move one item, O(log n); false: all are sorted. */
bool sort_step(struct sort *s);

#endif
