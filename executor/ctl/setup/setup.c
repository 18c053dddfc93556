/* SPDX-License-Identifier: MIT */
/*
 * setup: from the package to the first token.
 *
 * It writes what an administrator would write by hand, from the examples that
 * come with the program, and then calls the verbs that an administrator would
 * call.  Nothing is enabled that was not named.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/cleanup.h"
#include "common/fdio.h"
#include "common/json.h"
#include "executor/conf/keys.h"
#include "executor/ctl/setup/setup_ask.h"
#include "executor/ctl/setup/tools.h"
#include "executor/run/wordsplit.h"

/* --- the configuration ------------------------------------------------- */

static void
put_key(struct buf *out, const char *before, const char *key, const char *value)
{
	buf_printf(out, "%s\"%s\": ", before, key);
	json_put_string(out, bytes_of(value));
}

static void
put_conf(const struct setup_wish *w, struct buf *out)
{
	bool tls = strncmp(w->listen, "tls:", 4) == 0;

	buf_put_str(out,
	    "// Written by mcp-execctl setup.  Every key is optional, see\n"
	    "// mcp-execd.json(5); check any change with: mcp-execctl check\n"
	    "{\n"
	    "  // Addresses, no names.  A change takes a restart.\n"
	    "  \"listen\": [");
	json_put_string(out, bytes_of(tls ? w->listen : "127.0.0.1:8001"));
	buf_put_u8(out, ']');
	if (tls) {
		buf_put_str(
		    out, ",\n\n  // Read again by a reload.\n  \"tls\": {");
		put_key(out, " ", "certificate", w->certificate);
		put_key(out, ", ", "key", w->key);
		buf_put_str(out, " }");
	}
	if (w->public_url[0] != '\0') {
		buf_put_str(out,
		    ",\n\n  // The address that clients use; its host is answered.\n");
		put_key(out, "  ", "public_url", w->public_url);
	}
	if (strcmp(w->listen, "proxy") == 0)
		buf_put_str(out,
		    ",\n\n  // The proxy: what it says of its client's address counts.\n"
		    "  \"trusted_proxies\": [\"127.0.0.1\", \"::1\"]");
	buf_put_str(out, "\n}\n");
}

/* One that its package installed and nobody touched. */
static bool
is_as_shipped(const struct ctl *c, const struct setup_wish *w)
{
	CLEANUP_BUF struct buf ours, theirs;
	char path[PATH_MAX];
	struct err e;

	buf_init(&ours, KEYS_MAX_FILE);
	buf_init(&theirs, KEYS_MAX_FILE);
	return fdio_join(path, sizeof(path), w->data, "mcp-execd.json", &e) ==
		   0 &&
	       fdio_read_file(path, true, &ours, &e) == 0 &&
	       fdio_read_file(c->config, false, &theirs, &e) == 0 &&
	       bytes_eq(buf_bytes(&ours), buf_bytes(&theirs));
}

/* Does what is there listen so already? */
static bool
serves_already(const struct ctl *c, const struct setup_wish *w)
{
	return strcmp(w->listen, "loopback") == 0 &&
	       c->conf.listen_count == 1 &&
	       strncmp(c->conf.listen[0].text, "127.0.0.1:", 10) == 0;
}

static int
collect_conf(const struct ctl *c, const struct setup_wish *w, bool is_there,
    struct changes *all, struct err *e)
{
	CLEANUP_BUF struct buf text;
	int r;

	buf_init(&text, KEYS_MAX_FILE);
	if (is_there && serves_already(c, w))
		return 0;
	put_conf(w, &text);
	r = changes_write(all, c->config, &text, e);
	if (r == 0 && is_as_shipped(c, w))
		all->c[all->count - 1].kind = CHANGE_SHIPPED;
	return r;
}

/* --- the policy ----------------------------------------------------------- */

/* `from` is the task's example, and what in it is only an example. */
static const struct task {
	const char *from, *user, *directory;
} tasks[] = {
	[SETUP_LOOK] = { "diagnose", NULL, NULL },
	[SETUP_RESTART] = { "diagnose", NULL, NULL },
	[SETUP_DEPLOY] = { "deploy", "deploy", "/srv/app" },
	[SETUP_BUILD] = { "build", "build", "/srv/build" },
	[SETUP_EVERYTHING] = { "unrestricted", "admin-agent", NULL },
};

/* Each `old` in text becomes `new`; ERR_BAD: there is none. */
static int
replace_text(struct buf *text, const char *old, const char *new, struct err *e)
{
	CLEANUP_BUF struct buf out;
	const char *at = buf_cstr(text), *next;
	size_t n = 0;

	buf_init(&out, KEYS_MAX_FILE);
	while ((next = strstr(at, old)) != NULL) {
		buf_put(&out, at, (size_t)(next - at));
		buf_put_str(&out, new);
		at = next + strlen(old);
		n++;
	}
	buf_put_str(&out, at);
	if (n == 0)
		return err_set(e, ERR_BAD,
		    "the example has no %s any more: install the package again",
		    old);
	buf_reset(text);
	buf_put_bytes(text, buf_bytes(&out));
	text->overflow |= out.overflow;
	return 0;
}

static bool
is_comment(const char *text, const char *at)
{
	while (at > text && at[-1] != '\n')
		at--;
	return strncmp(at + strspn(at, " \t"), "//", 2) == 0;
}

/* The example's directory; its comments have lines for a shell. */
static int
replace_directory(
    struct buf *text, const char *old, const char *new, struct err *e)
{
	CLEANUP_BUF struct buf out, word;
	const char *whole = buf_cstr(text), *at = whole, *next;

	buf_init(&out, KEYS_MAX_FILE);
	buf_init(&word, 8 * SETUP_TEXT);
	wordsplit_quote(&word, new);
	while ((next = strstr(at, old)) != NULL) {
		buf_put(&out, at, (size_t)(next - at));
		buf_put_str(
		    &out, is_comment(whole, next) ? buf_cstr(&word) : new);
		at = next + strlen(old);
	}
	if (at == whole)
		return err_set(e, ERR_BAD,
		    "the example has no %s any more: install the package again",
		    old);
	buf_put_str(&out, at);
	buf_reset(text);
	buf_put_bytes(text, buf_bytes(&out));
	text->overflow |= out.overflow || word.overflow;
	return 0;
}

/* Where an example says its own name; the last is not in each of them. */
static int
name_policy(struct buf *text, const char *from, const char *to, struct err *e)
{
	static const struct {
		const char *before, *after;
		bool needed;
	} places[] = { { "policies.d/", ".json", true },
		{ "mcp-execctl policy explain ", "\n", true },
		{ "mcp-execctl policy test ", " ", false } };
	char old[SETUP_TEXT], new[2 * SETUP_TEXT];

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		(void)snprintf(old, sizeof(old), "%s%s%s", places[i].before,
		    from, places[i].after);
		(void)snprintf(new, sizeof(new), "%s%s%s", places[i].before, to,
		    places[i].after);
		if (replace_text(text, old, new, e) != 0 && places[i].needed)
			return e->code;
	}
	return 0;
}

/* The pack's tools in addition to the shell. */
static int
offer_tools(struct buf *text, struct err *e)
{
	return replace_text(text,
	    "// \"tools\": [\"exec_cmd\", \"cli_command\", \"@system\"],",
	    "\"tools\": [\"exec_cmd\", \"cli_command\", \"@system\"],", e);
}

/* What looks may then restart as well, and must not say that it cannot. */
static int
offer_restart(struct buf *text, struct err *e)
{
	static const struct {
		const char *old, *new;
	} changes[] = {
		{ "\"@system\"],", "\"@system\", \"restart_service\"]," },
		{ "look at this machine, change\n// nothing.",
		    "look at this machine,\n// restart services that are listed, change nothing else." },
		{ "Read-only diagnosis:", "Diagnosis:" },
		{ "Nothing can be changed, and nothing be connected to.",
		    "restart_service restarts services; nothing else can be changed, and nothing be connected to." }
	};

	for (size_t i = 0; i < sizeof(changes) / sizeof(changes[0]); i++)
		if (replace_text(text, changes[i].old, changes[i].new, e) != 0)
			return e->code;
	return 0;
}

static int
fill_policy(struct buf *text, const struct setup_wish *w, struct err *e)
{
	const struct task *t = &tasks[w->task];
	char old[SETUP_TEXT], new[2 * SETUP_TEXT];

	if (strcmp(t->from, w->what) != 0 &&
	    name_policy(text, t->from, w->what, e) != 0)
		return e->code;
	if (t->user == NULL && offer_tools(text, e) != 0)
		return e->code;
	if (t->user == NULL)
		return w->task == SETUP_RESTART ? offer_restart(text, e) : 0;
	(void)snprintf(old, sizeof(old), "\"user\": \"%s\"", t->user);
	(void)snprintf(new, sizeof(new), "\"user\": \"%s\"", w->user);
	if (replace_text(text, old, new, e) != 0)
		return e->code;
	return t->directory == NULL || strcmp(t->directory, w->directory) == 0
		   ? 0
		   : replace_directory(text, t->directory, w->directory, e);
}

static int
collect_policy(const struct ctl *c, const struct setup_wish *w,
    struct changes *all, struct err *e)
{
	CLEANUP_BUF struct buf text = { 0 };
	char from[PATH_MAX], to[PATH_MAX];
	int n = snprintf(from, sizeof(from), "%s/policies.d/%s.json", w->data,
	    tasks[w->task].from);
	int m =
	    snprintf(to, sizeof(to), "%s/%s.json", c->conf.policy_dir, w->what);

	if (n < 0 || m < 0 || (size_t)n >= sizeof(from) ||
	    (size_t)m >= sizeof(to))
		return err_set(e, ERR_BAD, "the path is too long");
	buf_init(&text, KEYS_MAX_FILE);
	if (fdio_read_file(from, true, &text, e) != 0)
		return pack_advise(e);
	if (fill_policy(&text, w, e) != 0)
		return e->code;
	return changes_write(all, to, &text, e);
}

static int
collect_packs(const struct ctl *c, const struct setup_wish *w,
    struct changes *all, struct err *e)
{
	static const struct pack_services none;

	if (w->task != SETUP_LOOK && w->task != SETUP_RESTART)
		return 0;
	if (pack_collect(c, w->data, "system", &none, false, all, e) != 0)
		return e->code;
	return w->task == SETUP_LOOK ? 0
				     : pack_collect(c, w->data, "restart",
					   &w->services, false, all, e);
}

/* --- doing it ------------------------------------------------------------- */

/* Another verb, as if it had been typed next; its status. */
static int
run_verb(
    const struct ctl *c, int (*verb)(struct ctl *, int, char **), char **argv)
{
	static struct ctl fresh;
	int argc = 0, status;

	(void)fflush(stdout);
	(void)memset(&fresh, 0, sizeof(fresh));
	fresh.config = c->config;
	fresh.instance = c->instance;
	conf_report_init(&fresh.report);
	while (argv[argc] != NULL)
		argc++;
	status = verb(&fresh, argc, argv);
	ctl_fini(&fresh);
	return status;
}

#define WORD(text) ((char[]){ text })

static int
make_token(const struct ctl *c, struct setup_wish *w)
{
	char *add[] = { WORD("add"), w->token, WORD("--policy"), w->what,
		WORD("--expires"), w->expires, NULL };
	char *client[] = { WORD("client-config"), w->token, WORD("--client"),
		w->client, NULL };
	int status;

	if (strcmp(w->expires, "never") == 0)
		add[4] = NULL;
	status = run_verb(c, token_add_run, add);
	/* that one's is printed with each token */
	if (status != CTL_OK || strcmp(w->client, "claude-code") == 0)
		return status;
	(void)puts("");
	return run_verb(c, client_config_run, client);
}

static int
seal_log(const struct ctl *c, bool *sealed)
{
	char *argv[] = { WORD("seal-init"), NULL };
	struct stat st;

	*sealed = false;
	if (lstat(c->conf.audit_seal_state, &st) == 0)
		return ctl_print(
		    BYTES_LIT("\nThe audit log is sealed already.\n"));
	(void)puts("");
	*sealed = true;
	return run_verb(c, audit_seal_init_run, argv);
}

static int
finish_setup(struct ctl *c, struct setup_wish *w, bool restart)
{
	char *explain[] = { WORD("explain"), w->what, NULL };
	bool sealed = false;

	(void)puts("\nWhat the policy comes to:\n");
	if (run_verb(c, policy_explain_run, explain) != CTL_OK)
		return CTL_FAILED;
	if (strcmp(w->seal, "yes") == 0 && seal_log(c, &sealed) != CTL_OK)
		return CTL_FAILED;
	(void)puts("");
	if (make_token(c, w) != CTL_OK)
		return CTL_FAILED;
	if (restart || sealed)
		(void)printf(
		    "\nWhere it listens and what it seals changes with a restart: systemctl restart %s\n",
		    ctl_unit(c));
	return CTL_OK;
}

/* The directories of a configuration; what is there stays. */
static bool
make_places(const struct ctl *c)
{
	const char *const places[] = { c->conf.policy_dir, c->conf.token_dir,
		c->conf.tool_dir };

	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++)
		if (mkdir(places[i], 0700) == -1 && errno != EEXIST) {
			(void)ctl_error("%s: %m", places[i]);
			return false;
		}
	return true;
}

static int
apply_setup(struct ctl *c, struct setup_wish *w, struct changes *all)
{
	size_t others;
	bool conf;

	(void)puts("");
	others = changes_show(all);
	if (w->dry_run) {
		for (size_t i = 0; i < all->count; i++)
			if (all->c[i].kind != CHANGE_NONE)
				(void)printf("\n--- %s\n%s", all->c[i].path,
				    buf_cstr(&all->c[i].text));
		return ctl_print(BYTES_LIT("\nNothing was changed.\n"));
	}
	if (others > 0 && !w->force)
		return ctl_error(
		    "what differs is there already, and stays: look at it (--dry-run shows what this would write), then move it away, or replace it by --force");
	conf = all->count > 0 && strcmp(all->c[0].path, c->config) == 0 &&
	       all->c[0].kind != CHANGE_NONE;
	if (!make_places(c) || !changes_apply(all, c, w->force))
		return CTL_FAILED;
	conf_report_fini(&c->report);
	conf_report_init(&c->report);
	(void)memset(&c->conf, 0, sizeof(c->conf));
	if (!ctl_load_conf(c))
		return CTL_FAILED;
	if (tools_reload(c) != CTL_OK)
		return CTL_FAILED;
	return finish_setup(c, w, conf);
}

/* Where the files of a configuration belong that is not there yet. */
static bool
find_places(struct ctl *c, bool *is_there)
{
	const char *end = strrchr(c->config, '/');
	struct stat st;
	struct err e;
	char dir[PATH_MAX];

	*is_there = stat(c->config, &st) == 0 || errno != ENOENT;
	if (*is_there)
		return ctl_load_conf(c);
	(void)snprintf(dir, sizeof(dir), "%.*s",
	    end == NULL ? 1 : (int)(end - c->config),
	    end == NULL ? "." : c->config);
	if (fdio_join(c->conf.policy_dir, PATH_MAX, dir, "policies.d", &e) !=
		0 ||
	    fdio_join(c->conf.tool_dir, PATH_MAX, dir, "tools.d", &e) != 0 ||
	    fdio_join(c->conf.token_dir, PATH_MAX, dir, "tokens.d", &e) != 0) {
		(void)ctl_error("%s", e.what);
		return false;
	}
	return true;
}

int
setup_run(struct ctl *c, int argc, char **argv)
{
	static struct setup_wish w;
	static struct changes all;
	struct err e;
	bool is_there;
	int status;

	/* Other verbs write in between. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	w.data = MCP_EXECD_DATADIR;
	if (!setup_ask(argc, argv, &w, &status))
		return status;
	if (!find_places(c, &is_there))
		return CTL_FAILED;
	if (collect_conf(c, &w, is_there, &all, &e) != 0 ||
	    collect_packs(c, &w, &all, &e) != 0 ||
	    collect_policy(c, &w, &all, &e) != 0)
		status = ctl_error("%s", e.what);
	else
		status = apply_setup(c, &w, &all);
	changes_fini(&all);
	return status;
}
