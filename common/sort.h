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

#include <stddef.h>

/*
 * As qsort(3): O(n log n) whatever the order is, not stable (a comparison
 * that needs an order among equals must make one).
 */
void sort_items(void *base, size_t count, size_t size,
    int (*compare)(const void *a, const void *b));

#endif
