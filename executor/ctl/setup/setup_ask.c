/* SPDX-License-Identifier: MIT */
/*
 * setup_ask: one table of questions.  What an option answers is not asked;
 * each answer is checked at once, so that a mistake is put right where it was
 * made.
 */
#include "executor/ctl/setup/setup_ask.h"

#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/cleanup.h"
#include "common/path.h"
#include "common/fdio.h"
#include "common/log.h"
#include "executor/ctl/token/client_config.h"
#include "executor/run/wordsplit.h"

#define VERB "setup"

static const char *const tasks[] = { [SETUP_LOOK] = "look",
	[SETUP_RESTART] = "restart",
	[SETUP_DEPLOY] = "deploy",
	[SETUP_BUILD] = "build",
	[SETUP_EVERYTHING] = "everything" };

/* --- checks: 0, or why an answer is none ------------------------------- */

static int
check_task(struct setup_wish *w, const char *text, struct err *e)
{
	for (size_t i = 0; i < sizeof(tasks) / sizeof(tasks[0]); i++)
		if (strcmp(text, tasks[i]) == 0) {
			w->task = (enum setup_task)i;
			return 0;
		}
	return err_set(
	    e, ERR_BAD, "it is look, restart, deploy, build or everything");
}

static int
check_services(struct setup_wish *w, const char *text, struct err *e)
{
	char copy[SETUP_TEXT], *save;

	(void)snprintf(copy, sizeof(copy), "%s", text);
	w->services.count = 0;
	for (char *word = strtok_r(copy, " ,", &save); word != NULL;
	     word = strtok_r(NULL, " ,", &save))
		if (pack_services_add(&w->services, word, e) != 0)
			return e->code;
	return w->services.count > 0
		   ? 0
		   : err_set(e, ERR_BAD, "name at least one service");
}

/* It becomes a part of a file, as it is. */
static bool
is_plain(const char *text)
{
	for (const char *p = text; *p != '\0'; p++)
		if ((unsigned char)*p < ' ' || *p == '"' || *p == '\\')
			return false;
	return true;
}

static int
check_path(struct setup_wish *w, const char *text, struct err *e)
{
	(void)w;
	return text[0] == '/' && is_plain(text)
		   ? 0
		   : err_set(e, ERR_BAD,
			 "it is an absolute path, without quotes and backslashes");
}

/* What the machine itself lives on, and everything in it. */
static const char *const system_trees[] = { "/bin", "/boot", "/dev", "/etc",
	"/lib", "/lib32", "/lib64", "/libx32", "/proc", "/root", "/run",
	"/sbin", "/sys", "/usr", "/var/log", "/var/lib/dpkg", "/var/lib/rpm",
	"/var/lib/systemd", "/var/spool/cron" };
/* Only these themselves: what is below belongs to somebody. */
static const char *const system_tops[] = { "/", "/home", "/media", "/mnt",
	"/opt", "/srv", "/tmp", "/var", "/var/cache", "/var/lib", "/var/spool",
	"/var/tmp" };

/* /usr/local, /usr/src and the like have room for what is one's own. */
static const char *const own_tops[] = { "/usr/local/src/", "/usr/src/" };

static bool
is_system_place(const char *path)
{
	size_t i;

	for (i = 0; i < sizeof(own_tops) / sizeof(own_tops[0]); i++)
		if (strncmp(path, own_tops[i], strlen(own_tops[i])) == 0)
			return false;
	for (i = 0; i < sizeof(system_trees) / sizeof(system_trees[0]); i++)
		if (path_is_within(path, system_trees[i]))
			return true;
	for (i = 0; i < sizeof(system_tops) / sizeof(system_tops[0]); i++)
		if (strcmp(path, system_tops[i]) == 0)
			return true;
	return false;
}

/* Without "//", "/." and a slash at its end; "..": false. */
static bool
clean_path(const char *text, char out[SETUP_TEXT])
{
	size_t n, len = 0;

	for (; *text != '\0'; text += n) {
		text += strspn(text, "/");
		n = strcspn(text, "/");
		if (n == 2 && text[0] == '.' && text[1] == '.')
			return false;
		if (n == 0 || (n == 1 && text[0] == '.'))
			continue;
		if (len + n + 2 > SETUP_TEXT)
			return false;
		out[len] = '/';
		memcpy(out + len + 1, text, n);
		len += n + 1;
	}
	if (len == 0)
		out[len++] = '/';
	out[len] = '\0';
	return true;
}

static int
advise_directory(const struct setup_wish *w, const char *path, struct err *e)
{
	CLEANUP_BUF struct buf word;

	buf_init(&word, 8 * SETUP_TEXT);
	wordsplit_quote(&word, path);
	if (w->user[0] != '\0')
		return err_set(e, ERR_BAD,
		    "%s is not a directory yet: make it for the account, install -d -o %s -m 0755 %s",
		    path, log_text(bytes_of(w->user)).s, buf_cstr(&word));
	return err_set(e, ERR_BAD,
	    "%s is not a directory yet: make an account for it, and then the directory: useradd --system --user-group --home-dir %s --shell /usr/sbin/nologin mcp-%s; install -d -o mcp-%s -m 0755 %s",
	    path, buf_cstr(&word), w->what, w->what, buf_cstr(&word));
}

/* A link as well is judged, and written, as what it leads to. */
static int
check_directory(struct setup_wish *w, const char *text, struct err *e)
{
	char path[SETUP_TEXT], real[PATH_MAX];
	const struct passwd *pw;
	struct stat st;
	bool is_there;

	if (check_path(w, text, e) != 0)
		return e->code;
	if (!clean_path(text, path))
		return err_set(e, ERR_BAD, "it is a path without \"..\"");
	is_there = realpath(path, real) != NULL && stat(real, &st) == 0 &&
		   S_ISDIR(st.st_mode);
	if (is_system_place(is_there ? real : path))
		return err_set(e, ERR_BAD,
		    "%s is a place of the system, which commands must not write to: name a directory that has only what they work on, such as /srv/app",
		    is_there ? real : path);
	if (!is_there)
		return advise_directory(w, path, e);
	if (strlen(real) >= SETUP_TEXT || !is_plain(real))
		return err_set(e, ERR_BAD,
		    "what it leads to has too long a path, or quotes or backslashes in it");
	memcpy(w->directory, real, strlen(real) + 1);
	/* Whose it is can work there; root is never meant by silence. */
	pw = getpwuid(st.st_uid);
	if (w->user[0] == '\0' && st.st_uid != 0 && pw != NULL)
		(void)snprintf(w->user, sizeof(w->user), "%s", pw->pw_name);
	return 0;
}

static int
check_user(struct setup_wish *w, const char *text, struct err *e)
{
	(void)w;
	if (!is_plain(text) || getpwnam(text) == NULL)
		return err_set(e, ERR_BAD,
		    "there is no account \"%s\": make one with useradd --system --user-group --no-create-home --shell /usr/sbin/nologin NAME, or name another",
		    log_text(bytes_of(text)).s);
	return 0;
}

static int
check_listen(struct setup_wish *w, const char *text, struct err *e)
{
	(void)w;
	if (strcmp(text, "loopback") == 0 || strcmp(text, "proxy") == 0 ||
	    (strncmp(text, "tls:", 4) == 0 && strrchr(text + 4, ':') != NULL &&
		is_plain(text)))
		return 0;
	return err_set(e, ERR_BAD,
	    "it is loopback, proxy, or tls:ADDRESS:PORT such as tls:0.0.0.0:8443");
}

static int
check_url(struct setup_wish *w, const char *text, struct err *e)
{
	static const struct conf none;
	char url[2 * CONF_MAX_NAME];

	(void)w;
	if (strncmp(text, "https://", 8) != 0)
		return err_set(
		    e, ERR_BAD, "it is like https://build.example.org");
	return client_config_url(&none, text, false, url, sizeof(url), e);
}

static int
check_seal(struct setup_wish *w, const char *text, struct err *e)
{
	(void)w;
	return strcmp(text, "yes") == 0 || strcmp(text, "no") == 0
		   ? 0
		   : err_set(e, ERR_BAD, "it is yes or no");
}

static int
check_token(struct setup_wish *w, const char *text, struct err *e)
{
	(void)w;
	return policy_name_ok(bytes_of(text))
		   ? 0
		   : err_set(e, ERR_BAD,
			 "it is 1 to 63 of A-Z a-z 0-9 _ . - and no dot in front");
}

/* What token add takes is said there; here that it is something like it. */
static int
check_expires(struct setup_wish *w, const char *text, struct err *e)
{
	size_t n = strspn(text, "0123456789");

	(void)w;
	if (strcmp(text, "never") == 0 ||
	    (n > 0 && text[n] != '\0' && strspn(text + n, "mhdw") == 1 &&
		text[n + 1] == '\0') ||
	    (n == 4 && strchr(text, 'T') != NULL && is_plain(text)))
		return 0;
	return err_set(e, ERR_BAD,
	    "it is never, 30d, 12h, 90m, 2w or 2026-12-31T23:59:59Z");
}

static int
check_client(struct setup_wish *w, const char *text, struct err *e)
{
	struct client_config none = { .name = "x" };
	struct buf out;
	int r;

	(void)w;
	buf_init(&out, 65536);
	r = client_config_write(MCP_EXECD_CONFIG, text, &none, &out, e);
	buf_fini(&out);
	return r;
}

/* --- questions, in their order ------------------------------------------ */

static bool
is_asked(const struct setup_wish *w)
{
	return w->task <= SETUP_EVERYTHING;
}

static bool
has_services(const struct setup_wish *w)
{
	return w->task == SETUP_RESTART;
}

static bool
has_directory(const struct setup_wish *w)
{
	return w->task == SETUP_DEPLOY || w->task == SETUP_BUILD;
}

static bool
has_user(const struct setup_wish *w)
{
	return has_directory(w) || w->task == SETUP_EVERYTHING;
}

static bool
has_certificate(const struct setup_wish *w)
{
	return strncmp(w->listen, "tls:", 4) == 0;
}

static bool
has_url(const struct setup_wish *w)
{
	return strcmp(w->listen, "loopback") != 0;
}

static const struct question {
	const char *option;
	size_t offset; /* of its text in the wish */
	bool (*asked)(const struct setup_wish *w);
	int (*check)(struct setup_wish *w, const char *text, struct err *e);
	const char *text;
} questions[] = {
#define AT(member) offsetof(struct setup_wish, member)
	{ "do", AT(what), is_asked, check_task,
	    "What shall the agent do here?\n"
	    "  look        look at this machine, and change nothing\n"
	    "  restart     look, and restart services that you list\n"
	    "  deploy      write into one directory, without the network\n"
	    "  build       compile and test in one directory, with the network\n"
	    "  everything  whatever an account may do, without confinement\n"
	    "look, restart, deploy, build or everything" },
	{ "service", AT(service), has_services, check_services,
	    "Which services may it restart? Names, with spaces between" },
	{ "directory", AT(directory), has_directory, check_directory,
	    "In which directory" },
	{ "user", AT(user), has_user, check_user, "As which account" },
	{ "listen", AT(listen), is_asked, check_listen,
	    "Where do clients connect?\n"
	    "  loopback          127.0.0.1:8001, from this machine alone\n"
	    "  tls:ADDRESS:PORT  there, with a certificate of yours\n"
	    "  proxy             127.0.0.1:8001, and a proxy on this machine has TLS\n"
	    "loopback, tls:ADDRESS:PORT or proxy" },
	{ "certificate", AT(certificate), has_certificate, check_path,
	    "File of the certificate, with those of its issuers" },
	{ "key", AT(key), has_certificate, check_path, "File of its key" },
	{ "public-url", AT(public_url), has_url, check_url,
	    "URL that clients use, such as https://build.example.org" },
	{ "seal", AT(seal), is_asked, check_seal,
	    "Seal the audit log, so that changes of it are found? You are given a key to\n"
	    "keep elsewhere. yes or no" },
	{ "token", AT(token), is_asked, check_token,
	    "Name of the token, such as that of its user" },
	{ "expires", AT(expires), is_asked, check_expires,
	    "When does it expire? 30d, 12h, a date, or never" },
	{ "client", AT(client), is_asked, check_client,
	    "Which client? claude-code, claude-desktop, codex, curl, cursor, gemini,\n"
	    "go, goose, inspector, kit, mcphost, opencode, python or vscode" },
};

enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]), TRIES = 3 };

static char *
answer_of(struct setup_wish *w, const struct question *q)
{
	return (char *)w + q->offset;
}

/* --- options -------------------------------------------------------------- */

/* In its place, with a space in front of each but the first. */
static int
keep_text(char *to, const char *option, const char *text, struct err *e)
{
	size_t have = strlen(to);

	if (text[0] == '\0')
		return err_set(e, ERR_BAD, "--%s is empty", option);
	if (have + strlen(text) + 2 > SETUP_TEXT)
		return err_set(e, ERR_BAD, "--%s is too long", option);
	(void)snprintf(
	    to + have, SETUP_TEXT - have, "%s%s", have > 0 ? " " : "", text);
	return 0;
}

#define KEEP(member, option)                                                   \
	static int keep_##member(void *at, const char *text, struct err *e)    \
	{                                                                      \
		return keep_text(                                              \
		    ((struct setup_wish *)at)->member, option, text, e);       \
	}

KEEP(what, "do")
KEEP(service, "service")
KEEP(directory, "directory")
KEEP(user, "user")
KEEP(listen, "listen")
KEEP(certificate, "certificate")
KEEP(key, "key")
KEEP(public_url, "public-url")
KEEP(seal, "seal")
KEEP(token, "token")
KEEP(expires, "expires")
KEEP(client, "client")

static const struct cmdline_option options[] = {
	CMDLINE_SET_ALL(0, "do", "WHAT", keep_what,
	    "what the agent shall do: look, restart (look, and restart services), deploy or build (in a directory), or everything"),
	CMDLINE_SET_EACH(0, "service", "NAME", keep_service,
	    "of restart: a service that may be restarted; once for each"),
	CMDLINE_SET_ALL(0, "directory", "DIR", keep_directory,
	    "of deploy and build: where"),
	CMDLINE_SET_ALL(0, "user", "USER", keep_user,
	    "of deploy, build and everything: the account of commands; default the directory's owner"),
	CMDLINE_SET_ALL(0, "listen", "WHERE", keep_listen,
	    "loopback (127.0.0.1:8001), tls:ADDRESS:PORT, or proxy (as loopback, and a proxy on this machine has TLS)"),
	CMDLINE_SET_ALL(0, "certificate", "FILE", keep_certificate,
	    "of tls: the certificate, with those of its issuers"),
	CMDLINE_SET_ALL(0, "key", "FILE", keep_key, "of tls: its key"),
	CMDLINE_SET_ALL(0, "public-url", "URL", keep_public_url,
	    "of tls and proxy: the address that clients use"),
	CMDLINE_SET_ALL(
	    0, "seal", "yes|no", keep_seal, "whether the audit log is sealed"),
	CMDLINE_SET_ALL(
	    0, "token", "NAME", keep_token, "of the token that is made"),
	CMDLINE_SET_ALL(0, "expires", "WHEN", keep_expires,
	    "30d, 12h, 90m, 2w, a time, or never"),
	CMDLINE_SET_ALL(0, "client", "CLIENT", keep_client,
	    "whose configuration is printed, see client-config"),
	CMDLINE_FLAG(
	    0, "force", struct setup_wish, force, "replace files that differ"),
	CMDLINE_FLAG(0, "dry-run", struct setup_wish, dry_run,
	    "only show what would be written"),
	CMDLINE_TEXT(0, "from", "DIR", struct setup_wish, data,
	    "where examples and packs are; default " MCP_EXECD_DATADIR),
	CMDLINE_LAST
};

static const struct ctl_verb verb = {
	.name = VERB,
	.about =
	    "Asks what it is not told, writes the configuration and one policy, shows what the policy comes to, and makes a token. Files that differ from what it would write stay, and then it does nothing.",
	.options = options,
};

/* --- asking ----------------------------------------------------------------- */

static bool
read_line(char *out)
{
	if (fgets(out, SETUP_TEXT, stdin) == NULL)
		return false;
	out[strcspn(out, "\r\n")] = '\0';
	return true;
}

static int
ask_one(struct setup_wish *w, const struct question *q)
{
	char *answer = answer_of(w, q);
	struct err e;

	for (int i = 0; i < TRIES; i++) {
		(void)printf("\n%s: ", q->text);
		(void)fflush(stdout);
		if (!read_line(answer)) {
			(void)puts("");
			return ctl_usage(
			    VERB, "no answer: say --%s", q->option);
		}
		if (q->check(w, answer, &e) == 0)
			return CTL_OK;
		(void)printf("%s\n", e.what);
	}
	return ctl_usage(VERB, "--%s: %s", q->option, e.what);
}

static int
ask_all(struct setup_wish *w)
{
	int status = CTL_OK;
	struct err e;

	for (size_t i = 0; status == CTL_OK && i < QUESTIONS; i++) {
		const struct question *q = &questions[i];
		const char *answer = answer_of(w, q);

		if (!q->asked(w) && answer[0] != '\0')
			return ctl_usage(VERB,
			    "--%s does not belong to what else was said",
			    q->option);
		if (!q->asked(w))
			continue;
		if (answer[0] == '\0')
			status = ask_one(w, q);
		else if (q->check(w, answer, &e) != 0)
			status = ctl_usage(VERB, "--%s: %s", q->option, e.what);
	}
	return status;
}

bool
setup_ask(int argc, char **argv, struct setup_wish *w, int *status)
{
	if (ctl_options(&verb, w, argc, argv, status) == NULL)
		return false;
	*status = ask_all(w);
	return *status == CTL_OK;
}
