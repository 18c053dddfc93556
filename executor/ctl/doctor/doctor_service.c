/* SPDX-License-Identifier: MIT */
/*
 * doctor_service: what mcp-execd will find when it starts, or has found if it
 * runs.  Looks only; takes no lock and makes no file.  mcp-execctl.
 */
#include "executor/ctl/doctor/doctor_service.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "common/caps.h"
#include "common/cleanup.h"
#include "common/clock.h"
#include "common/fdio.h"
#include "common/plural.h"
#include "executor/conf/certificate.h"
#include "executor/conf/conf_listen.h"
#include "executor/ctl/doctor/portowner.h"
#include "executor/ctl/policy/posture.h"
#include "executor/ctl/policy/startable.h"
#include "executor/ctl/wrapped_text.h"
#include "executor/audit/loginuid.h"
#include "executor/confine/confine_load.h"
#include "executor/confine/ownpaths.h"
#include "executor/conf/servername.h"

enum {
	SOON_DAYS = 14, /* a token that ends within is worth a word */
	DAY_S = 86400,
	LEAST_HOURS = 2, /* of the most that runs may write */
	LOW_BYTES = 1 << 30, /* free space that is little */
	LOWEST_BYTES = 64 << 20, /* and that is too little */
	LOW_PERCENT = 5
};

/* --- configuration ---------------------------------------------------- */

/* Each line that loading has left in the report is a failure. */
static void
say_findings(struct report *r, const char *check)
{
	struct conf_report *found = &r->ctl->report;
	CLEANUP_STR char *all = strdup(buf_cstr(&found->text));
	char *save, *line;

	for (line = all == NULL ? NULL : strtok_r(all, "\n", &save);
	     line != NULL; line = strtok_r(NULL, "\n", &save))
		report_say(r, REPORT_FAIL, check,
		    "fix it, then: mcp-execctl check", "%s", line);
	conf_report_fini(found);
	conf_report_init(found);
}

static bool
has_conf(const struct report *r)
{
	return r->ctl->conf.policy_dir[0] == '/';
}

void
doctor_service_config(struct report *r)
{
	struct ctl *c = r->ctl;
	struct err e;
	int rc;

	memset(&c->conf, 0, sizeof(c->conf));
	rc = conf_load(c->config, &c->conf, &c->report, &e);
	if (rc == 0)
		report_say(r, REPORT_OK, "configuration", NULL,
		    "%s is good, and so are the permissions on its way",
		    c->conf.path);
	else if (c->report.count == 0)
		report_say(r, REPORT_FAIL, "configuration",
		    "name it with -c FILE, or write it", "%s", e.what);
	else if (access(c->config, R_OK) != 0 && errno == EACCES) {
		conf_report_fini(&c->report);
		conf_report_init(&c->report);
		report_say(r, REPORT_FAIL, "configuration",
		    report_advice(EACCES, NULL), "%s: %s", c->config,
		    strerror(EACCES));
	}
	say_findings(r, "configuration");
}

/* --- control groups --------------------------------------------------- */

static void
put_controllers(struct buf *b, unsigned bits)
{
	if ((bits & CGROUP_MEMORY) != 0)
		wrapped_text_item(b, "memory");
	if ((bits & CGROUP_PIDS) != 0)
		wrapped_text_item(b, "pids");
	if ((bits & CGROUP_CPU) != 0)
		wrapped_text_item(b, "cpu");
}

/* Version 1 is no help, and no unit can change which of them there is. */
static void
say_no_group(struct report *r)
{
	if (cgroup_mount() == NULL)
		report_say(r, REPORT_WARN, "cgroup",
		    "boot with systemd.unified_cgroup_hierarchy=1; until then memory_bytes is a limit of each process and processes one of the user, and cpu_percent is not available",
		    "this machine has control groups of version 1 only");
	else
		report_say(r, REPORT_WARN, "cgroup",
		    "set Delegate=yes in the unit, or name a group as \"cgroup\"; without one memory_bytes is a limit of each process and processes one of the user, and cpu_percent is not available",
		    "no group of version 2 is delegated to this process or to %s.service",
		    ctl_unit(r->ctl));
}

static const char *
advice_on_controllers(const char *path)
{
	if (strncmp(path, CGROUP_HYBRID, strlen(CGROUP_HYBRID)) == 0)
		return "version 1 has them here: boot with systemd.unified_cgroup_hierarchy=1; until then runs are still ended by their group, memory_bytes is a limit of each process and processes one of the user, and cpu_percent is not available";
	return "let the groups above delegate memory, pids and cpu (cgroup.subtree_control)";
}

/* Policies are then checked as mcp-execd would, with what there is. */
void
doctor_service_cgroup(struct report *r)
{
	const unsigned all = CGROUP_MEMORY | CGROUP_PIDS | CGROUP_CPU;
	const char *where = has_conf(r) ? r->ctl->conf.cgroup : "auto";
	CLEANUP_BUF struct buf names;
	char path[PATH_MAX] = "";
	unsigned bits = 0;
	struct err e;

	buf_init(&names, 128);
	if (cgroup_look(where, path, &bits, &e) != 0)
		report_say(
		    r, REPORT_FAIL, "cgroup", CGROUP_ADVICE, "%s", e.what);
	else if (path[0] == '\0')
		say_no_group(r);
	put_controllers(&names, bits);
	if (path[0] != '\0')
		report_say(r, bits == all ? REPORT_OK : REPORT_WARN, "cgroup",
		    advice_on_controllers(path), "%s, controllers: %s", path,
		    names.len > 0 ? buf_cstr(&names) : "none");
	cgroup_assume(path[0] != '\0', bits);
}

/* --- policies and tokens ---------------------------------------------- */

static void
say_programs(struct report *r, const char *name, const struct policy *p)
{
	CLEANUP_BUF struct buf why;

	buf_init(&why, STARTABLE_MAX);
	for (size_t i = 0; i < p->tool_count; i++) {
		const char *advice = startable_advice(p, i, &why);

		if (advice != NULL)
			report_say(
			    r, REPORT_WARN, name, advice, "%s", buf_cstr(&why));
		r->out.overflow |= why.overflow;
	}
}

static void
say_policy(struct report *r, const struct policy *p)
{
	CLEANUP_BUF struct buf in;
	char name[POLICY_MAX_NAME + 16];

	buf_init(&in, 1024);
	(void)snprintf(name, sizeof(name), "policy %s", p->name);
	posture_layers(&in, p);
	report_say(r, REPORT_OK, name, NULL,
	    "nothing that it requires is missing; layers: %s", buf_cstr(&in));
	r->out.overflow |= in.overflow;
	if ((p->confine.layers & CONFINE_WALLS) == 0)
		report_say(r, REPORT_WARN, name,
		    "remove mounts or landlock from \"disable\", unless you accept that",
		    "neither mounts nor landlock is in force: only the permissions of %s protect files%s",
		    p->user,
		    p->uid == 0
			? ", so that its commands can change the audit log and read the tokens"
			: "");
	say_programs(r, name, p);
	if (p->log_only)
		report_say(r, REPORT_WARN, name,
		    "remove log_only when the trial is over",
		    "its refusals of system calls are only logged");
	if (p->uid == r->ctl->conf.frontend_uid && caps_can_change_ids())
		report_say(r, REPORT_FAIL, name,
		    "give the policy another \"user\", or the frontend one of its own",
		    "its commands run as the frontend's user, uid %u",
		    (unsigned)p->uid);
}

void
doctor_service_policies(struct report *r)
{
	struct ctl *c = r->ctl;
	unsigned before = c->report.count;
	struct err e;
	int rc;

	if (!has_conf(r))
		return;
	confine_load_posture(c->conf.posture);
	rc = tooldef_load_dir(c->conf.tool_dir, &c->tools, &c->report, &e);
	if (rc == 0)
		rc = policydir_load(c->conf.policy_dir, &c->tools, &c->policies,
		    &c->report, &e);
	if (rc != 0 && c->report.count == before) /* nothing to be mended */
		report_say(r, REPORT_FAIL, "policies",
		    report_advice(e.sysno, "try again"), "%s", e.what);
	else if (rc == 0 && c->policies.count == 0)
		report_say(r, REPORT_WARN, "policies",
		    "write one: see mcp-execd-policy(5) and the examples",
		    "%s holds none", c->conf.policy_dir);
	for (size_t i = 0; i < c->policies.count; i++)
		say_policy(r, c->policies.p[i]);
	say_findings(r, "policies");
}

static void
say_token(struct report *r, const struct token *t, uint64_t now)
{
	char name[POLICY_MAX_NAME + 16], advice[POLICY_MAX_NAME + 64];

	(void)snprintf(name, sizeof(name), "token %s", t->name);
	(void)snprintf(advice, sizeof(advice),
	    "remove it: mcp-execctl token revoke %s", t->name);
	if (t->expires != 0 && t->expires <= now)
		report_say(r, REPORT_WARN, name, advice, "has expired");
	else if (t->expires != 0 && t->expires - now < SOON_DAYS * DAY_S)
		report_say(r, REPORT_WARN, name,
		    "make a new one: mcp-execctl token add",
		    "expires within %llu day%s",
		    (unsigned long long)(t->expires - now) / DAY_S + 1,
		    plural_s((t->expires - now) / DAY_S + 1));
}

void
doctor_service_tokens(struct report *r)
{
	struct ctl *c = r->ctl;
	unsigned before = r->count[REPORT_WARN];
	bool known = true;
	struct err e;

	if (!has_conf(r) || c->policies.count == 0)
		return;
	ownpaths_set(&c->conf);
	loginuid_reserve(c->conf.login_uid_first, c->conf.login_uid_last);
	if (tokendir_load(c->conf.token_dir, &c->policies, NULL, &c->tokens,
		&c->report, &e) != 0) {
		known = c->report.count > 0;
		report_say(r, REPORT_FAIL, "tokens",
		    report_advice(
			e.sysno, "create the directory, or set \"token_dir\""),
		    "%s", e.what);
	}
	for (size_t i = 0; i < c->tokens.count; i++)
		say_token(r, c->tokens.t[i], clock_wall_us() / 1000000);
	if (!known)
		return;
	if (c->tokens.count == 0 && c->report.count == 0)
		report_say(r, REPORT_WARN, "tokens",
		    "make one: mcp-execctl token add NAME --policy POLICY",
		    "there is none, so every client is refused");
	else if (c->report.count == 0 && r->count[REPORT_WARN] == before)
		report_say(r, REPORT_OK, "tokens", NULL,
		    "%zu, none expires within %d days", c->tokens.count,
		    SOON_DAYS);
	say_findings(r, "tokens");
}

/* --- frontend --------------------------------------------------------- */

void
doctor_service_frontend(struct report *r)
{
	const struct conf *c = &r->ctl->conf;
	struct stat st;

	if (!has_conf(r) || stat(c->frontend_path, &st) != 0)
		return; /* the configuration's findings name it */
	report_say(r, REPORT_OK, "frontend", NULL, "%s, as uid %u and gid %u",
	    c->frontend_path, c->frontend_uid, c->frontend_gid);
	if ((st.st_mode & (S_ISUID | S_ISGID)) != 0)
		report_say(r, REPORT_FAIL, "frontend",
		    "chmod ug-s it: it faces the network",
		    "%s is set-user-ID or set-group-ID", c->frontend_path);
	if (stat(c->launcher_path, &st) == 0)
		report_say(
		    r, REPORT_OK, "launcher", NULL, "%s", c->launcher_path);
}

/* --- certificate ------------------------------------------------------ */

void
doctor_service_certificate(struct report *r)
{
	static const struct {
		enum report_level level;
		const char *advice;
	} states[] = {
		[CERTIFICATE_GOOD] = { REPORT_OK, NULL },
		[CERTIFICATE_SOON] = { REPORT_WARN,
		    "renew it, then reload mcp-execd" },
		[CERTIFICATE_EARLY] = { REPORT_FAIL,
		    "look at the clock, or make another" },
		[CERTIFICATE_EXPIRED] = { REPORT_FAIL,
		    "renew it, then reload mcp-execd" },
	};
	int64_t now = (int64_t)(clock_wall_us() / 1000000);
	const struct conf *c = &r->ctl->conf;
	struct certificate cert = { .memory = NULL };
	const char *at = cert.remarks;
	enum certificate_state s;
	char text[512];
	struct err e;
	int rc;

	if (!has_conf(r) || c->tls_certificate[0] == '\0')
		return;
	rc = certificate_load(c, &cert, &e);
	s = certificate_state_at(&cert, now);
	certificate_describe(&cert, now, text, sizeof(text));
	if (rc == ERR_AGAIN)
		report_say(r, REPORT_WARN, "certificate",
		    "run doctor again when mcp-execd runs", "%s", e.what);
	else if (rc != 0)
		report_say(r, REPORT_FAIL, "certificate",
		    "fix it, then: mcp-execctl check", "%s", e.what);
	else
		report_say(r, states[s].level, "certificate", states[s].advice,
		    "%s: %s", c->tls_certificate, text);
	while (rc == 0 && certificate_remark(&at, text, sizeof(text)))
		report_say(r, REPORT_WARN, "certificate",
		    "get a new one, then reload mcp-execd", "%s: %s",
		    c->tls_certificate, text);
	certificate_fini(&cert);
}

/* --- audit log -------------------------------------------------------- */

/*
 * Does a process hold the log, as a running mcp-execd does?  From
 * /proc/locks, as taking a lock ourselves could keep one from starting.
 */
static bool
is_locked(const struct stat *st)
{
	FILE *f = fopen("/proc/locks", "re");
	char line[256], file[64];
	bool found = false;

	/* By inode alone: btrfs has two device numbers for one file. */
	(void)snprintf(
	    file, sizeof(file), ":%llu ", (unsigned long long)st->st_ino);
	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		found |=
		    strstr(line, "FLOCK") != NULL && strstr(line, file) != NULL;
	if (f != NULL)
		(void)fclose(f);
	return found;
}

static void
check_space(struct report *r, const char *dir)
{
	struct statvfs fs;
	uint64_t free_bytes, percent;

	if (access(dir, F_OK) != 0)
		return; /* as check_log_dir has said */
	if (statvfs(dir, &fs) != 0) {
		report_say(r, REPORT_FAIL, "disk space",
		    "see whether the file system is mounted", "%s: %s", dir,
		    strerror(errno));
		return;
	}
	free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
	percent = fs.f_blocks > 0 ? fs.f_bavail * 100 / fs.f_blocks : 100;
	report_say(r,
	    free_bytes < LOWEST_BYTES || (fs.f_files > 0 && fs.f_favail == 0)
		? REPORT_FAIL
	    : free_bytes < LOW_BYTES || percent < LOW_PERCENT ? REPORT_WARN
							      : REPORT_OK,
	    "disk space",
	    "make room: when the log cannot be written, nothing is run",
	    "%llu MiB (%llu %%) are free at %s",
	    (unsigned long long)(free_bytes >> 20), (unsigned long long)percent,
	    dir);
}

/* How large the log may become, compared with the free space. */
static void
check_growth(struct report *r, const char *dir)
{
	const struct conf *c = &r->ctl->conf;
	uint64_t room, most = (c->audit_keep + 1ULL) * c->audit_rotate_bytes;
	bool bounded = c->audit_keep > 0 && c->audit_rotate_bytes > 0;
	uint64_t minutes, hours;
	struct statvfs fs;

	if (statvfs(dir, &fs) != 0)
		return; /* as check_space has said */
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	minutes = room / c->audit_bytes_per_second / 60;
	hours = minutes / 60;
	if (c->audit_reserve_bytes == 0)
		report_say(r, REPORT_WARN, "log growth",
		    "set audit.reserve_bytes, so that one token that fills the disk does not stop the others",
		    "no space is reserved for when the log's disk is full");
	else if (bounded)
		report_say(r,
		    room + c->audit_rotate_bytes > most ? REPORT_OK
							: REPORT_WARN,
		    "log growth",
		    "make room, or lower audit.keep or audit.rotate_bytes",
		    "%u rotated files are kept, %llu MiB at most; %llu MiB are free",
		    (unsigned)c->audit_keep, (unsigned long long)(most >> 20),
		    (unsigned long long)(room >> 20));
	else
		report_say(r, hours < LEAST_HOURS ? REPORT_WARN : REPORT_OK,
		    "log growth",
		    "make room, set audit.keep, move older files away, or lower audit.bytes_per_second",
		    "all files of the log are kept; if runs wrote as much as they may, the free space would last %llu %s",
		    (unsigned long long)(hours < LEAST_HOURS ? minutes : hours),
		    hours < LEAST_HOURS ? "minutes" : "hours");
}

static void
check_log_file(struct report *r, const char *path, const struct stat *st)
{
	if (!S_ISREG(st->st_mode) || st->st_uid != geteuid() ||
	    (st->st_mode & 022) != 0)
		report_say(r, REPORT_FAIL, "audit log",
		    "it must be a file of the user that mcp-execd runs as, and writable by nobody else: chown and chmod 0600 it",
		    "%s: owned by uid %u, mode %04o", path,
		    (unsigned)st->st_uid, (unsigned)st->st_mode & 07777);
	else if (access(path, W_OK) != 0)
		report_say(r, REPORT_FAIL, "audit log",
		    report_advice(
			errno, "see the file system and its attributes"),
		    "%s: %s", path, strerror(errno));
	else
		report_say(r, REPORT_OK, "audit log", NULL,
		    "%s can be written%s", path,
		    is_locked(st) ? ", and mcp-execd does" : "");
}

static void
check_log_dir(struct report *r, const char *dir)
{
	struct stat st;

	if (stat(dir, &st) != 0 || access(dir, W_OK | X_OK) != 0)
		report_say(r, REPORT_FAIL, "audit log",
		    report_advice(
			errno, "make the directory: install -d -m 0700"),
		    "%s: %s", dir, strerror(errno));
	else if ((st.st_uid != 0 && st.st_uid != geteuid()) ||
		 ((st.st_mode & 022) != 0 && (st.st_mode & S_ISVTX) == 0))
		report_say(r, REPORT_FAIL, "audit log",
		    "chown the directory to root and chmod go-w it",
		    "%s: others can rename or remove the log", dir);
}

void
doctor_service_audit(struct report *r)
{
	const char *path = r->ctl->conf.audit_file;
	char dir[PATH_MAX];
	struct stat st;

	if (!has_conf(r) || path[0] != '/')
		return;
	(void)snprintf(dir, sizeof(dir), "%s", path);
	*strrchr(dir, '/') = '\0';
	if (dir[0] == '\0')
		(void)strcpy(dir, "/");
	check_log_dir(r, dir);
	if (lstat(path, &st) == 0)
		check_log_file(r, path, &st);
	else if (errno == ENOENT)
		report_say(r, REPORT_OK, "audit log", NULL,
		    "%s does not exist yet, and will be created", path);
	else
		report_say(r, REPORT_FAIL, "audit log",
		    report_advice(errno, "make it readable to mcp-execd"),
		    "%s: %s", path, strerror(errno));
	check_space(r, dir);
	check_growth(r, dir);
}

/* --- ports ------------------------------------------------------------ */

/* A UNIX socket is not bound, which would replace it: somebody answers? */
static void
check_socket(struct report *r, const struct conf_listener *l, bool running)
{
	CLEANUP_FD int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[CONF_MAX_NAME + 8];
	bool answers =
	    connect(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0;
	int why = errno;
	struct ucred who = { .pid = 0 }; /* the listening program */
	socklen_t len = sizeof(who);

	if (answers)
		(void)getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len);
	(void)snprintf(name, sizeof(name), "socket %s", l->text);
	if (answers && who.pid == 1)
		report_say(r, REPORT_OK, name, NULL,
		    "systemd holds it, for a socket unit");
	else if (answers && running)
		report_say(r, REPORT_OK, name, NULL,
		    "in use, and an mcp-execd is running");
	else if (answers)
		report_say(r, REPORT_FAIL, name,
		    "stop the other program, or change \"listen\"",
		    "in use, and no mcp-execd writes this audit log");
	else if (why == ENOENT || why == ECONNREFUSED)
		report_say(r, REPORT_OK, name, NULL, "free");
	else
		report_say(r, REPORT_FAIL, name,
		    "see what is there, or change \"listen\"", "%s",
		    strerror(why));
}

static void
check_port(struct report *r, const struct conf_listener *l, bool running)
{
	const int on = 1;
	CLEANUP_FD int fd =
	    socket(l->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char name[CONF_MAX_NAME + 8], owner[PORTOWNER_TEXT];

	(void)snprintf(name, sizeof(name), "port %s", l->text);
	if (fd != -1)
		(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd != -1 &&
	    bind(fd, (const struct sockaddr *)&l->addr, l->addr_len) == 0) {
		report_say(r, REPORT_OK, name, NULL, "free");
		return;
	}
	if (errno != EADDRINUSE) {
		report_say(r, REPORT_FAIL, name, "change \"listen\"", "%s",
		    strerror(errno));
		return;
	}
	portowner_find(l, owner);
	if (strstr(owner, ", process 1") != NULL &&
	    strcmp(strstr(owner, ", process 1"), ", process 1") == 0)
		report_say(r, REPORT_OK, name, NULL,
		    "systemd holds it, for a socket unit");
	else if (running)
		report_say(r, REPORT_OK, name, NULL,
		    "in use%s%s, and an mcp-execd is running",
		    owner[0] != '\0' ? " by " : "", owner);
	else if (owner[0] == '\0' && geteuid() != 0)
		report_say(r, REPORT_WARN, name,
		    "run the doctor as root to see by which program; a socket unit of mcp-execd is fine",
		    "in use, and only root can see by which program");
	else
		report_say(r, REPORT_FAIL, name,
		    "stop the other program, or change \"listen\"",
		    "in use%s%s, and no mcp-execd writes this audit log",
		    owner[0] != '\0' ? " by " : "", owner);
}

/* Allowed, but rarely intended. */
static void
check_meaning(struct report *r, const struct conf *c)
{
	const char *there = servername_unreachable(c);

	if (there != NULL)
		report_say(r, REPORT_WARN, "names",
		    "set \"public_url\" or \"allowed_hosts\"",
		    "clients elsewhere can connect to %s, but only names of the loopback interface are answered",
		    there);
	for (size_t i = 0; i < c->listen_count; i++)
		if (!c->listen[i].tls && !conf_listen_is_local(&c->listen[i]))
			report_say(r, REPORT_WARN, "plaintext",
			    "write \"tls:ADDRESS:PORT\" in \"listen\"",
			    "tokens travel to %s unencrypted",
			    c->listen[i].text);
}

void
doctor_service_ports(struct report *r)
{
	const struct conf *c = &r->ctl->conf;
	struct stat st;
	bool running = lstat(c->audit_file, &st) == 0 && is_locked(&st);

	check_meaning(r, c);
	for (size_t i = 0; i < c->listen_count; i++)
		if (c->listen[i].addr.ss_family == AF_UNIX)
			check_socket(r, &c->listen[i], running);
		else
			check_port(r, &c->listen[i], running);
}
