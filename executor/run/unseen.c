/* SPDX-License-Identifier: MIT */
/* unseen: one table, by what programs answer from. */
#include "executor/run/unseen.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/told.h"
#include "executor/confine/withheld.h"
#include "executor/policy/capability.h"

enum { MAX_PLACES = 5, NUMBER = 24 /* in decimal, with a line feed */ };

/* Which of a policy's keys decides whether it is in view. */
enum sight {
	PROCESSES,
	FILE_SYSTEMS,
	NETWORK,
	REACH,
	DEVICES,
	PLACES,
	KERNEL_LOG,
	OWN_MOUNTS, /* of a whole tree: how it is mounted for a run */
	OWN_IPC,
	OWN_TMP,
	OWN_LIMIT, /* of process ids: with newer kernels */
	OWN_IDS, /* of processes, where ps lists the machine's */
	SIGNALS,
	OWNERS, /* of sockets and open files */
	PASSWORDS, /* which programs of root's read for anyone */
	CONTAINERS, /* rootless ones */
	WAITS, /* for a terminal's keys: told where the time was over */
	WITHHELD /* nothing that a policy decides: executor/confine/withheld */
};

struct source {
	enum sight sight;
	const char *names; /* of programs, with a space between */
	/* PLACES: it is in each of them that is there */
	const char *place[MAX_PLACES];
	const char *words, *key; /* NULL: it is not up to the policy */
	const char *about; /* one of its arguments is one of these; NULL: any */
	enum withheld_right right; /* of WITHHELD */
	bool (*when)(
	    const struct image *i); /* by its arguments; NULL: always */
};

/* --- arguments ------------------------------------------------------------- */

/* The one after that, NULL: the first, or what is after the program's name. */
static const char *
next_argument(const struct image *i, const char *argument)
{
	size_t len =
	    i->args_len < sizeof(i->args) ? i->args_len : sizeof(i->args);
	size_t at = argument == NULL ? 0 : (size_t)(argument - i->args);

	at += strnlen(i->args + at, len - at) + 1;
	return at < len && memchr(i->args + at, '\0', len - at) != NULL
		   ? i->args + at
		   : NULL;
}

/* Is there one for which that holds? */
static bool
has_argument(const struct image *i, bool (*holds)(const char *argument))
{
	const char *a = NULL;

	while ((a = next_argument(i, a)) != NULL)
		if (holds(a))
			return true;
	return false;
}

static bool
begins_any(const char *argument, const char *const *any)
{
	for (; *any != NULL; any++)
		if (strncmp(argument, *any, strlen(*any)) == 0)
			return true;
	return false;
}

static bool
is_any_of(const char *argument, const char *const *any)
{
	for (; *any != NULL; any++)
		if (strcmp(argument, *any) == 0)
			return true;
	return false;
}

static bool
sets_it(const char *argument)
{
	return strncmp(argument, "-s", 2) == 0 ||
	       strncmp(argument, "--s", 3) == 0;
}

/* date -s TEXT, date --set=TEXT; all others show it. */
static bool
sets_clock(const struct image *i)
{
	return has_argument(i, sets_it);
}

static bool
is_new_name(const char *argument)
{
	return (argument[0] != '-' && argument[0] != '\0') ||
	       strncmp(argument, "-F", 2) == 0 ||
	       strncmp(argument, "-b", 2) == 0;
}

/* hostname NAME, hostname -F FILE; without any it shows it. */
static bool
sets_name(const struct image *i)
{
	return has_argument(i, is_new_name);
}

static bool
is_for_owners(const char *argument)
{
	return strncmp(argument, "--pro", 5) == 0 ||
	       (argument[0] == '-' && argument[1] != '-' &&
		   strchr(argument, 'p') != NULL);
}

/* ss -p, netstat -tlnp. */
static bool
asks_owners(const struct image *i)
{
	return has_argument(i, is_for_owners);
}

static bool
is_for_passwords(const char *argument)
{
	static const char *const words[] = { "-S", "--status", "-Sa", "-aS",
		"shadow", "gshadow", NULL };

	return is_any_of(argument, words);
}

/* passwd -S, getent shadow. */
static bool
asks_passwords(const struct image *i)
{
	return has_argument(i, is_for_passwords);
}

static bool
is_for_process(const char *argument)
{
	return strncmp(argument, "-p", 2) == 0 ||
	       strncmp(argument, "--pid", 5) == 0;
}

/* strace -p 1, gdb --pid=1. */
static bool
asks_process(const struct image *i)
{
	return has_argument(i, is_for_process);
}

static bool
is_for_columns(const char *argument)
{
	return strncmp(argument, "--o", 3) == 0 ||
	       (argument[0] == '-' && argument[1] != '-' &&
		   strpbrk(argument, "oO") != NULL);
}

/* lsblk: where all is mounted, unless other columns are asked for. */
static bool
shows_mounts(const struct image *i)
{
	return !has_argument(i, is_for_columns);
}

/* "/proc", "/proc/1", "/proc/1/status". */
static bool
is_process_table(const char *argument)
{
	return strcmp(argument, "/proc") == 0 ||
	       strcmp(argument, "/proc/") == 0 ||
	       (strncmp(argument, "/proc/", 6) == 0 && argument[6] >= '0' &&
		   argument[6] <= '9');
}

/* ls /proc, cat /proc/1/comm. */
static bool
reads_processes(const struct image *i)
{
	return has_argument(i, is_process_table);
}

static bool
has_letter(const char *argument, const char *letters)
{
	return argument[0] == '-' && argument[1] != '-' &&
	       strpbrk(argument, letters) != NULL;
}

static bool
is_for_following(const char *argument)
{
	return strncmp(argument, "--fo", 4) == 0 || has_letter(argument, "f");
}

static bool
is_for_retrying(const char *argument)
{
	return has_letter(argument, "F");
}

static bool
is_for_waiting(const char *argument)
{
	return strncmp(argument, "--fo", 4) == 0 || has_letter(argument, "wW");
}

static bool
is_for_logs(const char *argument)
{
	return strcmp(argument, "logs") == 0;
}

/* tail -f, tail -F. */
static bool
follows_file(const struct image *i)
{
	return has_argument(i, is_for_following) ||
	       has_argument(i, is_for_retrying);
}

/* journalctl -fu ssh. */
static bool
follows_output(const struct image *i)
{
	return has_argument(i, is_for_following);
}

/* dmesg -w. */
static bool
waits_for_more(const struct image *i)
{
	return has_argument(i, is_for_waiting);
}

/* docker logs -f: of the other words -f is a file's, or force. */
static bool
follows_logs(const struct image *i)
{
	return has_argument(i, is_for_logs) &&
	       has_argument(i, is_for_following);
}

/* psql -h /tmp, mysql -S file, psql postgresql://db/: another server. */
static bool
names_server(const char *argument)
{
	static const char *const words[] = { "-h", "--host", "-S", "--socket",
		"postgres://", "postgresql://", "host=", NULL };

	return begins_any(argument, words);
}

static bool
asks_usual_server(const struct image *i)
{
	return !has_argument(i, names_server);
}

static bool
is_for_batch(const char *argument)
{
	return strncmp(argument, "-b", 2) == 0 ||
	       strncmp(argument, "-es", 3) == 0 ||
	       strcmp(argument, "-s") == 0 || strcmp(argument, "--batch") == 0;
}

/* Not top -bn1, vim -es. */
static bool
waits_for_keys(const struct image *i)
{
	return !has_argument(i, is_for_batch);
}

static bool
is_in_dev(const char *argument)
{
	return strncmp(argument, "/dev/", 5) == 0;
}

/* udevadm info /dev/sda. */
static bool
names_device(const struct image *i)
{
	return has_argument(i, is_in_dev);
}

/* What the kernel keeps for each IPC namespace, and files of that kind. */
static bool
is_of_ipc(const char *argument)
{
	static const char *const begins[] = { "kernel.shm", "kernel.msg",
		"kernel.sem", "fs.mqueue", "kernel/shm", "kernel/msg",
		"kernel/sem", "/proc/sys/kernel/shm", "/proc/sys/kernel/msg",
		"/proc/sys/kernel/sem", "/proc/sys/fs/mqueue", "/proc/sysvipc",
		"/dev/shm", "/dev/mqueue", NULL };

	return begins_any(argument, begins);
}

/* cat /proc/sysvipc/shm, ls /dev/shm. */
static bool
names_ipc(const struct image *i)
{
	return has_argument(i, is_of_ipc);
}

static bool
is_for_all(const char *argument)
{
	static const char *const all[] = { "-a", "-A", "-X", "--all", NULL };

	return is_any_of(argument, all);
}

/* sysctl kernel.shmmax, sysctl -a. */
static bool
asks_ipc(const struct image *i)
{
	return has_argument(i, is_for_all) || names_ipc(i);
}

/* What the kernel keeps for each network namespace. */
static bool
is_of_net(const char *argument)
{
	static const char *const begins[] = { "/proc/net/", "/proc/self/net/",
		"/proc/thread-self/net/", "/proc/sys/net/", NULL };

	return strcmp(argument, "/proc/net") == 0 ||
	       begins_any(argument, begins);
}

/* cat /proc/net/dev, cat /proc/sys/net/ipv4/ip_forward. */
static bool
names_net(const struct image *i)
{
	return has_argument(i, is_of_net);
}

static bool
is_net_setting(const char *argument)
{
	static const char *const begins[] = { "net.", "net/", NULL };

	return begins_any(argument, begins) || is_of_net(argument);
}

/* sysctl net.ipv4.ip_forward, sysctl -a. */
static bool
asks_net(const struct image *i)
{
	return has_argument(i, is_for_all) || has_argument(i, is_net_setting);
}

/* And for each namespace of process ids. */
static bool
is_id_limit(const char *argument)
{
	static const char *const begins[] = { "kernel.pid_max",
		"kernel/pid_max", "kernel.ns_last_pid", "kernel/ns_last_pid",
		"/proc/sys/kernel/pid_max", "/proc/sys/kernel/ns_last_pid",
		NULL };

	return begins_any(argument, begins);
}

/* cat /proc/sys/kernel/pid_max. */
static bool
names_id_limit(const struct image *i)
{
	return has_argument(i, is_id_limit);
}

/* sysctl kernel.pid_max, sysctl -a. */
static bool
asks_id_limit(const struct image *i)
{
	return has_argument(i, is_for_all) || names_id_limit(i);
}

/* The id that begins a text, and what is after it; 0: there is none. */
static unsigned long
take_id(const char *text, const char **after)
{
	unsigned long id = 0;

	for (; *text >= '0' && *text <= '9' && id < INT_MAX; text++)
		id = id * 10 + (unsigned long)(*text - '0');
	*after = text;
	return id;
}

/*
 * One that the run's own ids reached when it was started, as $$ and $! are; 1
 * is not the shell's.
 */
static bool
is_own_id(const struct image *i, unsigned long id)
{
	return id > 1 && id <= (unsigned long)i->process;
}

/* "2", "2,3", "-p2", "--ppid=2". */
static bool
has_own_id(const struct image *i, const char *argument)
{
	const char *at = argument + strcspn(argument, "0123456789");

	if (at != argument &&
	    (argument[0] != '-' || strchr("pPqg=", at[-1]) == NULL))
		return false;
	while (*at != '\0') {
		if (is_own_id(i, take_id(at, &at)))
			return *at == '\0' || *at == ',';
		at += *at == ',';
		if (*at < '0' || *at > '9')
			return false;
	}
	return false;
}

/* ps -p $$, pgrep -P $!. */
static bool
asks_own_id(const struct image *i)
{
	for (const char *a = NULL; (a = next_argument(i, a)) != NULL;)
		if (has_own_id(i, a))
			return true;
	return false;
}

/* cat /proc/$$/status. */
static bool
names_own_id(const struct image *i)
{
	const char *after;

	for (const char *a = NULL; (a = next_argument(i, a)) != NULL;)
		if (strncmp(a, "/proc/", 6) == 0 &&
		    is_own_id(i, take_id(a + 6, &after)) &&
		    (*after == '\0' || *after == '/'))
			return true;
	return false;
}

/* --- what there is --------------------------------------------------------- */

#define OWNERS_WORDS                                                           \
	"which process has a socket or a file open is shown of this command's own only, as it may not look into others"
#define MOUNTS_WORDS                                                           \
	"places that are mounted apart, and the options ro, nosuid and nodev, are those of this command's own root and not the machine's"

#define PROCESSES_WORDS                                                        \
	"only this command's own processes are in view, and none of the others on this machine"
/* Of which a policy may show a part: ls /var, du -s /var/. */
#define PART_OF(path)                                                                \
	{                                                                            \
		PLACES, LISTERS,                                                     \
		    .place = { path },                                               \
		    .words =                                                         \
			"of the machine's %s only what the policy shows is in view", \
		    .key = "key files.read", .about = path " " path "/"              \
	}
#define MOUNT_TABLES                                                           \
	"/proc/mounts /proc/self/mounts /proc/self/mountinfo /proc/self/mountstats /etc/mtab"
#define IPC_WORDS                                                              \
	"shared memory, semaphores and message queues, and the limits of them (kernel.shm*, kernel.msg*, kernel.sem, fs.mqueue), are those of this command's own and not the machine's"
#define NET_WORDS                                                              \
	"the network in view is this command's own, with counters and settings of its own (/proc/net, net.*): those of this machine are not"
#define LIMIT_WORDS                                                            \
	"process ids are this command's own, the last of them and, with newer kernels, their limit as well: kernel.pid_max of this machine is %s"
#define IDS_WORDS                                                              \
	"ids that the shell gives ($$, $!) are of this command's own processes, and what is shown here by the same id is another process of this machine: what reads /proc/self finds itself"
#define FOLLOWS_WORDS                                                          \
	"it follows what comes, and does not end by itself: a longer time limit does not help"
#define DISKS_WORDS "disks and other devices of this machine are not in view"
#define LISTERS     "ls dir vdir find du df stat tree ncdu"
#define READERS                                                                \
	"cat grep egrep fgrep rg awk gawk mawk sed head tail less more sort cut column wc python3 perl"

/* %s is the place that is not in view, or the number of OWN_LIMIT. */
static const struct source sources[] = {
	{ PROCESSES,
	    "ps pidof pgrep pkill killall killall5 pstree top htop atop btop iotop pidstat lsof fuser w pidwait skill snice pmap procs kill jps jcmd jstack jmap gcore pwdx glances nmon",
	    .words = PROCESSES_WORDS, .key = "key processes" },
	{ FILE_SYSTEMS, "df findmnt mount lsblk mountpoint duf pydf",
	    .words =
		"the mounts in view are those of this command's own root: file systems of this machine that the policy does not show are missing",
	    .key = "key files.read" },
	{ PLACES,
	    "systemctl service invoke-rc.d loginctl hostnamectl timedatectl localectl networkctl resolvectl busctl machinectl systemd-run systemd-analyze systemd-cgtop systemd-cgls run0 deb-systemd-invoke needrestart",
	    .place = { "/run/systemd/system" },
	    .words =
		"systemd runs on this machine and is not in view: its services cannot be asked about here",
	    .key = "keys files.read and unix_sockets" },
	{ PLACES, "journalctl",
	    .place = { "/var/log/journal", "/run/log/journal" },
	    .words = "the journal of this machine, %s, is not in view",
	    .key = "key files.read" },
	{ PLACES,
	    "dpkg dpkg-query dpkg-checkbuilddeps apt apt-get apt-cache apt-mark aptitude debsums dlocate apt-file",
	    .place = { "/var/lib/dpkg/status" },
	    .words =
		"the database of installed packages, /var/lib/dpkg, is not in view: no package seems to be installed",
	    .key = "key files.read" },
	{ PLACES, "rpm rpmquery rpmdb dnf dnf-3 dnf5 yum microdnf zypper tdnf",
	    .place = { "/usr/lib/sysimage/rpm", "/var/lib/rpm" },
	    .words =
		"the database of installed packages, %s, is not in view: no package seems to be installed",
	    .key = "key files.read" },
	{ PLACES, "pacman", .place = { "/var/lib/pacman/local" },
	    .words =
		"the database of installed packages, %s, is not in view: no package seems to be installed",
	    .key = "key files.read" },
	{ PLACES, "apk", .place = { "/lib/apk/db", "/usr/lib/apk/db" },
	    .words =
		"the database of installed packages, %s, is not in view: no package seems to be installed",
	    .key = "key files.read" },
	{ PLACES, "snap", .place = { "/var/lib/snapd/state.json" },
	    .words = "snapd's state, %s, is not in view",
	    .key = "key files.read" },
	{ PLACES, "flatpak", .place = { "/var/lib/flatpak" },
	    .words = "the applications of this machine, %s, are not in view",
	    .key = "key files.read" },
	{ PLACES, "who w users pinky uptime",
	    .place = { "/run/utmp", "/run/systemd/sessions" },
	    .words = "who is logged in, %s, is not in view",
	    .key = "key files.read" },
	{ PLACES, "mail mailx s-nail from biff",
	    .place = { "/var/mail", "/var/spool/mail" },
	    .words = "the mail of this machine's users, %s, is not in view",
	    .key = "key files.read" },
	{ PLACES, "last lastb lastlog lastlog2 wtmpdb",
	    .place = { "/var/log/wtmp", "/var/lib/wtmpdb", "/var/log/wtmp.db",
		"/var/log/lastlog", "/var/lib/lastlog" },
	    .words = "the record of logins, %s, is not in view",
	    .key = "key files.read" },
	{ NETWORK,
	    "ss netstat ip ifconfig route arp nstat rtacct lnstat iftop nethogs ethtool bridge tc iptables iptables-save ip6tables nft nmcli lsof iw",
	    .words =
		"the network in view is this command's own: addresses, routes and listeners of this machine are not",
	    .key = "key network" },
	{ REACH,
	    "curl wget wget2 ping ping6 nc ncat netcat nc.openbsd nc.traditional telnet ssh scp sftp rsync dig host nslookup drill traceroute tracepath mtr nmap redis-cli mongosh chronyc git-remote-http git-remote-https",
	    .words =
		"the network is a loopback interface of this command's own: nothing that listens on this machine, in another job or elsewhere can be reached",
	    .key = "key network" },
	{ OWN_MOUNTS, "findmnt mount", .words = MOUNTS_WORDS,
	    .key = "key files.read" },
	{ OWN_MOUNTS, "lsblk", .words = MOUNTS_WORDS, .key = "key files.read",
	    .when = shows_mounts },
	{ OWN_MOUNTS, READERS, .words = MOUNTS_WORDS, .key = "key files.read",
	    .about = MOUNT_TABLES },
	{ FILE_SYSTEMS, READERS,
	    .words =
		"the mounts in view are those of this command's own root: file systems of this machine that the policy does not show are missing",
	    .key = "key files.read", .about = MOUNT_TABLES },
	{ PROCESSES, READERS, .words = PROCESSES_WORDS, .key = "key processes",
	    .when = reads_processes },
	{ PROCESSES, LISTERS, .words = PROCESSES_WORDS, .key = "key processes",
	    .when = reads_processes },
	{ FILE_SYSTEMS, LISTERS,
	    .words =
		"of this machine's files those are in view that the policy shows, and no others",
	    .key = "key files.read", .about = "/ //" },
	PART_OF("/run"),
	PART_OF("/var"),
	PART_OF("/srv"),
	PART_OF("/home"),
	{ OWN_IPC, "ipcs lsipc", .words = IPC_WORDS, .key = "key disable" },
	{ OWN_IPC, "sysctl", .words = IPC_WORDS, .key = "key disable",
	    .when = asks_ipc },
	{ OWN_IPC, LISTERS " cat head tail less grep awk", .words = IPC_WORDS,
	    .key = "key disable", .when = names_ipc },
	{ NETWORK, "sysctl", .words = NET_WORDS, .key = "key network",
	    .when = asks_net },
	{ NETWORK, LISTERS " " READERS, .words = NET_WORDS,
	    .key = "key network", .when = names_net },
	{ OWN_LIMIT, "sysctl", .words = LIMIT_WORDS, .key = "key disable",
	    .when = asks_id_limit },
	{ OWN_LIMIT, READERS, .words = LIMIT_WORDS, .key = "key disable",
	    .when = names_id_limit },
	{ OWN_IDS, "ps pgrep pstree pmap pwdx lsof", .words = IDS_WORDS,
	    .key = "key processes", .when = asks_own_id },
	{ OWN_IDS, LISTERS " " READERS, .words = IDS_WORDS,
	    .key = "key processes", .when = names_own_id },
	{ OWN_TMP, LISTERS,
	    .words =
		"/tmp and /var/tmp are this command's own, empty when it starts: what the machine has there is not in view",
	    .key = "key files.private_tmp",
	    .about = "/tmp /tmp/ /var/tmp /var/tmp/" },
	{ DEVICES, LISTERS, .words = DISKS_WORDS, .key = "key files.read",
	    .about = "/dev /dev/" },
	{ SIGNALS, "pkill killall killall5 skill kill",
	    .words =
		"signals reach only this command's own processes, which have ids of their own: the machine's can only be looked at",
	    .key = "key processes" },
	{ PROCESSES, "strace ltrace gdb perf py-spy", .words = PROCESSES_WORDS,
	    .key = "key processes", .when = asks_process },
	{ PASSWORDS, "passwd getent",
	    .words =
		"the state and age of passwords, /etc/shadow, is not shown to this command's user, and no program gets the rights of its owner here: an account may seem locked, or not to be there",
	    .key = "keys user and files.hide", .when = asks_passwords },
	{ OWNERS, "ss netstat", .words = OWNERS_WORDS, .when = asks_owners },
	{ OWNERS, "lsof fuser", .words = OWNERS_WORDS },
	{ DEVICES,
	    "blkid fdisk sfdisk cfdisk gdisk parted smartctl nvme lvs pvs vgs lvm mdadm lsusb hdparm",
	    .words = DISKS_WORDS, .key = "key files.read" },
	{ DEVICES,
	    "fsck fsck.ext2 fsck.ext3 fsck.ext4 fsck.xfs e2fsck tune2fs dumpe2fs e2label debugfs resize2fs badblocks mkfs mke2fs mkfs.ext4 mkfs.xfs mkswap swaplabel wipefs xfs_repair xfs_info xfs_admin btrfs cryptsetup blockdev losetup dmsetup sgdisk",
	    .words = DISKS_WORDS, .key = "key files.read",
	    .when = names_device },
	{ DEVICES, "hwclock partprobe", .words = DISKS_WORDS,
	    .key = "key files.read" },
	{ DEVICES, "udevadm", .words = DISKS_WORDS, .key = "key files.read",
	    .when = names_device },
	{ PLACES,
	    "lspci lsusb lsscsi lsmem lscpu lshw sensors udevadm lsblk inxi iostat lstopo lstopo-no-graphics numactl rfkill multipath",
	    .place = { "/sys/devices/system" },
	    .words = "devices as the kernel lists them, /sys, are not in view",
	    .key = "key files.read" },
	{ KERNEL_LOG, "dmesg",
	    .words =
		"the kernel's messages are refused to commands on this machine, by the service's unit or by the kernel (kernel.dmesg_restrict); journalctl -k shows them where the journal is in view" },
	{ PLACES, "docker docker-compose", .place = { "/run/docker.sock" },
	    .words = "Docker's socket on this machine, %s, is not in view",
	    .key = "key unix_sockets" },
	{ PLACES, "psql pg_isready pg_dump pg_dumpall pg_lsclusters createdb",
	    .place = { "/run/postgresql" },
	    .words =
		"PostgreSQL's directory of sockets on this machine, %s, is not in view",
	    .key = "key unix_sockets", .when = asks_usual_server },
	{ PLACES,
	    "mysql mysqladmin mysqldump mariadb mariadb-admin mariadb-dump",
	    .place = { "/run/mysqld" },
	    .words =
		"MySQL's directory of sockets on this machine, %s, is not in view",
	    .key = "key unix_sockets", .when = asks_usual_server },
	{ PLACES, "virsh virt-top", .place = { "/run/libvirt" },
	    .words =
		"libvirt's directory of sockets on this machine, %s, is not in view",
	    .key = "key unix_sockets" },
	{ CONTAINERS, "podman buildah podman-compose",
	    .words =
		"rootless containers need namespaces and mounts, which this policy refuses (allow @namespace and @mount); the account must also have no ranges in /etc/subuid, because newuidmap cannot gain its owner's rights here",
	    .key = "key syscalls" },
	{ WAITS,
	    "vi vim vim.basic vim.tiny nvim ex nano emacs joe top htop btop atop watch mc mutt screen tmux dialog whiptail cfdisk iftop iotop nethogs visudo vipw alsamixer nmtui",
	    .words =
		"it goes on until it gets a key from a terminal, which this command does not have: a longer time limit does not help",
	    .when = waits_for_keys },
	{ WAITS, "tail", .words = FOLLOWS_WORDS, .when = follows_file },
	{ WAITS, "journalctl", .words = FOLLOWS_WORDS, .when = follows_output },
	{ WAITS, "dmesg", .words = FOLLOWS_WORDS, .when = waits_for_more },
	{ WAITS, "kubectl docker podman", .words = FOLLOWS_WORDS,
	    .when = follows_logs },
	{ WITHHELD, "date", .words = "setting the machine's clock",
	    .right = WITHHELD_CLOCK, .when = sets_clock },
	{ WITHHELD, "ntpdate adjtimex rdate sntp",
	    .words = "setting the machine's clock", .right = WITHHELD_CLOCK },
	{ WITHHELD, "hostname domainname nisdomainname ypdomainname",
	    .words = "changing the machine's name", .right = WITHHELD_HOST_NAME,
	    .when = sets_name },
	{ WITHHELD, "insmod modprobe rmmod",
	    .words = "loading and removing kernel modules",
	    .right = WITHHELD_MODULES },
	{ WITHHELD, "reboot halt poweroff shutdown kexec",
	    .words = "restarting the machine", .right = WITHHELD_REBOOT },
	{ WITHHELD, "swapon swapoff", .words = "changing swap space",
	    .right = WITHHELD_SWAP },
	{ WITHHELD, "nice renice", .words = "changing priorities",
	    .right = WITHHELD_PRIORITY },
	{ WITHHELD, "chrt schedtool", .words = "real-time scheduling",
	    .right = WITHHELD_SCHEDULING },
	{ WITHHELD, "chmod install",
	    .words = "setting the set-user-ID and set-group-ID bits",
	    .right = WITHHELD_SET_ID },
	{ WITHHELD, "tcpdump dumpcap tshark arping dhclient udhcpc",
	    .words = "reading and sending raw packets (AF_PACKET)",
	    .right = WITHHELD_PACKETS },
};

_Static_assert(sizeof(sources) / sizeof(sources[0]) <= UNSEEN_SOURCES,
    "each source has its bits");

/* --- programs -------------------------------------------------------------- */

/* The next of the names; false: no more. */
static bool
next_name(const char **names, struct bytes *out)
{
	const char *at = *names;

	while (*at == ' ')
		at++;
	*out = bytes_make(at, strcspn(at, " "));
	*names = at + out->len;
	return out->len > 0;
}

/* The bit of a name; 0: it is not one of them. */
static uint32_t
find_bit(const char *names, struct bytes wanted)
{
	uint32_t bit = 1;
	struct bytes name;

	for (; next_name(&names, &name) && bit != 0; bit <<= 1)
		if (bytes_eq(name, wanted))
			return bit;
	return 0;
}

enum { MARKS = 4096 };

static size_t
mark_of(struct bytes name)
{
	uint32_t h = (uint32_t)name.len;

	for (size_t i = 0; i < name.len; i++)
		h = h * 31 + name.p[i];
	return h % MARKS;
}

/* Every program that starts is asked about: false for most that no row names. */
static bool
may_be_named(struct bytes wanted)
{
	static bool marked[MARKS], ready;
	struct bytes name;

	for (size_t n = 0; !ready && n < sizeof(sources) / sizeof(sources[0]);
	     n++)
		for (const char *names = sources[n].names;
		     next_name(&names, &name);)
			marked[mark_of(name)] = true;
	ready = true;
	return marked[mark_of(wanted)];
}

static struct bytes
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return bytes_of(slash != NULL ? slash + 1 : path);
}

static bool
is_about(const struct image *i, const char *about)
{
	for (const char *a = NULL; (a = next_argument(i, a)) != NULL;)
		if (find_bit(about, bytes_of(a)) != 0)
			return true;
	return false;
}

/* With these arguments; NULL: they are not known. */
static bool
is_asked(const struct source *s, const struct image *i)
{
	if (s->about != NULL && (i == NULL || !is_about(i, s->about)))
		return false;
	return s->when == NULL ||
	       (i != NULL ? s->when(i) : s->sight == WITHHELD);
}

/* By its path or name, and by its arguments where those are known. */
static bool
note_name(struct unseen *u, const char *path, const struct image *i)
{
	struct bytes name = last_part(path);
	uint32_t bit, any = 0;

	if (!may_be_named(name))
		return false;
	for (size_t n = 0; n < sizeof(sources) / sizeof(sources[0]); n++) {
		const struct source *s = &sources[n];

		bit = find_bit(s->names, name);
		any |= bit;
		if (bit != 0 && is_asked(s, i))
			u->started[n] |= bit;
	}
	return any != 0;
}

bool
unseen_note(struct unseen *u, const char *path)
{
	return note_name(u, path, NULL);
}

/* Its first argument says which program it is: one for many, or a loader. */
static bool
is_one_for_many(const char *path)
{
	struct bytes name = last_part(path);

	return bytes_eq_str(name, "busybox") || bytes_eq_str(name, "toybox") ||
	       (name.len > 3 && memcmp(name.p, "ld-", 3) == 0);
}

static const char *
first_argument(const struct image *i)
{
	size_t n = strnlen(i->args, sizeof(i->args)) + 1;

	if (n >= i->args_len || i->args_len > sizeof(i->args) ||
	    memchr(i->args + n, '\0', i->args_len - n) == NULL)
		return NULL;
	return i->args + n;
}

void
unseen_note_image(struct unseen *u, const struct image *i)
{
	const char *first;

	u->sets_clock =
	    u->sets_clock ||
	    (bytes_eq_str(last_part(i->asked), "date") && sets_clock(i));
	if (note_name(u, i->asked, i) || note_name(u, i->executable, i))
		return;
	if (is_one_for_many(i->executable) &&
	    (first = first_argument(i)) != NULL)
		(void)note_name(u, first, i);
}

/* --- what is in view ------------------------------------------------------- */

static bool
has_layer(const struct policy *p, unsigned layer)
{
	return (p->confine.layers & layer) != 0;
}

static bool
shows_place(const struct policy *p, const char *path)
{
	const struct mounts *m = &p->confine.mounts;
	const struct mounts_op *op = mounts_decider(m, path);

	if (op != NULL && op->kind == MOUNTS_HIDE)
		return false;
	if (m->whole_root || mounts_within(m, path))
		return true;
	return op != NULL &&
	       (op->kind == MOUNTS_READ || op->kind == MOUNTS_PROGRAM ||
		   op->kind == MOUNTS_PROTECT || mounts_is_writable(op->kind));
}

static bool
is_there(const char *path)
{
	return access(path, F_OK) == 0 || (errno != ENOENT && errno != ENOTDIR);
}

static bool
lacks_system(const struct policy *p, const char *path)
{
	const struct mounts_op *op = mounts_decider(&p->confine.mounts, path);

	return is_there(path) && !shows_place(p, path) &&
	       (op == NULL || op->kind != MOUNTS_LINK);
}

const char *
unseen_system(const struct policy *p)
{
	static const char *const places[] = { "/bin", "/lib64", "/lib" };

	if (!has_layer(p, CONFINE_MOUNTS))
		return NULL;
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (lacks_system(p, places[i]))
			return places[i];
	return NULL;
}

/* One that is on this machine, where none that is there is in view. */
static const char *
unseen_place(const struct source *s, const struct policy *p)
{
	const char *found = NULL;

	for (size_t i = 0; i < MAX_PLACES && s->place[i] != NULL; i++) {
		if (!is_there(s->place[i]))
			continue;
		if (shows_place(p, s->place[i]))
			return NULL;
		if (found == NULL)
			found = s->place[i];
	}
	return found;
}

/* In systemd's units it is masked, and syslog(2) fails (ProtectKernelLogs=). */
static bool
keeps_kernel_log(const struct policy *p)
{
	int fd = open("/proc/sys/kernel/dmesg_restrict", O_RDONLY | O_CLOEXEC);
	struct stat st;
	char c = '0';

	if (fd != -1) {
		if (read(fd, &c, 1) != 1)
			c = '0';
		(void)close(fd);
	}
	if (stat("/proc/kmsg", &st) == 0 && (st.st_mode & 0777) == 0)
		return true;
	return c != '0' && (p->capabilities >> CAP_SYSLOG & 1) == 0;
}

/* Where their sockets, or for lsof(8) they themselves, are in view. */
static bool
lacks_owners(const struct source *s, const struct policy *p)
{
	bool there = s->when != NULL
			 ? !has_layer(p, CONFINE_NET) ||
			       confine_shares_network(&p->confine)
			 : !has_layer(p, CONFINE_PIDS) || p->confine.processes;

	return there && (p->capabilities >> CAP_SYS_PTRACE & 1) == 0;
}

static bool
is_of_group(const struct policy *p, gid_t group)
{
	for (size_t i = 0; i < p->group_count; i++)
		if (p->groups[i] == group)
			return true;
	return p->gid == group;
}

/* By its owner and mode: a program with more rights does not get them here. */
static bool
lacks_passwords(const struct policy *p)
{
	static const uint64_t reads =
	    1ULL << CAP_DAC_OVERRIDE | 1ULL << CAP_DAC_READ_SEARCH;
	static const char shadow[] = "/etc/shadow";
	const struct mounts_op *op = mounts_decider(&p->confine.mounts, shadow);
	struct stat st;

	if (stat(shadow, &st) == -1)
		return false;
	if (has_layer(p, CONFINE_MOUNTS) && op != NULL &&
	    op->kind == MOUNTS_HIDE)
		return true;
	if ((p->capabilities & reads) != 0)
		return false;
	if (p->uid == st.st_uid)
		return (st.st_mode & S_IRUSR) == 0;
	return (st.st_mode & (is_of_group(p, st.st_gid) ? S_IRGRP : S_IROTH)) ==
	       0;
}

/* As an absent one is told: executor/run/explain. */
static bool
has_own_tmp(const struct policy *p)
{
	const struct mounts_op *op =
	    mounts_decider(&p->confine.mounts, "/tmp/x");

	return op != NULL &&
	       (op->kind == MOUNTS_TMPFS || op->kind == MOUNTS_TMPFS_NOEXEC);
}

/* kernel.pid_max of this machine; NULL: it cannot be told. */
static const char *
read_id_limit(char out[NUMBER])
{
	int fd = open("/proc/sys/kernel/pid_max", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd == -1 ? -1 : read(fd, out, NUMBER - 1);

	if (fd != -1)
		(void)close(fd);
	if (n <= 0)
		return NULL;
	out[n] = '\0';
	out[strcspn(out, "\n")] = '\0';
	return out;
}

/*
 * "": not a place, and not in view; NULL: it is in view, or not there.
 * number: for what is returned.
 */
static const char *
what_lacks(const struct source *s, const struct policy *p, char number[NUMBER])
{
	const struct mounts_op *op;
	bool own_root = has_layer(p, CONFINE_MOUNTS), lacks = false;
	bool whole = p->confine.mounts.whole_root;

	switch (s->sight) {
	case PROCESSES:
		lacks = own_root && has_layer(p, CONFINE_PIDS) &&
			!p->confine.processes;
		break;
	case FILE_SYSTEMS:
		lacks = own_root && !whole;
		break;
	case NETWORK:
		lacks = has_layer(p, CONFINE_NET) &&
			!confine_shares_network(&p->confine);
		break;
	case REACH:
		lacks = has_layer(p, CONFINE_NET) &&
			p->confine.network == CONFINE_LOOPBACK;
		break;
	case DEVICES:
		op = mounts_decider(&p->confine.mounts, "/dev/disk");
		lacks = own_root && op != NULL && op->kind == MOUNTS_DEV;
		break;
	case OWN_MOUNTS:
		lacks = own_root && whole;
		break;
	case OWN_IPC:
		lacks = has_layer(p, CONFINE_IPC);
		break;
	case OWN_TMP:
		lacks = own_root && has_own_tmp(p);
		break;
	case SIGNALS:
	case OWN_IDS:
		lacks = own_root && has_layer(p, CONFINE_PIDS) &&
			p->confine.processes;
		break;
	case OWNERS:
		lacks = lacks_owners(s, p);
		break;
	case PASSWORDS:
		lacks = lacks_passwords(p);
		break;
	case KERNEL_LOG:
		lacks = keeps_kernel_log(p);
		break;
	case CONTAINERS:
		return p->no_namespaces ? "" : NULL;
	case WAITS:
		return "";
	case WITHHELD:
		lacks = withheld_find(s->right) != WITHHELD_NOT;
		break;
	case OWN_LIMIT:
		return has_layer(p, CONFINE_PIDS) ? read_id_limit(number)
						  : NULL;
	case PLACES:
		return own_root ? unseen_place(s, p) : NULL;
	}
	return lacks ? "" : NULL;
}

/* --- in words -------------------------------------------------------------- */

static void
put_names(struct buf *out, const char *names, uint32_t started)
{
	struct bytes name;
	bool more = false;

	for (; next_name(&names, &name) && started != 0; started >>= 1) {
		if ((started & 1) == 0)
			continue;
		buf_put_str(out, more ? ", " : "");
		buf_put_bytes(out, name);
		more = true;
	}
}

static void
put_words(struct buf *out, const char *words, const char *place)
{
	const char *at = strstr(words, "%s");

	if (at == NULL) {
		buf_put_str(out, words);
		return;
	}
	buf_put(out, words, (size_t)(at - words));
	buf_put_str(out, place);
	buf_put_str(out, at + 2);
}

static void
put_withheld(struct buf *out, enum withheld_right right)
{
	if (withheld_find(right) == WITHHELD_BY_FILTER)
		buf_put_str(out,
		    " is refused to this service as a whole, whatever a policy says, by the filter of system calls that it was started with: its administrator would have to change the unit (SystemCallFilter= and what implies it) or the container");
	else
		buf_printf(out,
		    " needs the capability %s, which this service was started without, so that no policy can give it: its administrator would have to change the unit (CapabilityBoundingSet=) or the container",
		    capability_name((unsigned)withheld_capability(right)));
}

/* A program that did what it was asked lacks nothing. */
static bool
is_told(const struct unseen *u, const struct source *s)
{
	if (s->sight == KERNEL_LOG)
		return !u->log_explained;
	if (s->sight == WAITS)
		return u->timed_out;
	if (s->sight == WITHHELD)
		return u->refused ||
		       (s->right == WITHHELD_CLOCK && u->sets_clock);
	return true;
}

/* A path that a program was told is not there: explain_hints says it then. */
static bool
is_said(const struct buf *out, const char *place)
{
	char line[128];

	(void)snprintf(
	    line, sizeof(line), TOLD_NOTE "%s is not in view", place);
	return out->len > 0 &&
	       memmem(out->p, out->len, line, strlen(line)) != NULL;
}

bool
unseen_waits(const struct unseen *u)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++)
		if (sources[i].sight == WAITS && u->started[i] != 0)
			return u->timed_out;
	return false;
}

void
unseen_tell(const struct unseen *u, const struct policy *p, struct buf *out)
{
	for (size_t i = 0; i < sizeof(sources) / sizeof(sources[0]); i++) {
		const struct source *s = &sources[i];
		const char *place;
		char number[NUMBER];

		if (u->started[i] == 0 || !is_told(u, s) ||
		    (place = what_lacks(s, p, number)) == NULL ||
		    is_said(out, place))
			continue;
		if (out->len > 0)
			buf_put_u8(out, '\n');
		buf_put_str(out, TOLD_NOTE);
		put_names(out, s->names, u->started[i]);
		buf_put_str(out, ": ");
		put_words(out, s->words, place);
		if (s->sight == WITHHELD)
			put_withheld(out, s->right);
		if (s->when == waits_for_keys && p->jobs.offered && p->jobs.pty)
			buf_put_str(out, " (a job with pty has a terminal)");
		if (s->key != NULL)
			buf_printf(out, " (policy %s, %s)", p->name, s->key);
	}
}
