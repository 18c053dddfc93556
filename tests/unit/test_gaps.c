/* SPDX-License-Identifier: MIT */
/* What an older Landlock leaves open, and which layer is said to keep it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "executor/confine/confine.h"

enum {
	FILTERED = CONFINE_LANDLOCK | CONFINE_SECCOMP,
	WALLED = FILTERED | CONFINE_MOUNTS | CONFINE_PIDS
};

static const struct {
	const char *gap;
	enum confine_network network;
	unsigned layers;
	bool sockets;
	const char *keeper; /* NULL: nothing is asked of it */
} rows[] = {
	{ "connect_tcp", CONFINE_NONE, WALLED | CONFINE_NET, false, "network" },
	{ "connect_tcp", CONFINE_LOOK, WALLED, false, "seccomp" },
	{ "bind_tcp", CONFINE_LOOK, WALLED, true, "seccomp" },
	{ "connect_tcp", CONFINE_LOOK, CONFINE_LANDLOCK, false, "" },
	{ "connect_tcp", CONFINE_NONE, FILTERED, false, "" },
	{ "connect_tcp", CONFINE_HOST, WALLED, false, NULL },
	{ "scope_abstract", CONFINE_LOOK, WALLED, false, "seccomp" },
	{ "scope_abstract", CONFINE_LOOK, WALLED, true, "" },
	{ "scope_abstract", CONFINE_HOST, WALLED, false, "" },
	{ "scope_abstract", CONFINE_LOOPBACK, WALLED | CONFINE_NET, true,
	    "network" },
	{ "scope_signal", CONFINE_HOST, WALLED, false, "pids" },
	{ "scope_signal", CONFINE_HOST, FILTERED, false, "" },
	{ "truncate", CONFINE_LOOK, WALLED, false, "mounts" },
	{ "truncate", CONFINE_LOOK, FILTERED, false, "" },
};

static const struct confine_gap *
find_gap(const struct landlock_support *s, const char *name)
{
	const struct confine_gap *g;
	size_t i;

	for (i = 0; (g = confine_gap(s, i)) != NULL; i++)
		if (strcmp(g->name, name) == 0)
			return g;
	return NULL;
}

static void
test_keeper_is_a_layer_in_force(void **state)
{
	static const struct landlock_support nothing = { .abi = 1 };
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct confine c = { .network = rows[i].network,
			.layers = rows[i].layers,
			.sockets = rows[i].sockets };
		const char *keeper =
		    confine_gap_keeper(&c, find_gap(&nothing, rows[i].gap));

		if (rows[i].keeper == NULL)
			assert_null(keeper);
		else
			assert_string_equal(keeper, rows[i].keeper);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_keeper_is_a_layer_in_force),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
