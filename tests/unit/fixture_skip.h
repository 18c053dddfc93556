/* SPDX-License-Identifier: MIT */
/* fixture_skip: leave a test out, and say why; cmocka.h comes first. */
#ifndef TESTS_UNIT_FIXTURE_SKIP_H
#define TESTS_UNIT_FIXTURE_SKIP_H

#define SKIP(why)                                                              \
	do {                                                                   \
		print_message("%s\n", why);                                    \
		skip();                                                        \
	} while (0)

#endif
