/* SPDX-License-Identifier: MIT */
/*
 * setup_ask: one table of questions.  What an option answers is not asked;
 * each answer is checked at once, so that a mistake is put right where it was
 * made.
 */
#include "executor/ctl/setup/setup_ask.h"

#include <getopt.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "common/fdio.h"
#include "common/log.h"
#include "executor/ctl/token/client_config.h"

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

static int
check_directory(struct setup_wish *w, const char *text, struct err *e)
{
	const struct passwd *pw;
	struct stat st;

	if (check_path(w, text, e) != 0)
		return e->code;
	if (stat(text, &st) == -1 || !S_ISDIR(st.st_mode))
		return err_set(e, ERR_BAD,
		    "%s is not a directory yet: make an account for it, and then the directory: useradd --system --home-dir %s --shell /usr/sbin/nologin mcp-%s; install -d -o mcp-%s -m 0755 %s",
		    text, text, w->what, w->what, text);
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
		    "there is no account \"%s\": make one with useradd --system --no-create-home --shell /usr/sbin/nologin NAME, or name another",
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
	    "In which directory?" },
	{ "user", AT(user), has_user, check_user, "As which account?" },
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
	    "goose, inspector, kit, mcphost, opencode or vscode" },
};

enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]), TRIES = 3 };

static char *
answer_of(struct setup_wish *w, const struct question *q)
{
	return (char *)w + q->offset;
}

/* --- options -------------------------------------------------------------- */

/* A question's letter is its place, from 'A' on. */
static const struct option long_options[] = {
	{ "do", required_argument, NULL, 'A' },
	{ "service", required_argument, NULL, 'B' },
	{ "directory", required_argument, NULL, 'C' },
	{ "user", required_argument, NULL, 'D' },
	{ "listen", required_argument, NULL, 'E' },
	{ "certificate", required_argument, NULL, 'F' },
	{ "key", required_argument, NULL, 'G' },
	{ "public-url", required_argument, NULL, 'H' },
	{ "seal", required_argument, NULL, 'I' },
	{ "token", required_argument, NULL, 'J' },
	{ "expires", required_argument, NULL, 'K' },
	{ "client", required_argument, NULL, 'L' },
	{ "force", no_argument, NULL, 'f' },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "from", required_argument, NULL, 'd' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

/* Once for each service; all others once. */
static int
take_value(struct setup_wish *w, const struct question *q, const char *value)
{
	char *to = answer_of(w, q);
	size_t have = strlen(to);

	if (have > 0 && q->check != check_services)
		return ctl_usage(VERB, "--%s is there twice", q->option);
	if (have + strlen(value) + 2 > SETUP_TEXT)
		return ctl_usage(VERB, "--%s is too long", q->option);
	if (value[0] == '\0')
		return ctl_usage(VERB, "--%s is empty", q->option);
	(void)snprintf(
	    to + have, SETUP_TEXT - have, "%s%s", have > 0 ? " " : "", value);
	return CTL_OK;
}

static int
parse_options(int argc, char **argv, struct setup_wish *w)
{
	int opt, status;

	while ((opt = getopt_long(argc, argv, "h", long_options, NULL)) != -1) {
		if (opt >= 'A' && opt < 'A' + QUESTIONS) {
			status = take_value(w, &questions[opt - 'A'], optarg);
			if (status != CTL_OK)
				return status;
		} else if (opt == 'h') {
			w->help = true;
			return CTL_OK;
		} else if (opt == 'f') {
			w->force = true;
		} else if (opt == 'n') {
			w->dry_run = true;
		} else if (opt == 'd') {
			w->data = optarg;
		} else {
			return ctl_usage(VERB, "option not understood");
		}
	}
	return optind == argc ? CTL_OK
			      : ctl_usage(VERB, "it takes options only");
}

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

int
setup_ask(int argc, char **argv, struct setup_wish *w)
{
	int status = parse_options(argc, argv, w);
	struct err e;

	for (size_t i = 0; status == CTL_OK && !w->help && i < QUESTIONS; i++) {
		const struct question *q = &questions[i];
		const char *answer = answer_of(w, q);

		if (!q->asked(w)) {
			if (answer[0] != '\0')
				return ctl_usage(VERB,
				    "--%s does not belong to what else was said",
				    q->option);
			continue;
		}
		if (answer[0] == '\0')
			status = ask_one(w, q);
		else if (q->check(w, answer, &e) != 0)
			status = ctl_usage(VERB, "--%s: %s", q->option, e.what);
	}
	return status;
}
