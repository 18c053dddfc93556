/* SPDX-License-Identifier: MIT */
/*
 * defined: tools that the administrator defined, as the executor told them.
 *
 * Frontend.  Put together from TOOL, PARAM and SCHEMA, then immutable and
 * reference-counted: the configuration that named it may be gone before a
 * call of it has ended.
 */
#ifndef FRONTEND_DEFINED_H
#define FRONTEND_DEFINED_H

#include "common/param.h"
#include "frontend/link/catalog.h"

enum {
	DEFINED_MAX_PARAMS = 32,
	DEFINED_MAX_SCHEMA = 1 << 20 /* bytes */
};

struct defined;

/* One handler per frame; ERR_PROTO or ERR_BUSY on what cannot be. */
struct defined *defined_new(const struct msg_tool *m, struct err *e) MUST_CHECK;
int defined_add_param(
    struct defined *d, const struct msg_param *m, struct err *e) MUST_CHECK;
int defined_add_schema(
    struct defined *d, const struct msg_schema *m, struct err *e) MUST_CHECK;
/* That was all of it. */
int defined_finish(struct defined *d, struct err *e) MUST_CHECK;
/* As an entry of the catalog; lives as long as a reference does. */
const struct catalog_tool *defined_tool(const struct defined *d);

/* Both take NULL: a tool that is built in. */
void defined_ref(struct defined *d);
void defined_unref(struct defined *d);

#endif
