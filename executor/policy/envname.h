/* SPDX-License-Identifier: MIT */
/*
 * variable: which variables of the environment somebody may choose.
 *
 * Executor and mcp-execctl.  Many make some program run code, load a library
 * or read another configuration: a caller may never set those, whatever a
 * policy says; some of them a policy may give a value of its own.
 */
#ifndef EXECUTOR_VARIABLE_H
#define EXECUTOR_VARIABLE_H

#include "common/bytes.h"

enum { VARIABLE_MAX_NAME = 128 };

enum variable_rule {
	VARIABLE_FREE, /* a caller's, where the policy allows its name */
	VARIABLE_FIXED, /* a policy's alone */
	VARIABLE_NEVER /* nobody's */
};

enum variable_rule variable_check(struct bytes name);
bool variable_is_name(struct bytes name);

#endif
