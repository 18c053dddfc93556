/* SPDX-License-Identifier: MIT */
/* stall: a turn is two stores.  Executor; see stallpage.h. */
#include "executor/power/stall.h"

#include <stddef.h>

#include "executor/launcher/stallpage.h"
#include "executor/power/keeper.h"

void
stall_begin(pid_t guard)
{
	struct stallpage *page = keeper_stallpage();

	if (page == NULL)
		return;
	/* Not before the turn before is over, or the keeper takes it for that. */
	atomic_store_explicit(&page->guard, guard, memory_order_release);
	(void)atomic_fetch_add(&page->turn, 1);
	if (atomic_load(&page->watched) == 0) {
		atomic_store(&page->watched, 1);
		keeper_watch();
	}
}

bool
stall_end(void)
{
	struct stallpage *page = keeper_stallpage();
	uint32_t turn;

	if (page == NULL)
		return false;
	turn = atomic_load_explicit(&page->turn, memory_order_relaxed);
	atomic_store(&page->turn, turn + 1);
	return atomic_load_explicit(&page->ended, memory_order_relaxed) == turn;
}
