/* SPDX-License-Identifier: MIT */
/*
 * envname: which variables of the environment somebody may choose.
 *
 * Executor and mcp-execctl.  Many make some program run code, load a library
 * or read another configuration: a caller may never set those, whatever a
 * policy says; some of them a policy may give a value of its own.
 */
#ifndef EXECUTOR_ENVNAME_H
#define EXECUTOR_ENVNAME_H

#include "common/bytes.h"

enum { ENVNAME_MAX_NAME = 128 };

enum envname_rule {
	ENVNAME_FREE, /* a caller's, where the policy allows its name */
	ENVNAME_FIXED, /* a policy's alone */
	ENVNAME_NEVER /* nobody's */
};

enum envname_rule envname_check(struct bytes name);
bool envname_is_name(struct bytes name);

#endif
