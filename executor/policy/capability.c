/* SPDX-License-Identifier: MIT */
/* capability: const tables, capabilities(7).  Executor and mcp-execctl. */
#include "executor/policy/capability.h"

#include <linux/capability.h>

#define BIT(cap) ((uint64_t)1 << (cap))

/* By number, as the kernel has them. */
static const char *const names[] = { "cap_chown", "cap_dac_override",
	"cap_dac_read_search", "cap_fowner", "cap_fsetid", "cap_kill",
	"cap_setgid", "cap_setuid", "cap_setpcap", "cap_linux_immutable",
	"cap_net_bind_service", "cap_net_broadcast", "cap_net_admin",
	"cap_net_raw", "cap_ipc_lock", "cap_ipc_owner", "cap_sys_module",
	"cap_sys_rawio", "cap_sys_chroot", "cap_sys_ptrace", "cap_sys_pacct",
	"cap_sys_admin", "cap_sys_boot", "cap_sys_nice", "cap_sys_resource",
	"cap_sys_time", "cap_sys_tty_config", "cap_mknod", "cap_lease",
	"cap_audit_write", "cap_audit_control", "cap_setfcap",
	"cap_mac_override", "cap_mac_admin", "cap_syslog", "cap_wake_alarm",
	"cap_block_suspend", "cap_audit_read", "cap_perfmon", "cap_bpf",
	"cap_checkpoint_restore" };

enum { NAMES = sizeof(names) / sizeof(names[0]) };

static const struct capability_set sets[] = {
	/* dpkg and rpm give files to others, and apt becomes _apt to fetch */
	{ "@packages",
	    "files of everybody in what may be written, set-user-ID programs of root among them",
	    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_FOWNER) |
		BIT(CAP_FSETID) | BIT(CAP_KILL) | BIT(CAP_SETGID) |
		BIT(CAP_SETUID) | BIT(CAP_SETFCAP) },
	/* a daemon that is started from a run, as its own account */
	{ "@services",
	    "the ids of every account, root's among them, in what the run sees; ports below 1024",
	    BIT(CAP_CHOWN) | BIT(CAP_DAC_OVERRIDE) | BIT(CAP_KILL) |
		BIT(CAP_SETGID) | BIT(CAP_SETUID) | BIT(CAP_NET_BIND_SERVICE) },
	/* ping, traceroute and port scanners; addresses, routes, firewall */
	{ "@network-tools",
	    "forged packets, and with network host the machine's addresses, routes and firewall",
	    BIT(CAP_NET_RAW) | BIT(CAP_NET_ADMIN) | BIT(CAP_NET_BIND_SERVICE) },
};

const struct capability_set *
capability_set_at(size_t i)
{
	return i < sizeof(sets) / sizeof(sets[0]) ? &sets[i] : NULL;
}

static uint8_t
fold_case(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

static bool
is_name(struct bytes text, const char *name)
{
	size_t i;

	for (i = 0; i < text.len && name[i] != '\0'; i++)
		if (fold_case(text.p[i]) != (uint8_t)name[i])
			return false;
	return i == text.len && name[i] == '\0';
}

uint64_t
capability_find(struct bytes name)
{
	const struct capability_set *s;
	size_t i;

	for (i = 0; (s = capability_set_at(i)) != NULL; i++)
		if (bytes_eq_str(name, s->name))
			return s->bits;
	for (i = 0; i < NAMES; i++)
		if (is_name(name, names[i]))
			return BIT(i);
	return 0;
}

const char *
capability_name(unsigned bit)
{
	return bit < NAMES ? names[bit] : NULL;
}

/*
 * Namespaces and mounts; kernel memory, modules and devices; other processes,
 * also by file handles; the record (login uid, audit); the label of the run.
 */
uint64_t
capability_escapes(void)
{
	return BIT(CAP_SYS_ADMIN) | BIT(CAP_SYS_MODULE) | BIT(CAP_SYS_RAWIO) |
	       BIT(CAP_SYS_BOOT) | BIT(CAP_SYS_CHROOT) | BIT(CAP_SYS_PTRACE) |
	       BIT(CAP_SYS_TIME) | BIT(CAP_SYS_RESOURCE) | BIT(CAP_SYS_PACCT) |
	       BIT(CAP_DAC_READ_SEARCH) | BIT(CAP_MKNOD) | BIT(CAP_SETPCAP) |
	       BIT(CAP_LINUX_IMMUTABLE) | BIT(CAP_AUDIT_CONTROL) |
	       BIT(CAP_AUDIT_WRITE) | BIT(CAP_AUDIT_READ) |
	       BIT(CAP_MAC_OVERRIDE) | BIT(CAP_MAC_ADMIN) | BIT(CAP_SYSLOG) |
	       BIT(CAP_BLOCK_SUSPEND) | BIT(CAP_PERFMON) | BIT(CAP_BPF) |
	       BIT(CAP_CHECKPOINT_RESTORE);
}

void
capability_list(uint64_t bits, struct buf *out)
{
	size_t i, n = 0;

	for (i = 0; i < NAMES; i++)
		if ((bits & BIT(i)) != 0)
			buf_printf(out, "%s%s", n++ > 0 ? "," : "", names[i]);
	if (n == 0)
		buf_put_str(out, "none");
}
