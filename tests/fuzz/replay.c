/* SPDX-License-Identifier: MIT */
/*
 * replay: run a fuzz target without libFuzzer.
 *
 *	replay_TARGET [-n MUTATIONS] CORPUS_DIRECTORY
 *
 * Every file of the corpus goes through LLVMFuzzerTestOneInput as it is, then
 * MUTATIONS (default 4000, all files together) changed copies.  The changes
 * are the same in every run.  A crash leaves the input in PROGRAM.crash.
 */
#include <dirent.h>
#include <err.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MAX_CORPUS = 4096,
	MAX_BYTES = 1 << 17, /* bytes of a mutated input */
	MAX_EDITS = 6, /* changes to one input */
	SECONDS = 20 /* one input may take */
};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
void __sanitizer_set_death_callback(void (*cb)(void)) __attribute__((weak));

static struct {
	uint64_t random;
	const char *program;
	const uint8_t *input; /* what runs now */
	size_t len;
	size_t runs;
} self;

/* xorshift64*: good enough to choose places, and the same everywhere. */
static size_t
below(size_t n)
{
	self.random ^= self.random >> 12;
	self.random ^= self.random << 25;
	self.random ^= self.random >> 27;
	return (size_t)((self.random * 0x2545f4914f6cdd1dULL) >> 33) % n;
}

static void
keep_input(void)
{
	char name[4096];
	int fd;

	(void)snprintf(name, sizeof(name), "%s.crash", self.program);
	fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (fd < 0 || write(fd, self.input, self.len) != (ssize_t)self.len)
		warn("%s", name);
	else
		warnx("the input is in %s", name);
	if (fd >= 0)
		(void)close(fd);
}

static void
on_signal(int sig)
{
	keep_input();
	(void)signal(sig, SIG_DFL);
	(void)raise(sig);
}

static void
watch_for_crashes(void)
{
	(void)signal(SIGALRM, on_signal);
	(void)signal(SIGABRT, on_signal);
	if (__sanitizer_set_death_callback != NULL)
		__sanitizer_set_death_callback(keep_input);
	else
		(void)signal(SIGSEGV, on_signal);
}

/* Run a copy of exactly this size, so that a sanitizer sees every overrun. */
static void
run(const uint8_t *p, size_t len)
{
	uint8_t *copy = malloc(len > 0 ? len : 1);

	if (copy == NULL)
		err(1, "malloc");
	memcpy(copy, p, len);
	self.input = copy;
	self.len = len;
	(void)alarm(SECONDS);
	(void)LLVMFuzzerTestOneInput(copy, len);
	(void)alarm(0);
	self.runs++;
	free(copy);
}

/* One change of b[0..len), which has room for MAX_BYTES; the new length. */
static size_t
edit(uint8_t *b, size_t len)
{
	static const uint8_t odd[] = { 0, 0xff, 0x7f, 0x80, '"', '\\', '{', '[',
		':', ',', '/', '\n', '\r', ' ', '-', 'e', '0', 0xc0, 0xed };
	size_t at = len > 0 ? below(len) : 0;
	size_t n = len > at ? 1 + below(len - at) : 0;

	if (len == 0) {
		b[0] = odd[below(sizeof(odd))];
		return 1;
	}
	switch (below(6)) {
	case 0: /* flip a bit */
		b[at] = (uint8_t)(b[at] ^ (1U << below(8)));
		return len;
	case 1: /* an odd byte */
		b[at] = odd[below(sizeof(odd))];
		return len;
	case 2: /* cut the end */
		return at;
	case 3: /* take a piece out */
		memmove(b + at, b + at + n, len - at - n);
		return len - n;
	case 4: /* a piece twice */
		if (len + n > MAX_BYTES)
			return len;
		memmove(b + at + n, b + at, len - at);
		return len + n;
	default: /* a piece elsewhere */
		n = n < len - at ? n : len - at;
		memmove(b + below(len - n + 1), b + at, n);
		return len;
	}
}

static void
mutate(const uint8_t *p, size_t len, size_t count)
{
	static uint8_t b[MAX_BYTES];
	size_t i, edits, n;

	for (i = 0; i < count; i++) {
		n = len < MAX_BYTES ? len : MAX_BYTES;
		memcpy(b, p, n);
		for (edits = 1 + below(MAX_EDITS); edits > 0; edits--)
			n = edit(b, n);
		run(b, n);
	}
}

static void
replay_file(const char *path, size_t mutations)
{
	struct stat st;
	uint8_t *p;
	size_t len;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0)
		err(1, "%s", path);
	len = (size_t)st.st_size;
	p = malloc(len + 1);
	if (p == NULL || read(fd, p, len) != (ssize_t)len)
		err(1, "%s", path);
	(void)close(fd);
	run(p, len);
	mutate(p, len, mutations);
	free(p);
}

static int
is_file(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

static int
replay_directory(const char *dir, size_t mutations)
{
	struct dirent **names;
	char path[4096];
	int n = scandir(dir, &names, is_file, alphasort);

	if (n < 0)
		err(1, "%s", dir);
	if (n == 0 || n > MAX_CORPUS)
		errx(1, "%s: %d files", dir, n);
	run((const uint8_t *)"", 0);
	for (int i = 0; i < n; i++) {
		(void)snprintf(
		    path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		replay_file(path, mutations / (size_t)n);
		free(names[i]);
	}
	free(names);
	return n;
}

int
main(int argc, char *argv[])
{
	size_t mutations = 4000;
	int n;

	self.program = argv[0];
	self.random = 0x9e3779b97f4a7c15ULL;
	if (argc == 4 && strcmp(argv[1], "-n") == 0) {
		mutations = strtoul(argv[2], NULL, 10);
		argc -= 2;
		argv += 2;
	}
	if (argc != 2)
		errx(2, "usage: %s [-n mutations] directory", self.program);
	watch_for_crashes();
	n = replay_directory(argv[1], mutations);
	printf("%zu inputs\n%d passed, 0 failed\n", self.runs, n);
	return 0;
}
