/* SPDX-License-Identifier: MIT */
/*
 * doctor_running: looks at /proc/PID of the process that answers at the
 * control socket; asks it nothing.  mcp-execctl.
 */
#include "executor/ctl/doctor/doctor_running.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/capability.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "executor/confine/cgroup.h"
#include "executor/control/control_socket.h"
#include "executor/ctl/doctor/doctor_survive.h"
#include "executor/ctl/wrapped_text.h"
#include "executor/service/service_rlimits.h"
#include "executor/audit/audit.h"
#include "executor/audit/resume.h"
#include "executor/policy/capability.h"

enum {
	MAX_TEXT = 64 << 10 /* bytes of a file of /proc */
};

/* One process; its files are read once. */
struct service {
	struct report *r;
	pid_t pid;
	/* status: of its keeper, which starts what runs, or its own */
	char status[MAX_TEXT], own[MAX_TEXT], limits[MAX_TEXT],
	    environment[MAX_TEXT];
	char cgroup[PATH_MAX]; /* below /sys/fs/cgroup, or "" */
	bool managed; /* by a service manager that listens to it */
};

static bool
has_conf(const struct report *r)
{
	return r->ctl->conf.policy_dir[0] == '/';
}

/* --- /proc ------------------------------------------------------------- */

/* The file of the process as text, with spaces for NULs; false: not to us. */
static bool
read_proc(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];
	size_t len = 0;
	ssize_t n = 0;
	CLEANUP_FD int fd = -1;

	(void)snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	while (fd != -1 && len < size - 1 &&
	       (n = read(fd, out + len, size - 1 - len)) > 0)
		len += (size_t)n;
	for (size_t i = 0; i < len; i++)
		if (out[i] == '\0')
			out[i] = '\n';
	out[len] = '\0';
	return fd != -1 && n >= 0;
}

/* What follows "name:" at the beginning of a line, or NULL. */
static const char *
find_field(const char *text, const char *name)
{
	size_t n = strlen(name);

	for (; text != NULL; text = strchr(text, '\n')) {
		text += *text == '\n';
		if (strncmp(text, name, n) == 0)
			return text + n + strspn(text + n, " \t");
		if (*text == '\0')
			break;
	}
	return NULL;
}

static uint64_t
read_number(const char *text, const char *name, int base)
{
	const char *value = find_field(text, name);

	return value != NULL ? strtoull(value, NULL, base) : 0;
}

/*
 * Of its keeper, which has what the unit gave; without one, of itself.  The
 * children by number, as "12 345 ".
 */
static void
read_keeper(struct service *s)
{
	static const char name[] = "mcp-execd-keepr\n";
	char list[4096], path[64], comm[32], *at = list, *end;

	(void)snprintf(path, sizeof(path), "task/%d/children", (int)s->pid);
	if (!read_proc(s->pid, path, list, sizeof(list)))
		list[0] = '\0';
	for (long pid; (pid = strtol(at, &end, 10)) > 0 && end != at; at = end)
		if (read_proc((pid_t)pid, "comm", comm, sizeof(comm)) &&
		    strcmp(comm, name) == 0 &&
		    read_proc(
			(pid_t)pid, "status", s->status, sizeof(s->status)))
			return;
	memcpy(s->status, s->own, sizeof(s->status));
}

/* --- what it gave away --------------------------------------------------- */

static void
check_given_away(struct service *s)
{
	const uint64_t left = (uint64_t)1 << CAP_DAC_READ_SEARCH |
			      (uint64_t)1 << CAP_DAC_OVERRIDE |
			      (uint64_t)1 << CAP_AUDIT_WRITE;

	if ((read_number(s->own, "CapPrm:", 16) & ~left) == 0 &&
	    read_number(s->own, "CapBnd:", 16) == 0 &&
	    read_number(s->own, "NoNewPrivs:", 10) == 1 &&
	    read_number(s->own, "Seccomp:", 10) == 2)
		report_say(s->r, REPORT_OK, "power of the service", NULL,
		    "mcp-execd gave it away after its start, and a filter of its own is on");
	else
		report_say(s->r, REPORT_WARN, "power of the service",
		    "install a release build, and restart the service",
		    "mcp-execd has more than it needs: capabilities, a bounding set, or no filter of its own");
}

/* --- its unit ----------------------------------------------------------- */

static void
check_privileges(struct service *s)
{
	if (read_number(s->status, "NoNewPrivs:", 10) == 1)
		report_say(s->r, REPORT_OK, "no_new_privs of the service", NULL,
		    "set-user-ID programs give it nothing");
	else
		report_say(s->r, REPORT_WARN, "no_new_privs of the service",
		    "set NoNewPrivileges=yes in the unit",
		    "it is not set for the service (each run has it)");
}

struct cap {
	unsigned bit;
	const char *text;
};

/* Root's service needs these; and what is missed without. */
static const struct cap needed[] = {
	{ CAP_SETUID, "CAP_SETUID (run as the policy's user)" },
	{ CAP_SETGID, "CAP_SETGID (run as the policy's group)" },
	{ CAP_SETPCAP, "CAP_SETPCAP (empty the bounding set)" },
	{ CAP_KILL, "CAP_KILL (end what another user runs)" },
	{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN (namespaces and mounts)" },
	{ CAP_SYS_CHROOT, "CAP_SYS_CHROOT (a root of its own)" },
};

/* Nothing here uses these. */
static const struct cap needless[] = {
	{ CAP_SYS_MODULE, "CAP_SYS_MODULE" },
	{ CAP_SYS_RAWIO, "CAP_SYS_RAWIO" },
	{ CAP_SYS_BOOT, "CAP_SYS_BOOT" },
	{ CAP_SYS_TIME, "CAP_SYS_TIME" },
	{ CAP_MKNOD, "CAP_MKNOD" },
	{ CAP_SYSLOG, "CAP_SYSLOG" },
	{ CAP_MAC_ADMIN, "CAP_MAC_ADMIN" },
	{ CAP_BPF, "CAP_BPF" },
};

static void
list_caps(struct buf *b, const struct cap *caps, size_t count, uint64_t set)
{
	for (size_t i = 0; i < count; i++)
		if ((set >> caps[i].bit & 1) != 0)
			wrapped_text_item(b, "%s", caps[i].text);
}

static void
check_capabilities(struct service *s)
{
	CLEANUP_BUF struct buf missing = { 0 }, extra = { 0 };

	if (read_number(s->status, "Uid:", 10) != 0)
		return; /* an ordinary user has none, and needs none */
	buf_init(&missing, 1024);
	buf_init(&extra, 1024);
	list_caps(&missing, needed, sizeof(needed) / sizeof(needed[0]),
	    ~read_number(s->status, "CapEff:", 16));
	list_caps(&extra, needless, sizeof(needless) / sizeof(needless[0]),
	    read_number(s->status, "CapBnd:", 16));
	if (missing.len > 0)
		report_say(s->r, REPORT_FAIL, "capabilities",
		    "add them to CapabilityBoundingSet= of the unit",
		    "the service runs without %s", buf_cstr(&missing));
	if (extra.len > 0)
		report_say(s->r, REPORT_WARN, "capabilities",
		    "set CapabilityBoundingSet= in the unit as the package does",
		    "the service could gain capabilities that it never needs: %s",
		    buf_cstr(&extra));
	if (missing.len + extra.len == 0)
		report_say(s->r, REPORT_OK, "capabilities", NULL,
		    "the service has the capabilities that it needs, and no others");
}

/* "=CAP_CHOWN CAP_FOWNER", as a unit's file has them. */
static void
list_unit_caps(uint64_t bits, struct buf *out)
{
	size_t n = 0;

	for (unsigned i = 0; capability_name(i) != NULL; i++)
		if ((bits >> i & 1) != 0) {
			buf_put_u8(out, n++ > 0 ? ' ' : '=');
			for (const char *p = capability_name(i); *p != '\0';
			     p++)
				buf_put_u8(out, (uint8_t)toupper(*p));
		}
}

/*
 * What policies keep and the unit does not have: they loaded here, where root
 * has everything, and are refused there.
 */
static void
check_kept(struct service *s)
{
	const struct policy_table *t = &s->r->ctl->policies;
	uint64_t has = read_number(s->status, "CapBnd:", 16), missing = 0;
	CLEANUP_BUF struct buf names, lines;

	buf_init(&names, 1024);
	buf_init(&lines, 1024);
	for (size_t i = 0; i < t->count; i++) {
		if ((t->p[i]->capabilities & ~has) != 0)
			wrapped_text_item(&names, "%s", t->p[i]->name);
		missing |= t->p[i]->capabilities & ~has;
	}
	if (missing == 0)
		return;
	buf_put_str(&lines,
	    "systemctl edit mcp-execd, then a line [Service] and a line CapabilityBoundingSet");
	list_unit_caps(missing, &lines);
	buf_put_str(&lines, ", and restart it");
	report_say(s->r, REPORT_FAIL, "capabilities of policies",
	    buf_cstr(&lines),
	    "the unit keeps back what these policies give to commands, so that they are refused at the next load: %s",
	    buf_cstr(&names));
}

/* As its mount namespace has them. */
static void
check_system(struct service *s)
{
	CLEANUP_BUF struct buf writable;
	static const char *const dirs[] = { "/usr", "/boot", "/etc" };
	char path[64];
	struct statvfs fs;

	buf_init(&writable, 256);
	for (size_t i = 0; i < sizeof(dirs) / sizeof(dirs[0]); i++) {
		(void)snprintf(path, sizeof(path), "/proc/%d/root%s",
		    (int)s->pid, dirs[i]);
		if (statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) == 0)
			wrapped_text_item(&writable, "%s", dirs[i]);
	}
	if (writable.len == 0)
		report_say(s->r, REPORT_OK, "system files", NULL,
		    "read-only to the service and all that it starts");
	else
		report_say(s->r, REPORT_WARN, "system files",
		    "set ProtectSystem=full in the unit",
		    "a process that escapes from a run as root could change %s",
		    buf_cstr(&writable));
}

static void
check_descriptors(struct service *s)
{
	const char *value = find_field(s->limits, "Max open files");
	uint64_t soft, needs = service_rlimits_files_needed(&s->r->ctl->conf);

	if (value == NULL || strncmp(value, "unlimited", 9) == 0)
		return;
	soft = strtoull(value, NULL, 10);
	report_say(s->r, soft < needs ? REPORT_WARN : REPORT_OK, "descriptors",
	    "set LimitNOFILE= in the unit, or lower limits.runs and limits.connections",
	    "%" PRIu64
	    " may be open, and limits.runs and limits.connections may need %" PRIu64,
	    soft, needs);
}

/* systemd marks a group that it hands on (CGROUP_DELEGATION.md). */
static void
check_delegation(struct service *s)
{
	char path[PATH_MAX + 64], value[4];
	const char *mount = cgroup_mount();

	if (mount == NULL)
		return; /* said of the machine, see doctor_service_cgroup */
	(void)snprintf(path, sizeof(path), "%s%s", mount, s->cgroup);
	if (getxattr(path, "user.delegate", value, sizeof(value)) > 0 ||
	    getxattr(path, "trusted.delegate", value, sizeof(value)) > 0)
		report_say(s->r, REPORT_OK, "delegation", NULL,
		    "systemd leaves %s to the service", s->cgroup);
	else if (errno == ENODATA)
		report_say(s->r, REPORT_WARN, "delegation",
		    "set Delegate=memory pids cpu in the unit",
		    "systemd does not leave %s to the service: there are no limits of memory, processes and CPU for each run",
		    s->cgroup);
}

static void
check_manager(struct service *s)
{
	if (!s->managed) {
		report_say(s->r, REPORT_OK, "unit", NULL,
		    "no service manager listens to it");
		return;
	}
	if (find_field(s->environment, "WATCHDOG_USEC=") == NULL)
		report_say(s->r, REPORT_WARN, "watchdog",
		    "set WatchdogSec=60 in the unit",
		    "the service manager does not notice a service that hangs");
	else
		report_say(s->r, REPORT_OK, "watchdog", NULL,
		    "the service manager restarts a service that hangs");
	if (s->cgroup[0] != '\0')
		check_delegation(s);
}

/* "0::/system.slice/mcp-execd.service", of which runs' groups are children. */
static void
find_cgroup(struct service *s)
{
	char text[PATH_MAX + 64], *end;
	const char *path;

	if (!read_proc(s->pid, "cgroup", text, sizeof(text)))
		return;
	path = find_field(text, "0::");
	end = path != NULL ? strstr(path, ".service") : NULL;
	if (end == NULL)
		return;
	end[strlen(".service")] = '\0';
	(void)snprintf(s->cgroup, sizeof(s->cgroup), "%s", path);
}

/* The process that listens at the control socket. */
static pid_t
find_service(const struct conf *c, struct err *e)
{
	CLEANUP_FD int fd = control_socket_connect(c->control, e);
	struct ucred who = { .pid = 0 };
	socklen_t len = sizeof(who);

	if (fd < 0)
		return 0;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == -1)
		(void)err_sys(e, "SO_PEERCRED");
	return who.pid;
}

static void
look_at_process(struct service *s)
{
	report_say(s->r, REPORT_OK, "service", NULL,
	    "process %d runs with this configuration", (int)s->pid);
	if (!read_proc(s->pid, "status", s->own, sizeof(s->own)) ||
	    !read_proc(s->pid, "limits", s->limits, sizeof(s->limits)))
		return; /* it has just ended */
	read_keeper(s);
	find_cgroup(s);
	check_given_away(s);
	check_privileges(s);
	check_capabilities(s);
	check_kept(s);
	check_descriptors(s);
	doctor_survive(s->r);
	if (read_number(s->status, "Uid:", 10) == 0 && geteuid() == 0)
		check_system(s);
	if (!read_proc(
		s->pid, "environ", s->environment, sizeof(s->environment)))
		return; /* root's alone */
	s->managed = find_field(s->environment, "NOTIFY_SOCKET=") != NULL;
	check_manager(s);
}

void
doctor_running_service(struct report *r)
{
	static struct service s;
	char advice[256];
	struct err e = { 0 };

	if (!has_conf(r))
		return;
	memset(&s, 0, sizeof(s));
	s.r = r;
	s.pid = find_service(&r->ctl->conf, &e);
	(void)snprintf(advice, sizeof(advice),
	    "start it: systemctl start %s, and see journalctl -u %s",
	    ctl_unit(r->ctl), ctl_unit(r->ctl));
	if (s.pid > 0)
		look_at_process(&s);
	else if (e.code == ERR_EOF)
		report_say(r, REPORT_WARN, "service", advice,
		    "none runs with this configuration");
	else
		report_say(r, REPORT_WARN, "service",
		    "run the doctor as root, or as the service's user", "%s",
		    e.what);
}

/* --- seal --------------------------------------------------------------- */

static bool
read_log(const struct conf *c, struct seal_point *p, struct resume *out,
    struct err *e)
{
	CLEANUP_FD int fd =
	    open(c->audit_file, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOFOLLOW);

	memset(out, 0, sizeof(*out));
	if (fd == -1) {
		(void)err_sys(e, "%s", c->audit_file);
		return false;
	}
	return resume_read(c->audit_file, fd, p, out, e) == 0;
}

/* The log may be rotated while it is read: that shows as a gap, once. */
static bool
compare_logs(
    const struct conf *c, bool *sealed, struct resume *out, struct err *e)
{
	struct seal_point p;
	int tries;

	for (tries = 0; tries < 3; tries++) {
		if (seal_read(c->audit_seal_state, &p, sealed, e) != 0 ||
		    !read_log(c, *sealed ? &p : NULL, out, e)) {
			explicit_bzero(&p, sizeof(p));
			return false;
		}
		explicit_bzero(&p, sizeof(p));
		resume_fini(out);
		if (out->gap == RESUME_FITS)
			break;
	}
	return true;
}

/* What "audit.seal" itself decides, whatever the log holds. */
static bool
say_seal_setting(struct report *r, const struct conf *c)
{
	struct stat st;

	if (strcmp(c->audit_seal, "off") == 0) {
		report_say(r, REPORT_WARN, "audit seal",
		    "set it to \"auto\", then mcp-execctl audit seal-init, and keep the key elsewhere",
		    "\"audit.seal\" is \"off\", so the log is not sealed: anyone who becomes root can rewrite it unnoticed");
		return true;
	}
	if (strcmp(c->audit_seal, "require") != 0 ||
	    lstat(c->audit_seal_state, &st) == 0 || errno != ENOENT)
		return false;
	report_say(r, REPORT_FAIL, "audit seal", AUDIT_NO_STATE_ADVICE,
	    "\"audit.seal\" is \"require\" and there is no %s: mcp-execd does not start",
	    c->audit_seal_state);
	return true;
}

void
doctor_running_seal(struct report *r)
{
	const struct conf *c = &r->ctl->conf;
	bool sealed = false;
	struct resume log;
	struct err e = { 0 };

	if (!has_conf(r) || say_seal_setting(r, c) ||
	    access(c->audit_file, F_OK) != 0)
		return;
	if (!compare_logs(c, &sealed, &log, &e))
		report_say(r, REPORT_WARN, "audit seal",
		    report_advice(e.sysno, "see what is there"), "%s", e.what);
	else if (!log.empty && log.sequence == 0)
		report_say(r, REPORT_FAIL, "audit seal",
		    "see what wrote there, and move it away; mcp-execd makes another",
		    "%s: no line of it is a record", c->audit_file);
	else if (log.gap != RESUME_FITS)
		report_say(r, REPORT_FAIL, "audit seal",
		    "the log was tampered with, or lost: mcp-execctl audit verify --key-file FILE names the first bad record",
		    "%s", resume_gap_text(log.gap));
	else if (sealed)
		report_say(r, REPORT_OK, "audit seal", NULL,
		    "the log fits its state, up to record %" PRIu64
		    "; audit verify checks all of it",
		    log.sequence);
	else
		report_say(r, REPORT_WARN, "audit seal",
		    "mcp-execctl audit seal-init, and keep the key elsewhere",
		    "the log is not sealed: anyone who becomes root can rewrite it unnoticed");
}

/* --- clock -------------------------------------------------------------- */

void
doctor_running_clock(struct report *r)
{
	struct timex t = { .modes = 0 };
	int state = adjtimex(&t);

	if (state == -1)
		report_say(r, REPORT_WARN, "clock", "see adjtimex(2)", "%s",
		    strerror(errno));
	else if (state == TIME_ERROR || (t.status & STA_UNSYNC) != 0)
		report_say(r, REPORT_WARN, "clock",
		    "run chrony or systemd-timesyncd",
		    "it is not synchronized: times in the log, and when tokens and certificates expire, may be wrong");
	else
		report_say(r, REPORT_OK, "clock", NULL, "it is synchronized");
}
