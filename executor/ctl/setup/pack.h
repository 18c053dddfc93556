/* SPDX-License-Identifier: MIT */
/*
 * pack: tools that come with the program, and the policies that they run under:
 * DIR/tools.d/PACK/tools.d/NAME.json, .../policies.d/NAME.json.  mcp-execctl.
 */
#ifndef EXECUTOR_CTL_SETUP_PACK_H
#define EXECUTOR_CTL_SETUP_PACK_H

#include "executor/ctl/setup/changes.h"

enum { PACK_MAX_SERVICES = 64 };

/* Units that a tool's list is made of, as on a command line. */
struct pack_services {
	char name[PACK_MAX_SERVICES][256]; /* systemd's limit, with the NUL */
	size_t count;
};

/* "nginx" is nginx.service; ERR_BAD: not the name of a unit. */
int pack_services_add(
    struct pack_services *s, const char *text, struct err *e) MUST_CHECK;
/*
 * Is there a file of this unit, or of its template, where systemd looks?  Below
 * root, which ends without a slash; true as well where systemd does not run.
 */
bool pack_unit_known(const char *root, const char *unit);
/*
 * Add each file of the pack, under its path in c's configuration, to *changes:
 * to be written or, with `remove`, to be removed.  A pack whose tools have a
 * list of services needs at least one, and no other takes any.  A service that
 * is not there is said, and listed: its package may come later.
 */
int pack_collect(const struct ctl *c, const char *data, const char *pack,
    const struct pack_services *s, bool remove, struct changes *changes,
    struct err *e) MUST_CHECK;
/* Where *e is a file of --from that is not there, what to do; its code. */
int pack_advise(struct err *e);
/* Call fn for each pack below data until it returns false. */
int pack_each(const char *data, bool (*fn)(void *arg, const char *name),
    void *arg, struct err *e) MUST_CHECK;
/* data/tools.d/pack/KIND */
int pack_path(const char *data, const char *pack, const char *kind,
    char out[PATH_MAX], struct err *e) MUST_CHECK;

#endif
