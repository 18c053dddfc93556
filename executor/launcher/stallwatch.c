/* SPDX-License-Identifier: MIT */
/* stallwatch: the executor's turns, one look after the other.  Keeper. */
#include "executor/launcher/stallwatch.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/clock.h"
#include "common/log.h"
#include "executor/launcher/stallpage.h"

enum {
	LOOK_MS = 250,
	LOOKS = STALLPAGE_MS / LOOK_MS, /* at one turn, until it is too long */
	QUIET = 8 /* looks without a turn, until the executor has to call */
};

static struct {
	struct stallpage *page;
	bool begun;
	uint64_t next_ms; /* monotonic */
	uint32_t turn; /* as of the last look */
	unsigned same, stuck; /* looks since, and those at which it waited */
} self;

bool
stallwatch_open(int fd)
{
	struct stat st;
	void *p = MAP_FAILED;

	if (fstat(fd, &st) == 0 && st.st_size == (off_t)sizeof(*self.page))
		p = mmap(NULL, sizeof(*self.page), PROT_READ | PROT_WRITE,
		    MAP_SHARED, fd, 0);
	(void)close(fd);
	if (p == MAP_FAILED)
		return false;
	self.page = p;
	return true;
}

void
stallwatch_begin(void)
{
	if (self.begun)
		return;
	self.begun = true;
	self.same = self.stuck = 0;
	self.next_ms = clock_mono_ms() + LOOK_MS;
}

int
stallwatch_wait_ms(void)
{
	uint64_t now = clock_mono_ms();

	if (!self.begun)
		return -1;
	return self.next_ms > now ? (int)(self.next_ms - now) : 0;
}

/* In the kernel, and no signal gets it out: proc_pid_stat(5). */
static bool
is_held_up(pid_t pid)
{
	char text[512];
	const char *p;
	ssize_t n = -1;
	int fd;

	(void)snprintf(text, sizeof(text), "/proc/%d/stat", (int)pid);
	fd = open(text, O_RDONLY | O_CLOEXEC);
	if (fd != -1) {
		n = read(fd, text, sizeof(text) - 1);
		(void)close(fd);
	}
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	return p != NULL && strncmp(p, ") D", 3) == 0;
}

/* An executor that begins a turn now sees that it has to call, or we see it. */
static void
rest_awhile(void)
{
	atomic_store(&self.page->watched, 0);
	self.begun = atomic_load(&self.page->turn) != self.turn;
	if (self.begun)
		atomic_store(&self.page->watched, 1);
}

pid_t
stallwatch_look(pid_t executor)
{
	uint32_t turn;
	pid_t guard;

	if (!self.begun || clock_mono_ms() < self.next_ms)
		return 0;
	self.next_ms = clock_mono_ms() + LOOK_MS;
	turn = atomic_load(&self.page->turn);
	if (turn != self.turn)
		self.same = self.stuck = 0;
	self.turn = turn;
	if (turn % 2 == 0) {
		if (++self.same > QUIET)
			rest_awhile();
		return 0;
	}
	self.stuck = is_held_up(executor) ? self.stuck + 1 : 0;
	if (self.stuck <= LOOKS)
		return 0;
	if (self.stuck == LOOKS + 1)
		log_err(
		    "a run holds up the executor at a pipe and is ended: guard %d",
		    (int)atomic_load(&self.page->guard));
	guard = atomic_load(&self.page->guard);
	atomic_store(&self.page->ended, turn);
	/* or it goes on just now, and may be at another's */
	return atomic_load(&self.page->turn) == turn ? guard : 0;
}
