/* SPDX-License-Identifier: MIT */
/*
 * unlocked: UNLOCKED is defined in builds for sanitizers and valgrind.  What
 * those look for, a system call filter and Landlock hide.
 */
#ifndef COMMON_UNLOCKED_H
#define COMMON_UNLOCKED_H

#if defined(__SANITIZE_ADDRESS__) && !defined(UNLOCKED)
#define UNLOCKED
#endif
#if defined(__has_feature) && !defined(UNLOCKED)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define UNLOCKED
#endif
#endif

#endif
