/* SPDX-License-Identifier: MIT */
/* policydir: files to policies, in steps.  Executor and mcp-execctl. */
#include "executor/policy/elevation.h"
#include "executor/policy/policydir.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdio.h"
#include "executor/conf/keys.h"

struct policydir {
	char dir[PATH_MAX];
	const struct tooldef_table *tools;
	struct conf_report *report;
	unsigned before; /* findings that were there */
	char name[POLICY_MAX_POLICIES][POLICY_MAX_NAME];
	size_t names, next;
	struct policy_table table;
};

static bool
list_one(void *arg, const char *path, struct bytes name)
{
	struct policydir *d = arg;
	struct err e;

	if (!policy_name_ok(name)) {
		keys_complain_path(d->report, path,
		    "a policy's name is 1 to 63 of A-Z a-z 0-9 _ . - : rename the file");
		return true;
	}
	if (d->names == POLICY_MAX_POLICIES) {
		keys_complain_path(d->report, path,
		    "more than %d policies: remove some", POLICY_MAX_POLICIES);
		return false;
	}
	if (bytes_to_str(name, d->name[d->names], POLICY_MAX_NAME, &e) == 0)
		d->names++;
	return true;
}

struct policydir *
policydir_begin(const char *dir, const struct tooldef_table *tools,
    struct conf_report *r, struct err *e)
{
	struct policydir *d = err_alloc(1, sizeof(*d), e);
	struct err bad;

	if (d == NULL)
		return NULL;
	(void)snprintf(d->dir, sizeof(d->dir), "%s", dir);
	d->tools = tools;
	d->report = r;
	d->before = r->count;
	if (keys_each_file(dir, list_one, d, &bad) != 0)
		keys_complain_path(r, dir,
		    "%s: create the directory, or set \"policy_dir\"",
		    bad.sysno != 0 ? strerror(bad.sysno) : bad.what);
	return d;
}

static void
load_one(struct policydir *d)
{
	char file[POLICY_MAX_NAME + sizeof(".json")], path[PATH_MAX];
	const char *name = d->name[d->next++];
	unsigned before = d->report->count;
	CLEANUP_BUF struct buf text;
	struct policy *p;
	struct err e;

	buf_init(&text, KEYS_MAX_FILE);
	(void)snprintf(file, sizeof(file), "%s.json", name);
	if (fdio_join(path, sizeof(path), d->dir, file, &e) != 0) {
		keys_complain_path(d->report, d->dir, "%s", e.what);
		return;
	}
	if (!keys_read_file(path, &text, d->report))
		return;
	if ((policy_parse(path, name, buf_bytes(&text), d->tools, &p, d->report,
		 &e) != 0 ||
		policy_table_add(&d->table, p, &e) != 0) &&
	    d->report->count == before) /* not the file's fault: memory */
		keys_complain_path(d->report, path, "%s", e.what);
}

bool
policydir_step(struct policydir *d, uint32_t microseconds)
{
	uint64_t end = clock_mono_ns() + (uint64_t)microseconds * 1000;

	while (d->next < d->names) {
		load_one(d);
		if (clock_mono_ns() >= end)
			break;
	}
	return d->next == d->names;
}

int
policydir_end(struct policydir *d, struct policy_table *out, struct err *e)
{
	int rc;

	elevation_link(&d->table, d->dir, d->report);
	rc = keys_verdict(d->report, d->before, d->dir, e);

	if (rc == 0) {
		*out = d->table;
		d->table = (struct policy_table){ .count = 0 };
	} else {
		*out = (struct policy_table){ .count = 0 };
	}
	policydir_free(d);
	return rc;
}

void
policydir_end_with(struct policydir *d, struct policy_table *out)
{
	elevation_link(&d->table, d->dir, d->report);
	*out = d->table;
	d->table = (struct policy_table){ .count = 0 };
	policydir_free(d);
}

void
policydir_free(struct policydir *d)
{
	if (d == NULL)
		return;
	policy_table_fini(&d->table);
	free(d);
}

int
policydir_load(const char *dir, const struct tooldef_table *tools,
    struct policy_table *out, struct conf_report *r, struct err *e)
{
	struct policydir *d = policydir_begin(dir, tools, r, e);

	out->count = 0;
	if (d == NULL)
		return e->code;
	while (!policydir_step(d, UINT32_MAX))
		;
	return policydir_end(d, out, e);
}
