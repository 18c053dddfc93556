/* SPDX-License-Identifier: MIT */
/* note: a shared page; written by the frontend, read by the executor. */
#include "proto/note.h"

#include <fcntl.h>
#include <inttypes.h>
#include <link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common/cleanup.h"

static struct note unread; /* before, and without, note_attach() */

static struct {
	struct note *page;
} self = { &unread };

/* --- the executor's side ------------------------------------------------ */

static int
make_page(struct err *e)
{
	const unsigned seals = F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
	CLEANUP_FD int fd =
	    memfd_create("note", MFD_CLOEXEC | MFD_ALLOW_SEALING);

	if (fd == -1 || ftruncate(fd, sizeof(struct note)) == -1 ||
	    fcntl(fd, F_ADD_SEALS, seals) == -1)
		return err_sys(e, "making the frontend's note");
	return steal_fd(&fd);
}

static void *
map_note(int fd)
{
	void *p = mmap(NULL, sizeof(struct note), PROT_READ | PROT_WRITE,
	    MAP_SHARED, fd, 0);

	/* cppcheck-suppress memleak ; it is the caller's */
	return p == MAP_FAILED ? NULL : p;
}

struct note *
note_new(int *fd, struct err *e)
{
	CLEANUP_FD int made = make_page(e);
	struct note *n = made < 0 ? NULL : map_note(made);

	if (n == NULL) {
		if (made >= 0)
			(void)err_sys(e, "mapping the frontend's note");
		return NULL;
	}
	/* no command has it, not even before execve */
	(void)madvise(n, sizeof(*n), MADV_DONTFORK);
	*fd = steal_fd(&made);
	return n;
}

void
note_free(struct note *n)
{
	if (n == NULL)
		return;
	explicit_bzero(n, sizeof(*n));
	(void)munmap(n, sizeof(*n));
}

void
note_take(struct note *page, struct note *out)
{
	*out = *page;
	explicit_bzero(page, sizeof(*page));
	out->peer[sizeof(out->peer) - 1] = '\0';
	for (size_t i = 0; i < NOTE_MODULES; i++)
		out->module[i].name[NOTE_MODULE - 1] = '\0';
}

void
note_place(const struct note *n, char text[NOTE_PLACE])
{
	for (size_t i = 0; i < NOTE_MODULES; i++)
		if (n->module[i].from <= n->address &&
		    n->address < n->module[i].to) {
			(void)snprintf(text, NOTE_PLACE, "%s+0x%" PRIx64,
			    n->module[i].name, n->address - n->module[i].from);
			return;
		}
	(void)snprintf(text, NOTE_PLACE, "0x%" PRIx64, n->address);
}

/* --- the frontend's side ------------------------------------------------ */

void
note_attach(int fd)
{
	struct note *n = map_note(fd);

	if (n != NULL)
		self.page = n;
}

/* Where its code ends, from `base`. */
static uint64_t
code_end(const struct dl_phdr_info *info)
{
	uint64_t end = 0;

	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];

		if (p->p_type == PT_LOAD && p->p_vaddr + p->p_memsz > end)
			end = p->p_vaddr + p->p_memsz;
	}
	return end;
}

static int
add_module(struct dl_phdr_info *info, size_t size, void *arg)
{
	const char *slash = strrchr(info->dlpi_name, '/');
	const char *name = slash != NULL ? slash + 1 : info->dlpi_name;
	struct note *n = self.page;
	size_t *count = arg;

	(void)size;
	if (*count == NOTE_MODULES)
		return 1;
	n->module[*count].from = info->dlpi_addr;
	n->module[*count].to = info->dlpi_addr + code_end(info);
	(void)snprintf(n->module[*count].name, NOTE_MODULE, "%s",
	    name[0] != '\0' ? name : "mcp-execd-frontend");
	++*count;
	return 0;
}

void
note_modules(void)
{
	size_t count = 0;

	(void)dl_iterate_phdr(add_module, &count);
}

void
note_source(const char *peer)
{
	struct note *n = self.page;

	note_proof(NULL);
	n->call = 0;
	(void)strncpy(n->peer, peer, sizeof(n->peer) - 1);
	n->in_hand = 1;
}

void
note_proof(const uint8_t *proof)
{
	struct note *n = self.page;

	n->has_proof = proof != NULL;
	if (proof != NULL)
		memcpy(n->proof, proof, sizeof(n->proof));
	else
		explicit_bzero(n->proof, sizeof(n->proof));
}

void
note_call(uint64_t call)
{
	note_source("");
	self.page->call = call;
}

void
note_idle(void)
{
	if (self.page->in_hand == 0)
		return;
	note_source("");
	self.page->in_hand = 0;
}

void
note_trapped(int nr, uint64_t address)
{
	struct note *n = self.page;

	n->nr = nr;
	n->address = address;
	n->trapped = 1;
}
