/* SPDX-License-Identifier: MIT */
/* test_unseen: which programs are told to lack what, and when nothing is. */
#include <linux/capability.h>
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "common/cleanup.h"
#include "common/told.h"
#include "executor/run/unseen.h"
#include "tests/unit/fixture_skip.h"

static struct policy policy;

/* A root of its own, with process ids and a network of its own. */
static int
begin(void **state)
{
	(void)state;
	memset(&policy, 0, sizeof(policy));
	(void)snprintf(policy.name, sizeof(policy.name), "p");
	policy.confine.layers = CONFINE_MOUNTS | CONFINE_PIDS | CONFINE_NET;
	mounts_init(&policy.confine.mounts);
	return 0;
}

static int
end(void **state)
{
	(void)state;
	mounts_fini(&policy.confine.mounts);
	return 0;
}

static void
show(enum mounts_kind kind, const char *path)
{
	struct err e;

	assert_int_equal(
	    mounts_add(&policy.confine.mounts, kind, path, false, &e), 0);
	assert_int_equal(mounts_done(&policy.confine.mounts, &e), 0);
}

/* words: in what is told; "": nothing is. */
static void
expect(const struct unseen *u, const char *words)
{
	CLEANUP_BUF struct buf out;

	buf_init(&out, 8192);
	unseen_tell(u, &policy, &out);
	if (words[0] == '\0')
		assert_string_equal(buf_cstr(&out), "");
	else if (strstr(buf_cstr(&out), words) == NULL)
		fail_msg("no \"%s\" in: %s", words, buf_cstr(&out));
}

static void
expect_of(const char *path, const char *words)
{
	struct unseen u = { .started = { 0 } };

	(void)unseen_note(&u, path);
	expect(&u, words);
}

static void
test_own_view(void **state)
{
	(void)state;
	expect_of("/usr/bin/ps", "ps: only this command's own processes");
	expect_of("ps", "(policy p, key processes)");
	expect_of("/bin/df", "key files.read");
	expect_of("/usr/sbin/ss", "key network");
	expect_of("/usr/bin/true", "");
	expect_of("/usr/bin/psx", "");
	expect_of("/usr/bin/p", "");
	expect_of("/ps/", "");
	expect_of("", "");
}

static void
test_shown(void **state)
{
	(void)state;
	policy.confine.processes = true;
	policy.confine.network = CONFINE_LOOK;
	policy.confine.mounts.whole_root = true;
	expect_of("ps", "");
	expect_of("df", "");
	expect_of("ss", "");
	policy.confine.processes = false;
	policy.confine.layers = 0; /* the machine's own */
	policy.confine.mounts.whole_root = false;
	expect_of("ps", "");
	expect_of("df", "");
	policy.confine.network = CONFINE_LOOPBACK;
	expect_of("curl", "");
	policy.confine.layers = CONFINE_NET;
	expect_of("curl", "key network");
}

static bool
is_restricted(void)
{
	FILE *f = fopen("/proc/sys/kernel/dmesg_restrict", "re");
	bool yes = f != NULL && fgetc(f) == '1';
	struct stat st;

	if (f != NULL)
		(void)fclose(f);
	return yes ||
	       (stat("/proc/kmsg", &st) == 0 && (st.st_mode & 0777) == 0);
}

/* Once, where the filter was asked and its refusal is explained. */
static void
test_kernel_log(void **state)
{
	struct unseen u = { .started = { 0 } };

	(void)state;
	expect_of("/usr/bin/dmesg",
	    is_restricted() ? "NOTE: dmesg: the kernel's messages" : "");
	(void)unseen_note(&u, "dmesg");
	u.log_explained = true;
	expect(&u, "");
}

/* What is not on this machine is not told of. */
static void
test_places(void **state)
{
	(void)state;
	expect_of("pacman", "");
	expect_of("dpkg",
	    access("/var/lib/dpkg/status", F_OK) == 0 ? "key files.read" : "");
	if (access("/var/lib/dpkg/status", F_OK) != 0)
		return;
	show(MOUNTS_READ, "/var/lib/dpkg");
	expect_of("dpkg", "");
	show(MOUNTS_HIDE, "/var/lib/dpkg/status");
	expect_of("dpkg", "dpkg: the database");
}

static void
test_images(void **state)
{
	struct unseen u = { .started = { 0 } };
	static struct image i;

	(void)state;
	(void)strcpy(i.asked, "/usr/bin/pidof");
	(void)strcpy(i.executable, "/usr/sbin/killall5");
	unseen_note_image(&u, &i);
	expect(&u, "pidof: only");
	(void)strcpy(i.asked, "/tmp/x"); /* a link */
	unseen_note_image(&u, &i);
	expect(&u, "pidof, killall5: only");
	u = (struct unseen){ .started = { 0 } };
	(void)strcpy(i.executable, "/usr/bin/busybox");
	memcpy(i.args, "busybox\0ps", i.args_len = sizeof("busybox\0ps"));
	unseen_note_image(&u, &i);
	expect(&u, "ps: only");
	u = (struct unseen){ .started = { 0 } };
	i.args_len = sizeof("busybox\0ps") - 1; /* cut */
	unseen_note_image(&u, &i);
	expect(&u, "");
	(void)strcpy(i.executable, "/usr/bin/grep");
	i.args_len = sizeof("busybox\0ps");
	unseen_note_image(&u, &i);
	expect(&u, "");
}

/* words: with a space after each. */
static void
note_words(
    struct unseen *u, struct image *i, const char *asked, const char *words)
{
	size_t n;

	(void)strcpy(i->asked, asked);
	i->args_len = strlen(words) + 1;
	for (n = 0; n < i->args_len; n++)
		i->args[n] = words[n] == ' ' ? '\0' : words[n];
	unseen_note_image(u, i);
}

/* One that waits or follows is told where the time was over. */
static void
test_waits(void **state)
{
	static const char *const ends[][2] = { { "/usr/bin/tail", "tail -5" },
		{ "/usr/bin/docker", "docker build -f Dockerfile ." },
		{ "/usr/bin/kubectl", "kubectl apply -f x.yaml" },
		{ "/usr/bin/vim", "vim -es" }, { "/usr/bin/less", "less a" } };
	struct unseen u = { .started = { 0 } };
	static struct image i;
	size_t n;

	(void)state;
	note_words(&u, &i, "/usr/bin/vi", "vi a");
	note_words(&u, &i, "/usr/bin/tail", "tail -f");
	expect(&u, "");
	assert_false(unseen_waits(&u));
	u.timed_out = true;
	assert_true(unseen_waits(&u));
	expect(&u,
	    "vi: it goes on until it gets a key from a terminal, which this command does not have: a longer time limit does not help\n");
	policy.jobs.offered = true;
	expect(&u, "does not help\n");
	policy.jobs.pty = true;
	expect(&u, "does not help (a job with pty has a terminal)\n");
	expect(&u, "tail: it follows what comes");
	for (n = 0; n < sizeof(ends) / sizeof(ends[0]); n++) {
		u = (struct unseen){ .timed_out = true };
		note_words(&u, &i, ends[n][0], ends[n][1]);
		assert_false(unseen_waits(&u));
		expect(&u, "");
	}
	u = (struct unseen){ .timed_out = true };
	note_words(&u, &i, "/usr/bin/docker", "docker logs -f web");
	expect(&u, "docker: it follows what comes");
}

static void
test_containers(void **state)
{
	(void)state;
	expect_of("podman", "");
	policy.no_namespaces = true;
	expect_of("podman", "podman: rootless containers need namespaces");
	expect_of("buildah", "buildah: rootless containers need namespaces");
	expect_of("podman-compose", "podman-compose: rootless containers");
}

static pid_t of_process; /* its id, where the run has its own */

/* args: with a NUL after each.  words: NULL: nothing is told. */
static void
expect_of_args(const char *args, size_t len, const char *words)
{
	struct unseen u = { .refused = true };
	static struct image i;

	(void)snprintf(i.asked, sizeof(i.asked), "/usr/bin/%s", args);
	(void)snprintf(i.executable, sizeof(i.executable), "%s", i.asked);
	memcpy(i.args, args, len);
	i.args_len = len;
	i.process = of_process;
	unseen_note_image(&u, &i);
	expect(&u, words);
}

#define EXPECT_OF(args, words)                                                 \
	expect_of_args(args "\0", sizeof(args) + 1, words)

/* Where explain_hints has said before that the place is not in view. */
static void
test_said_before(void **state)
{
	static const char text[] = "ls\0/srv";
	struct unseen u = { .refused = true };
	static struct image i = { .asked = "/usr/bin/ls",
		.executable = "/usr/bin/ls",
		.args_len = sizeof(text) };
	CLEANUP_BUF struct buf out;
	size_t len;

	(void)state;
	memcpy(i.args, text, sizeof(text));
	unseen_note_image(&u, &i);
	buf_init(&out, 8192);
	buf_put_str(&out, TOLD_NOTE "/srv/a is not in view: this policy");
	len = out.len;
	unseen_tell(&u, &policy, &out);
	assert_true(out.len > len);
	buf_put_str(&out, "\n" TOLD_NOTE "/srv is not in view: this policy");
	len = out.len;
	unseen_tell(&u, &policy, &out);
	assert_int_equal(out.len, len);
}

/* Of a tree that is shown whole, and of programs by what they are asked. */
static void
test_arguments(void **state)
{
	(void)state;
	policy.confine.processes = true;
	policy.confine.network = CONFINE_LOOK;
	policy.confine.mounts.whole_root = true;
	EXPECT_OF("ss\0-ltn", "");
	EXPECT_OF("ss\0-ltnp", "ss: which process has a socket");
	EXPECT_OF("netstat\0-an\0--program", "netstat: which process");
	EXPECT_OF("lsof\0-i", "lsof: which process");
	EXPECT_OF("findmnt\0/", "findmnt: places that are mounted apart");
	EXPECT_OF("lsblk", "lsblk: places that are mounted apart");
	EXPECT_OF("lsblk\0-J\0-o\0NAME", "");
	EXPECT_OF("pkill\0nginx", "pkill: signals reach only");
	EXPECT_OF("pgrep\0nginx", "");
	EXPECT_OF("date", ""); /* whatever else was refused */
	EXPECT_OF("date\0+%s", "");
	EXPECT_OF("hostname", "");
	EXPECT_OF("hostname\0-f", "");
	policy.capabilities = 1ULL << CAP_SYS_PTRACE;
	EXPECT_OF("lsof\0-i", "");
	policy.capabilities = 0;
	policy.confine.processes = false; /* the other note says it */
	EXPECT_OF("lsof\0-i", "lsof: only this command's own");
	policy.confine.layers = 0;
	EXPECT_OF("findmnt\0/", "");
	EXPECT_OF("pkill\0nginx", "");
}

/* What is the run's own, although the tree is the machine's. */
static void
test_own_places(void **state)
{
	(void)state;
	policy.confine.mounts.whole_root = true;
	EXPECT_OF("ls\0-la\0/tmp", "");
	EXPECT_OF("ipcs\0-m", "");
	show(MOUNTS_TMPFS, "/tmp");
	show(MOUNTS_DEV, "/dev");
	policy.confine.mounts.whole_root = true;
	EXPECT_OF("ls\0-la\0/tmp", "ls: /tmp and /var/tmp are this command's");
	EXPECT_OF("du\0-s\0/var/tmp/", "key files.private_tmp");
	EXPECT_OF("ls\0/tmp/mine", "");
	EXPECT_OF("ls\0/dev", "ls: disks and other devices");
	EXPECT_OF("tune2fs\0-l\0/dev/sda", "tune2fs: disks and other");
	EXPECT_OF("udevadm\0info\0/dev/sda", "udevadm: disks and other");
	EXPECT_OF("udevadm\0info\0--export-db", "");
	EXPECT_OF("ls\0/home", "");
	EXPECT_OF("cat\0/proc/mounts", "cat: places that are mounted apart");
	EXPECT_OF("cat\0/etc/passwd", "");
	EXPECT_OF("ipcs\0-m", "");
	EXPECT_OF("sysctl\0kernel.shmmax", "");
	policy.confine.layers |= CONFINE_IPC;
	EXPECT_OF("ipcs\0-m", "ipcs: shared memory");
	EXPECT_OF("sysctl\0-a", "key disable");
	EXPECT_OF("sysctl\0kernel.shmmax", "sysctl: shared memory");
	EXPECT_OF("sysctl\0vm.swappiness", "");
	EXPECT_OF("cat\0/proc/sysvipc/shm", "cat: shared memory");
	EXPECT_OF("ls\0-a\0/dev/shm", "ls: shared memory");
	EXPECT_OF("ls\0-a\0/home", "");
	policy.confine.mounts.whole_root = false;
	EXPECT_OF("grep\0ro\0/proc/self/mounts", "are missing");
	EXPECT_OF("du\0-sh\0/", "du: of this machine's files those");
	EXPECT_OF("ls\0/var/", "ls: of the machine's /var only");
	EXPECT_OF("ls\0/usr", "");
	EXPECT_OF("cat\0/proc/1/comm", "cat: only this command's own");
	EXPECT_OF("ls\0/proc", "key processes");
	EXPECT_OF("cat\0/proc/meminfo", "");
	show(MOUNTS_READ, "/var");
	EXPECT_OF("ls\0/var/", "");
	policy.confine.mounts.whole_root = true;
	EXPECT_OF("du\0-sh\0/", "");
	policy.confine.processes = true;
	EXPECT_OF("cat\0/proc/1/comm", "");
	policy.confine.layers = 0;
	EXPECT_OF("ls\0-la\0/tmp", "");
	EXPECT_OF("cat\0/proc/mounts", "");
}

/* What the kernel keeps for each namespace, wherever the tree is from. */
static void
test_own_settings(void **state)
{
	(void)state;
	EXPECT_OF("cat\0/proc/net/dev", "cat: the network in view is");
	EXPECT_OF("grep\0x\0/proc/sys/net/core/somaxconn", "key network");
	EXPECT_OF("cat\0net.c", "");
	EXPECT_OF("sysctl\0net.ipv4.ip_forward", "sysctl: the network in view");
	EXPECT_OF("sysctl\0-a", "those of this machine are not (policy");
	EXPECT_OF("sysctl\0vm.swappiness", "");
	policy.confine.network = CONFINE_LOOK;
	EXPECT_OF("cat\0/proc/net/dev", "");
	EXPECT_OF("sysctl\0net.ipv4.ip_forward", "");
	EXPECT_OF("sysctl\0kernel.pid_max", "sysctl: process ids are");
	EXPECT_OF("sysctl\0-a", "sysctl: process ids are");
	EXPECT_OF("cat\0/proc/sys/kernel/pid_max", "cat: process ids are");
	EXPECT_OF("cat\0/proc/sys/kernel/osrelease", "");
	policy.confine.layers &= ~(unsigned)CONFINE_PIDS;
	EXPECT_OF("cat\0/proc/sys/kernel/pid_max", "");
}

/* The shell's ids, where ps lists the machine's processes. */
static void
test_own_ids(void **state)
{
	(void)state;
	of_process = 12;
	policy.confine.processes = true;
	EXPECT_OF("ps\0-fp\0007", "ps: ids that the shell gives");
	EXPECT_OF("ps\0-p7", "key processes");
	EXPECT_OF("ps\0--pid=3,7", "ps: ids");
	EXPECT_OF("ps\0-p\00012", "ps: ids"); /* the shell became it */
	EXPECT_OF("pgrep\0-P\0007", "pgrep: ids");
	EXPECT_OF("ps\0-p\00013", ""); /* none of the run's yet */
	EXPECT_OF("ps\0-p\00077", "");
	EXPECT_OF("ps\0-p\0001", "");
	EXPECT_OF("pgrep\0php7", "");
	EXPECT_OF("pgrep\0007zip", "");
	EXPECT_OF("ps\0-ef", "");
	EXPECT_OF("lsof\0-nP\0-i4", "lsof: which process");
	EXPECT_OF("pstree\0-x4", "");
	EXPECT_OF("cat\0/proc/7/status", "cat: ids that");
	EXPECT_OF("ls\0/proc/7", "ls: ids that");
	EXPECT_OF("cat\0/proc/77/status", "");
	EXPECT_OF("cat\0/proc/self/status", "");
	EXPECT_OF("cat\0007", "");
	EXPECT_OF("cat\0/proc/1/comm", ""); /* the machine's first process */
	policy.confine.layers = 0;
	EXPECT_OF("ps\0-p\00012", "");
	of_process = 0;
}

/* What is in /etc/shadow, which root's programs read for anyone. */
static void
test_passwords(void **state)
{
	struct stat st;

	(void)state;
	policy.uid = 4711;
	policy.gid = 4711;
	if (stat("/etc/shadow", &st) == -1 || (st.st_mode & S_IROTH) != 0)
		SKIP("/etc/shadow is not there, or everybody may read it");
	EXPECT_OF("passwd\0-S", "passwd: the state and age of passwords");
	EXPECT_OF("getent\0shadow\0root", "keys user and files.hide");
	EXPECT_OF("getent\0passwd\0root", "");
	EXPECT_OF("passwd\0--help", "");
	policy.capabilities = 1ULL << CAP_DAC_READ_SEARCH;
	EXPECT_OF("passwd\0-S", "");
	show(MOUNTS_HIDE, "/etc/shadow");
	EXPECT_OF("passwd\0-S", "passwd: the state and age");
	policy.capabilities = 0;
	policy.confine.layers = 0;
	EXPECT_OF("passwd\0-S", "passwd: the state and age");
	if ((st.st_mode & S_IRGRP) != 0)
		policy.gid = st.st_gid;
	else
		policy.capabilities = 1ULL << CAP_DAC_OVERRIDE;
	EXPECT_OF("passwd\0-S", "");
}

/* What looks into others only with an option for that. */
static void
test_tracers(void **state)
{
	(void)state;
	EXPECT_OF("strace\0-p\0001", "strace: only this command's own");
	EXPECT_OF("gdb\0--pid=1", "gdb: only this command's own");
	EXPECT_OF("strace\0ls", "");
	EXPECT_OF("gdb\0--python\0x", "");
	EXPECT_OF("iostat\0-x", access("/sys/devices/system", F_OK) == 0
				    ? "iostat: devices as the kernel lists"
				    : "");
	if (access("/var/mail", F_OK) == 0)
		EXPECT_OF("mail", "mail: the mail of this machine's users");
	policy.confine.processes = true;
	policy.confine.mounts.whole_root = true;
	EXPECT_OF("mail", "");
	EXPECT_OF("strace\0-p\0001", "");
	EXPECT_OF("iostat\0-x", "");
}

/* Each source once, with all of its programs. */
static void
test_many(void **state)
{
	struct unseen u = { .started = { 0 } };

	(void)state;
	for (int i = 0; i < 100; i++) {
		(void)unseen_note(&u, "/bin/ps");
		(void)unseen_note(&u, "/bin/top");
	}
	(void)unseen_note(&u, "git-remote-https"); /* the last of a row */
	expect(&u, "ps, top: only");
	policy.confine.network = CONFINE_LOOPBACK;
	expect(&u, "\nNOTE: git-remote-https: the network");
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_own_view, begin, end),
		cmocka_unit_test_setup_teardown(test_shown, begin, end),
		cmocka_unit_test_setup_teardown(test_kernel_log, begin, end),
		cmocka_unit_test_setup_teardown(test_places, begin, end),
		cmocka_unit_test_setup_teardown(test_images, begin, end),
		cmocka_unit_test_setup_teardown(test_waits, begin, end),
		cmocka_unit_test_setup_teardown(test_containers, begin, end),
		cmocka_unit_test_setup_teardown(test_said_before, begin, end),
		cmocka_unit_test_setup_teardown(test_arguments, begin, end),
		cmocka_unit_test_setup_teardown(test_own_places, begin, end),
		cmocka_unit_test_setup_teardown(test_own_settings, begin, end),
		cmocka_unit_test_setup_teardown(test_own_ids, begin, end),
		cmocka_unit_test_setup_teardown(test_passwords, begin, end),
		cmocka_unit_test_setup_teardown(test_tracers, begin, end),
		cmocka_unit_test_setup_teardown(test_many, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
