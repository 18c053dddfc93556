/* SPDX-License-Identifier: MIT */
/*
 * terminal: make a pseudo-terminal without a name: the slave is opened
 * through the master, so that nothing else can be in its place.  Guard.
 */
#include "executor/launcher/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <termios.h>
#include <unistd.h>

enum { FLAGS = O_RDWR | O_NOCTTY | O_CLOEXEC };

/* As login(1) would: nobody else writes to it. */
static int
give_slave(int slave, uid_t uid, gid_t gid)
{
	struct stat st;

	if (fstat(slave, &st) == -1 || fchmod(slave, 0600) == -1)
		return -errno;
	if (st.st_uid == uid)
		return 0;
	return fchown(slave, uid, gid) == -1 ? -errno : 0;
}

/* A character is erased as a whole, also where it has several bytes. */
static int
use_utf8(int slave)
{
	struct termios mode;

	if (tcgetattr(slave, &mode) == -1)
		return -errno;
	mode.c_iflag |= IUTF8;
	return tcsetattr(slave, TCSANOW, &mode) == -1 ? -errno : 0;
}

static int
open_both(struct terminal *t, const struct winsize *size)
{
	int locked = 0;

	t->master = open("/dev/ptmx", FLAGS);
	if (t->master == -1 || ioctl(t->master, TIOCSPTLCK, &locked) == -1)
		return -errno;
	t->slave = ioctl(t->master, TIOCGPTPEER, FLAGS);
	if (t->slave == -1 || ioctl(t->slave, TIOCSWINSZ, size) == -1)
		return -errno;
	return 0;
}

/* Its files' owner, for what is opened from here on: no power is needed later. */
static void
own_files_as(uid_t uid, gid_t gid)
{
	(void)syscall(SYS_setfsgid, gid);
	(void)syscall(SYS_setfsuid, uid);
}

/*
 * The unit of the service has no CAP_CHOWN, but who opens the master owns the
 * slave.  Another owner of files takes back what is told to the kernel here.
 */
static int
open_as(struct terminal *t, const struct winsize *size, uid_t uid, gid_t gid)
{
	int r, signal = 0, dumpable = prctl(PR_GET_DUMPABLE, 0, 0, 0, 0);

	(void)prctl(PR_GET_PDEATHSIG, &signal, 0, 0, 0);
	own_files_as(uid, gid);
	r = open_both(t, size);
	if (r == 0)
		r = use_utf8(t->slave);
	if (r == 0)
		r = give_slave(t->slave, uid, gid);
	own_files_as(geteuid(), getegid());
	(void)prctl(PR_SET_PDEATHSIG, signal, 0, 0, 0);
	(void)prctl(PR_SET_DUMPABLE, dumpable, 0, 0, 0);
	return r;
}

int
terminal_make(
    struct terminal *t, uint16_t columns, uint16_t rows, uid_t uid, gid_t gid)
{
	const struct winsize size = { .ws_row = rows, .ws_col = columns };
	int r;

	*t = (struct terminal){ -1, -1 };
	r = open_as(t, &size, uid, gid);
	if (r == 0)
		return 0;
	if (t->slave != -1)
		(void)close(t->slave);
	if (t->master != -1)
		(void)close(t->master);
	*t = (struct terminal){ -1, -1 };
	return r;
}
