/* SPDX-License-Identifier: MIT */
/* policydiff: what became of the policies between two loads.  Executor. */
#include "executor/policy/policydiff.h"

#include <string.h>

static bool
is_so(
    const struct policy *old, const struct policy *fresh, enum policydiff what)
{
	switch (what) {
	case POLICYDIFF_ADDED:
		return old == NULL && fresh != NULL;
	case POLICYDIFF_REMOVED:
		return old != NULL && fresh == NULL;
	case POLICYDIFF_CHANGED:
		break;
	}
	return old != NULL && fresh != NULL &&
	       memcmp(old->text_digest, fresh->text_digest, DIGEST_BYTES) != 0;
}

void
policydiff_names(const struct policy_table *before,
    const struct policy_table *now, enum policydiff what, struct buf *out)
{
	const struct policy_table *t =
	    what == POLICYDIFF_REMOVED ? before : now;

	for (size_t i = 0; i < t->count; i++) {
		struct bytes name = bytes_of(t->p[i]->name);

		if (is_so(policy_find(before, name), policy_find(now, name),
			what))
			buf_put(out, name.p, name.len + 1);
	}
}

void
policydiff_digest(const struct policy_table *t, uint8_t out[DIGEST_BYTES])
{
	struct digest sum;

	digest_init(&sum);
	for (size_t i = 0; i < t->count; i++)
		digest_update(
		    &sum, bytes_make(t->p[i]->text_digest, DIGEST_BYTES));
	digest_final(&sum, out);
}
