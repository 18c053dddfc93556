/* SPDX-License-Identifier: MIT */
/*
 * doctor_recordings: what executor/recordings will find.  Looks only.  mcp-execctl.
 */
#include "executor/ctl/doctor/doctor_recordings.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum { LEAST_BYTES = 64 << 20 /* with less free, the log suffers first */ };

#define NAME "recordings"

/* Or keeps what its jobs write. */
static const struct policy *
who_records(const struct policy_table *t)
{
	for (size_t i = 0; i < t->count; i++)
		if (t->p[i]->output != RECORDER_OFF || t->p[i]->jobs.offered)
			return t->p[i];
	return NULL;
}

/* Bytes that its files have on disk. */
static uint64_t
bytes_in(const char *path, const char *folder)
{
	char name[PATH_MAX];
	DIR *d = snprintf(name, sizeof(name), "%s%s", path, folder) <
			 (int)sizeof(name)
		     ? opendir(name)
		     : NULL;
	uint64_t sum = 0;
	struct dirent *f;
	struct stat st;

	while (d != NULL && (f = readdir(d)) != NULL)
		if (fstatat(dirfd(d), f->d_name, &st, AT_SYMLINK_NOFOLLOW) ==
			0 &&
		    S_ISREG(st.st_mode))
			sum += (uint64_t)st.st_blocks * 512;
	if (d != NULL)
		(void)closedir(d);
	return sum;
}

/* path or, where it is still to be made, the directory above it. */
static void
check_room(struct report *r, const char *path, uint64_t used)
{
	uint64_t most = r->ctl->conf.recordings_max_bytes, more, room;
	struct statvfs fs;

	if (statvfs(path, &fs) != 0) {
		report_say(r, REPORT_FAIL, NAME,
		    "see whether the file system is mounted", "%s: %s", path,
		    strerror(errno));
		return;
	}
	room = (uint64_t)fs.f_bavail * fs.f_frsize;
	more = most > used ? most - used : 0;
	report_say(r,
	    room >= more + LEAST_BYTES ? REPORT_OK
	    : room < LEAST_BYTES       ? REPORT_FAIL
				       : REPORT_WARN,
	    NAME,
	    "make room, or lower recordings.max_bytes: a command whose output cannot be recorded any more is ended",
	    "%llu MiB are free at %s; recordings and output of jobs take %llu MiB, and may grow to %llu MiB",
	    (unsigned long long)(room >> 20), path,
	    (unsigned long long)(used >> 20), (unsigned long long)(most >> 20));
}

static void
check_there(struct report *r, const char *path, const struct stat *st)
{
	if (!S_ISDIR(st->st_mode) || st->st_uid != geteuid() ||
	    (st->st_mode & 077) != 0)
		report_say(r, REPORT_FAIL, NAME,
		    "it must be a directory of the user that mcp-execd runs as, closed to all others: chown it and chmod 0700 it",
		    "%s: owned by uid %u, mode %04o%s", path,
		    (unsigned)st->st_uid, (unsigned)st->st_mode & 07777,
		    S_ISDIR(st->st_mode) ? "" : ", and no directory");
	else if (access(path, R_OK | W_OK | X_OK) != 0)
		report_say(r, REPORT_FAIL, NAME,
		    report_advice(
			errno, "see the file system and its attributes"),
		    "%s: %s", path, strerror(errno));
	else
		check_room(
		    r, path, bytes_in(path, "") + bytes_in(path, "/jobs"));
}

static void
check_above(struct report *r, const char *path)
{
	char dir[PATH_MAX];

	(void)snprintf(dir, sizeof(dir), "%s", path);
	strrchr(dir, '/')[dir == strrchr(dir, '/')] = '\0';
	if (access(dir, W_OK | X_OK) != 0)
		report_say(r, REPORT_FAIL, NAME,
		    report_advice(errno,
			"make it: install -d -m 0700, or set recordings.directory"),
		    "%s is not there and cannot be made: %s: %s", path, dir,
		    strerror(errno));
	else
		check_room(r, dir, 0);
}

void
doctor_recordings(struct report *r)
{
	const char *path = r->ctl->conf.recordings_dir;
	const struct policy *p = who_records(&r->ctl->policies);
	struct stat st;

	if (path[0] != '/' || p == NULL)
		return;
	if (lstat(path, &st) == 0)
		check_there(r, path, &st);
	else if (errno == ENOENT)
		check_above(r, path);
	else
		report_say(r, errno == EACCES ? REPORT_WARN : REPORT_FAIL, NAME,
		    report_advice(
			errno, "fix its path, or set recordings.directory"),
		    "%s, which policy %s needs: %s", path, p->name,
		    strerror(errno));
}
