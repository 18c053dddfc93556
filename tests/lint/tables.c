/* SPDX-License-Identifier: MIT */
/*
 * tables: what the executor's const tables hold, for tests/lint/keys.
 *
 * A line a row, with tabs: "key", format, path, kind, lowest, highest; or the
 * kind of a name, and the name.  Linked with the executor's own modules, so
 * that no lint has to understand C.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "executor/confine/confine.h"
#include "executor/confine/profiles.h"
#include "executor/confine/syscall_group.h"
#include "executor/policy/policy.h"
#include "executor/policy/token.h"
#include "executor/policy/toolparam.h"

static const char *const kinds[] = {
	[KEYS_U32] = "u32",
	[KEYS_U64] = "u64",
	[KEYS_STRING] = "string",
	[KEYS_OBJECT] = "object",
	[KEYS_VALUE] = "value",
};

static void
print_table(const char *format, const struct key *k, const char *prefix)
{
	char path[128];

	for (; k->name != NULL; k++) {
		(void)snprintf(path, sizeof(path), "%s%s%s", prefix,
		    prefix[0] == '\0' ? "" : ".", k->name);
		(void)printf("key\t%s\t%s\t%s\t%" PRIu64 "\t%" PRIu64 "\n",
		    format, path, kinds[k->type], k->lo, k->hi);
		if (k->type == KEYS_OBJECT)
			print_table(format, k->sub, path);
	}
}

static void
print_names(void)
{
	for (unsigned i = 0; i < CONFINE_LAYERS; i++)
		(void)printf("layer\t%s\n", confine_layer_name(1U << i));
	for (unsigned i = CONFINE_NONE; i <= CONFINE_HOST; i++)
		(void)printf("network\t%s\n",
		    confine_network_name((enum confine_network)i));
	for (size_t i = 0; profile_at(i) != NULL; i++)
		(void)printf("profile\t%s\n", profile_at(i)->name);
	for (size_t i = 0; syscall_group_at(i) != NULL; i++)
		(void)printf("group\t%s\n", syscall_group_at(i)->name);
}

int
main(void)
{
	print_table("mcp-execd", conf_key_table(), "");
	print_table("policy", policy_key_table(), "");
	print_table("token", token_key_table(), "");
	print_table("tool", tooldef_key_table(), "");
	print_table("parameter", toolparam_key_table(), "");
	print_names();
	return 0;
}
