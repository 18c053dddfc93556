/* SPDX-License-Identifier: MIT */
/* edited: the words of an editor that are not its options. */
#include "executor/run/edited.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

static bool
is_one_of(const char *word, const char *const *names)
{
	for (; *names != NULL; names++)
		if (strcmp(word, *names) == 0)
			return true;
	return false;
}

static const char *
last_part(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash != NULL ? slash + 1 : path;
}

/* By the name that was asked for: view(1) and rvim(1) are vim(1) as well. */
static bool
is_editor(const struct image *i)
{
	static const char *const names[] = { "vi", "vim", "vim.basic",
		"vim.tiny", "nvim", "ex", "ed", "nano", "joe", "emacs", NULL };

	return is_one_of(last_part(i->asked), names);
}

/* Read alone, or by a script, whose words are not files. */
static bool
only_reads(const char *option)
{
	static const char *const options[] = { "-R", "-M", "-v", "-batch",
		"--batch", "--script", NULL };

	return is_one_of(option, options);
}

/* Of these the next word is not a file. */
static bool
takes_word(const char *option)
{
	static const char *const options[] = { "-c", "--cmd", "-S", "-u", "-U",
		"-i", "-t", "-T", "-w", "-W", "-l", "--listen", "--server",
		NULL };

	return is_one_of(option, options);
}

static void
add_file(const struct image *i, const char *word, struct hints *h)
{
	char path[PATH_MAX + IMAGE_MAX_PATH];

	if (word[0] != '/' && i->directory[0] != '/')
		return; /* it could not be seen where that is */
	if (strncmp(word, "./", 2) == 0)
		word += 2;
	(void)snprintf(path, sizeof(path), "%s%s%s",
	    word[0] == '/' ? "" : i->directory, word[0] == '/' ? "" : "/",
	    word);
	if (h->count < HINTS_MAX / 2) /* what else fails has room, too */
		hints_add(h, HINT_EDITED, bytes_of(path));
}

void
edited_look(const struct image *i, struct hints *h)
{
	size_t len =
	    i->args_len < sizeof(i->args) ? i->args_len : sizeof(i->args);
	size_t at = strnlen(i->args, len) + 1;
	bool skip = false;

	if (!is_editor(i))
		return;
	/* the last may be cut: it is then without its NUL */
	while (at < len && memchr(i->args + at, '\0', len - at) != NULL) {
		const char *word = i->args + at;

		if (only_reads(word))
			return;
		if (skip || word[0] == '\0')
			skip = false;
		else if (word[0] == '-')
			skip = takes_word(word);
		else if (word[0] != '+')
			add_file(i, word, h);
		at += strlen(word) + 1;
	}
}
