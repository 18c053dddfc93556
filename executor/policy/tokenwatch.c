/* SPDX-License-Identifier: MIT */
/* tokenwatch: inotify on the tokens' directory.  Executor. */
#include "executor/policy/tokenwatch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/inotify.h>

#include "common/cleanup.h"
#include "common/log.h"
#include "executor/conf/keys.h"

enum {
	SETTLE_MS = 20, /* until a change is told, with what follows it */
	AGAIN_MS = 1000 /* between looks for a directory that is gone */
};

static void on_timer(void *arg);

static void
plan_reload(struct tokenwatch *w, uint64_t in_ms)
{
	w->timer.handler = on_timer;
	w->timer.arg = w;
	if (w->timer.at_ms == 0)
		loop_timer_set(w->loop, &w->timer, in_ms);
}

/* Is it there, and watched? */
static bool
add_watch(struct tokenwatch *w)
{
	if (w->wd == -1)
		w->wd = inotify_add_watch(w->watch.fd, w->dir,
		    IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_MOVED_FROM |
			IN_DELETE | IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF |
			IN_ONLYDIR);
	return w->wd != -1;
}

static void
on_timer(void *arg)
{
	struct tokenwatch *w = arg;
	bool there = add_watch(w);

	if (there || !w->gone)
		w->changed();
	w->gone = !there;
	if (!there)
		plan_reload(w, AGAIN_MS);
}

/* Another directory may have its name by now. */
static bool
is_gone(const struct inotify_event *ev)
{
	return (ev->mask & (IN_DELETE_SELF | IN_MOVE_SELF | IN_IGNORED)) != 0;
}

/* A file's, or of the directory's own mode: ev->len is 0. */
static bool
is_change(const struct tokenwatch *w, const struct inotify_event *ev)
{
	if ((ev->mask & IN_Q_OVERFLOW) != 0)
		return true;
	if (ev->wd != w->wd)
		return false; /* of a watch that was given up */
	return is_gone(ev) || ev->len == 0 || keys_is_file(ev->name);
}

static void
take_event(struct tokenwatch *w, const struct inotify_event *ev)
{
	if (!is_change(w, ev))
		return;
	if (ev->wd == w->wd && is_gone(ev)) {
		(void)inotify_rm_watch(w->watch.fd, w->wd);
		w->wd = -1;
	}
	plan_reload(w, SETTLE_MS);
}

static void
on_event(void *arg, uint32_t events)
{
	char text[4096] __attribute__((aligned(8)));
	struct tokenwatch *w = arg;
	ssize_t n;
	(void)events;

	while ((n = read(w->watch.fd, text, sizeof(text))) > 0)
		for (char *p = text; p < text + n;) {
			const struct inotify_event *ev = (const void *)p;

			take_event(w, ev);
			p += sizeof(*ev) + ev->len;
		}
}

int
tokenwatch_open(struct tokenwatch *w, struct loop *l, const char *dir,
    void (*changed)(void), struct err *e)
{
	memset(w, 0, sizeof(*w));
	w->loop = l;
	w->changed = changed;
	w->wd = -1;
	(void)snprintf(w->dir, sizeof(w->dir), "%s", dir);
	w->watch = (struct loop_watch){ .handler = on_event, .arg = w };
	w->watch.fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (w->watch.fd == -1)
		return err_sys(e,
		    "inotify_init1 (EMFILE: raise sysctl fs.inotify.max_user_instances)");
	if (!add_watch(w))
		return err_sys(e, "cannot watch %s", dir);
	return loop_add(l, &w->watch, EPOLLIN, e);
}

void
tokenwatch_forget(struct tokenwatch *w)
{
	if (w->loop == NULL)
		return;
	on_event(w, 0);
	if (w->wd != -1)
		loop_timer_cancel(w->loop, &w->timer);
}

void
tokenwatch_close(struct tokenwatch *w)
{
	int fd;

	if (w->loop == NULL)
		return;
	loop_timer_cancel(w->loop, &w->timer);
	fd = w->watch.fd;
	loop_del(w->loop, &w->watch);
	cleanup_fd(&fd);
	memset(w, 0, sizeof(*w));
}
