/* SPDX-License-Identifier: MIT */
/* findings: statfs(2) of the private directories, names of what is ended. */
#include "executor/launcher/findings.h"

#include <string.h>
#include <sys/vfs.h>

#include "executor/launcher/unotify.h"

void
findings_look(struct findings *f, const char *path)
{
	struct statfs s;

	if (path != NULL && !f->tmp_full && statfs(path, &s) == 0)
		f->tmp_full = s.f_blocks > 0 && s.f_bavail == 0;
}

void
findings_add_ended(struct findings *f, pid_t pid)
{
	char text[32] = "?";
	size_t len;

	if (f->ended < FINDINGS_NAMES) {
		len = unotify_read_proc(pid, "comm", text, sizeof(text));
		if (len > 0 && text[len - 1] == '\n')
			text[len - 1] = '\0';
		memcpy(f->name[f->ended], text, sizeof(f->name[0]) - 1);
	}
	f->ended++;
}
