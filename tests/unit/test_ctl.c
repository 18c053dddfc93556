/* SPDX-License-Identifier: MIT */
/* test_ctl: the verbs of mcp-execctl on a configuration in /tmp. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/caps.h"
#include "common/json.h"
#include "executor/ctl/token/client_config.h"
#include "executor/ctl/token/client_file.h"
#include "executor/ctl/ctl.h"

static struct {
	char dir[64];
	char config[80];
	char out[1 << 16]; /* standard output of the last verb */
} fix;

static const char *const files[] = { "mcp-execd.json", "policies.d/p.json",
	"tokens.d/a.json", "tokens.d/b.json", "clients.d/mine",
	"clients.d/curl", "out", "in", "clients.d", "policies.d", "tokens.d",
	"work/sub", "work" };

static void
write_file(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

static int
setup(void **state)
{
	static const char *const dirs[] = { "policies.d", "tokens.d", "work",
		"work/sub" };
	char path[128], text[512];

	(void)state;
	(void)strcpy(fix.dir, "/tmp/test_ctl.XXXXXX");
	assert_non_null(mkdtemp(fix.dir));
	for (size_t i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, dirs[i]);
		assert_int_equal(mkdir(path, 0700), 0);
	}
	(void)snprintf(
	    fix.config, sizeof(fix.config), "%s/mcp-execd.json", fix.dir);
	(void)snprintf(text, sizeof(text),
	    "{\"frontend\":{\"path\":\"/bin/true\"%s}}",
	    caps_can_change_ids() ? ",\"user\":64123" : "");
	write_file("mcp-execd.json", text);
	(void)snprintf(text, sizeof(text),
	    "{\"user\":%u,\"group\":%u,\"directory\":\"%s/work\"}",
	    (unsigned)geteuid(), (unsigned)getegid(), fix.dir);
	write_file("policies.d/p.json", text);
	return 0;
}

static int
teardown(void **state)
{
	char path[128];

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, files[i]);
		if (unlink(path) != 0)
			(void)rmdir(path);
	}
	assert_int_equal(rmdir(fix.dir), 0);
	return 0;
}

static int
swap_fd(int fd, const char *name, int flags)
{
	char path[128];
	int saved = dup(fd), file;

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	file = open(path, flags, 0600);
	assert_true(saved >= 0 && file >= 0);
	assert_true(dup2(file, fd) >= 0);
	(void)close(file);
	return saved;
}

static void
read_output(void)
{
	char path[128];
	FILE *f;

	(void)snprintf(path, sizeof(path), "%s/out", fix.dir);
	f = fopen(path, "r");
	assert_non_null(f);
	fix.out[fread(fix.out, 1, sizeof(fix.out) - 1, f)] = '\0';
	assert_int_equal(fclose(f), 0);
}

/* Run a verb as main() would; its output goes into fix.out. */
static int
run(int (*verb)(struct ctl *, int, char **), const char *words)
{
	static struct ctl c;
	char line[512], *argv[32] = { NULL }, *save;
	int argc = 0, saved, status;

	(void)snprintf(line, sizeof(line), "verb %s", words);
	for (char *w = strtok_r(line, " ", &save); w != NULL;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	memset(&c, 0, sizeof(c));
	c.config = fix.config;
	conf_report_init(&c.report);
	(void)fflush(stdout);
	saved = swap_fd(STDOUT_FILENO, "out", O_WRONLY | O_CREAT | O_TRUNC);
	optind = 0;
	status = verb(&c, argc, argv);
	(void)fflush(stdout);
	assert_true(dup2(saved, STDOUT_FILENO) >= 0);
	(void)close(saved);
	ctl_fini(&c);
	read_output();
	return status;
}

static bool
exists(const char *name)
{
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, name);
	return access(path, F_OK) == 0;
}

static void
test_life_of_a_token(void **state)
{
	char path[128], token[BEARER_TEXT], *p;
	struct stat st;

	(void)state;
	assert_int_equal(
	    run(token_add_run,
		"a --policy p --expires 2d --from 10.0.0.0/8 --comment hello"),
	    CTL_OK);
	p = strstr(fix.out, BEARER_PREFIX);
	assert_non_null(p);
	memcpy(token, p, BEARER_TEXT - 1);
	token[BEARER_TEXT - 1] = '\0';
	/* printed once, and nowhere on disk */
	assert_null(strstr(p + 1, BEARER_PREFIX));
	(void)snprintf(path, sizeof(path), "%s/tokens.d/a.json", fix.dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(run(token_list_run, ""), CTL_OK);
	assert_non_null(strstr(fix.out, "active"));
	assert_non_null(strstr(fix.out, "10.0.0.0/8"));
	assert_null(strstr(fix.out, token));
	/* the name is taken: the first token stays */
	assert_int_equal(run(token_add_run, "a --policy p"), CTL_FAILED);
	assert_null(strstr(fix.out, BEARER_PREFIX));
	assert_int_equal(run(token_revoke_run, "a"), CTL_OK);
	assert_false(exists("tokens.d/a.json"));
	assert_int_equal(run(token_revoke_run, "a"), CTL_FAILED);
}

/* There is no address to print then, and the token is shown anyway. */
static void
test_token_for_a_unix_socket(void **state)
{
	char text[512];

	(void)state;
	(void)snprintf(text, sizeof(text),
	    "{\"listen\":[\"unix:/run/s\"],\"frontend\":{\"path\":\"/bin/true\"%s}}",
	    caps_can_change_ids() ? ",\"user\":64123" : "");
	write_file("mcp-execd.json", text);
	assert_int_equal(run(token_add_run, "a --policy p"), CTL_OK);
	assert_non_null(strstr(fix.out, BEARER_PREFIX));
	assert_non_null(strstr(fix.out, "only UNIX sockets"));
	assert_non_null(strstr(fix.out, "token revoke a"));
}

static void
test_add_refuses(void **state)
{
	static const char *const bad[] = { "b --policy q",
		"b --policy p --expires soon", "b --policy p --expires 0d",
		"b --policy p --expires 2020-01-01T00:00:00Z",
		"b --policy p --from 10.0.0.1/8", "b --policy p --from host",
		"b --policy p --directory /etc",
		"b --policy p --timeout-max 600001",
		"b --policy p --timeout-max -1" };
	static const char *const usage[] = { "b", "--policy p",
		"b c --policy p", "../b --policy p", ".b --policy p",
		"b --policy p --nothing" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		if (run(token_add_run, bad[i]) != CTL_FAILED)
			fail_msg("%s", bad[i]);
		assert_string_equal(fix.out, "");
		assert_false(exists("tokens.d/b.json"));
	}
	for (size_t i = 0; i < sizeof(usage) / sizeof(usage[0]); i++)
		if (run(token_add_run, usage[i]) != CTL_USAGE)
			fail_msg("%s", usage[i]);
}

static void
test_list_as_json(void **state)
{
	char words[256];
	struct json_doc *d;
	struct err e;

	(void)state;
	(void)snprintf(words, sizeof(words),
	    "a --policy p --directory %s/work/sub", fix.dir);
	assert_int_equal(run(token_add_run, words), CTL_OK);
	assert_int_equal(run(token_list_run, "--json"), CTL_OK);
	assert_int_equal(json_parse(bytes_of(fix.out), JSON_STRICT, &d, &e), 0);
	assert_int_equal(json_root(d)->count, 1);
	assert_true(
	    bytes_eq_str(json_get(json_root(d)->child, "name")->text, "a"));
	json_free(d);
	/* a bad one does not hide the good one, but is not passed over */
	write_file("tokens.d/b.json", "{}");
	assert_int_equal(run(token_list_run, ""), CTL_FAILED);
	assert_non_null(strstr(fix.out, "active"));
	assert_int_equal(run(check_run, ""), CTL_FAILED);
	assert_non_null(strstr(fix.out, "b.json:1:"));
	/* and can be revoked */
	assert_int_equal(run(token_revoke_run, "b"), CTL_OK);
	assert_int_equal(run(check_run, ""), CTL_OK);
	assert_int_equal(run(token_revoke_run, "a"), CTL_OK);
}

static void
test_check_finds_all(void **state)
{
	(void)state;
	write_file("mcp-execd.json",
	    "{\"lisen\":[],\"frontend\":{\"path\":\"/nonexistent\"}}");
	write_file("policies.d/p.json", "{\"tolls\":1}");
	assert_int_equal(run(check_run, ""), CTL_FAILED);
	assert_non_null(strstr(fix.out, "\"listen\"?"));
	assert_non_null(strstr(fix.out, "/nonexistent"));
	assert_non_null(strstr(fix.out, "\"tools\"?"));
}

/* A name of a file is shown: no control characters, nor a line of its own. */
static void
test_names_are_shown(void **state)
{
	static const char *const odd[] = {
		"policies.d/a\x1b]0;x\nall is well.json",
		"policies.d/p\x9b.json"
	};
	char path[128];

	(void)state;
	write_file(odd[0], "{}");
	write_file(odd[1], "{\"to\\u001bols\":1}");
	assert_int_equal(run(check_run, ""), CTL_FAILED);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", fix.dir, odd[i]);
		assert_int_equal(unlink(path), 0);
	}
	assert_non_null(strstr(fix.out, "/a\\u001b]0;x\\nall is well"));
	assert_non_null(strstr(fix.out, "/p\\x9b.json"));
	assert_null(strchr(fix.out, '\x1b'));
	assert_null(strchr(fix.out, '\x9b'));
}

static void
test_url(void **state)
{
	static const char *const rows[][3] = {
		{ "127.0.0.1:8001", NULL, "http://127.0.0.1:8001/mcp" },
		{ "0.0.0.0:8001", NULL, "http://127.0.0.1:8001/mcp" },
		{ "[::]:8001", NULL, "http://[::1]:8001/mcp" },
		{ "x", "https://h/", "https://h/mcp" },
		{ "x", "https://h/mcp", "https://h/mcp" },
		{ "x", "https://h/base/", "https://h/base/mcp" },
		{ "x", "https://h/sse", "https://h/mcp" },
		{ "x", "h", NULL },
		{ "x", "https://", NULL },
		{ "tls:192.0.2.1:8443", NULL, "https://192.0.2.1:8443/mcp" },
		{ "tls:0.0.0.0:8443", NULL, "https://127.0.0.1:8443/mcp" },
		{ "tls:[::]:8443", NULL, "https://[::1]:8443/mcp" },
		{ "unix:/run/s", NULL, NULL },
		{ "unix:/run/s", "https://h", "https://h/mcp" },
		{ "x", "https://h/'$(id)'", NULL },
		{ "x", "https://h/\"", NULL },
	};
	static struct conf c;
	char url[2 * CONF_MAX_NAME];
	struct err e;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)strcpy(c.listen[0].text, rows[i][0]);
		if (client_config_url(
			&c, rows[i][1], false, url, sizeof(url), &e) != 0) {
			assert_null(rows[i][2]);
			continue;
		}
		assert_non_null(rows[i][2]);
		assert_string_equal(url, rows[i][2]);
	}
	(void)strcpy(c.public_url, "https://p");
	assert_int_equal(
	    client_config_url(&c, NULL, true, url, sizeof(url), &e), 0);
	assert_string_equal(url, "https://p/sse");
}

static int
write_client(const char *config, const char *client, bool sse,
    const char *token, struct buf *out, struct err *e)
{
	struct client_config w = {
		.name = "n", .url = "http://h/mcp", .sse = sse, .token = token
	};

	buf_reset(out);
	return client_config_write(config, client, &w, out, e);
}

static void
expect_json(const char *client, const struct buf *out)
{
	struct json_doc *d;
	struct err e;

	if (json_parse(buf_bytes(out), JSON_STRICT, &d, &e) != 0)
		fail_msg("%s: %s", client, e.what);
	json_free(d);
}

/* Each client's output, with and without the token in it. */
static void
test_clients(void **state)
{
	static const struct {
		const char *name;
		bool json, sse;
	} rows[] = {
		{ "claude-code", true, true },
		{ "vscode", true, true },
		{ "cursor", true, true },
		{ "gemini", true, true },
		{ "opencode", true, true },
		{ "mcphost", true, true },
		{ "claude-desktop", true, true },
		{ "inspector", false, true },
		{ "curl", false, true },
		{ "kit", false, true },
		{ "codex", false, false },
		{ "goose", false, false },
		{ "go", false, false },
		{ "python", false, false },
	};
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 16384);
	for (size_t i = 0; i < 4 * sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = rows[i / 4].name;
		bool sse = i % 2 == 1, token = i % 4 >= 2;
		int rc = write_client(
		    NULL, name, sse, token ? "mxt_secret" : NULL, &out, &e);

		assert_int_equal(rc, sse && !rows[i / 4].sse ? ERR_BAD : 0);
		if (rc != 0)
			continue;
		assert_non_null(strstr(buf_cstr(&out), "http://h/mcp"));
		assert_null(strchr(buf_cstr(&out), '\r'));
		assert_null(strstr(buf_cstr(&out), "@N"));
		assert_int_equal(
		    strstr(buf_cstr(&out), "mxt_secret") != NULL, token);
		if (rows[i / 4].json)
			expect_json(name, &out);
	}
	assert_int_equal(
	    write_client(NULL, "vscod", false, NULL, &out, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "vscode"));
	assert_int_equal(
	    write_client(NULL, "../curl", false, NULL, &out, &e), ERR_BAD);
	assert_non_null(strstr(e.what, "claude-code, "));
	buf_fini(&out);
}

/* The administrator's: they add, come first, and say where they are wrong. */
static void
test_own_clients(void **state)
{
	static const char *const bad[][2] = {
		{ "%% http\n@WHO@\n", "@WHO@" },
		{ "%% htp\nx\n", "mine:1" },
		{ "%% http\nx\n%% http\n", "mine:3" },
		{ "%% advice\nx\n", "http is missing" },
		{ "", "http is missing" },
	};
	char config[128], path[128];
	struct buf out;
	struct err e;

	(void)state;
	buf_init(&out, 16384);
	(void)snprintf(config, sizeof(config), "%s/mcp-execd.json", fix.dir);
	(void)snprintf(path, sizeof(path), "%s/clients.d", fix.dir);
	assert_int_equal(mkdir(path, 0755), 0);
	write_file("clients.d/mine",
	    "# ours\n%% token\n$T\n%% http\n@NAME@ @URL@ @TRANSPORT@ @TOKEN@ a@b.c @ @X\n");
	assert_int_equal(
	    write_client(config, "mine", false, NULL, &out, &e), 0);
	assert_string_equal(
	    buf_cstr(&out), "n http://h/mcp http $T a@b.c @ @X\n");
	write_file("clients.d/curl", "%% http\nours\n");
	assert_int_equal(write_client(config, "curl", true, NULL, &out, &e), 0);
	assert_string_equal(buf_cstr(&out), "ours\n");
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file("clients.d/mine", bad[i][0]);
		assert_int_equal(
		    write_client(config, "mine", false, NULL, &out, &e),
		    ERR_BAD);
		assert_non_null(strstr(e.what, bad[i][1]));
	}
	/* what somebody else can write is not printed */
	write_file("clients.d/mine", "%% http\nx\n");
	(void)snprintf(path, sizeof(path), "%s/clients.d/mine", fix.dir);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_not_equal(
	    write_client(config, "mine", false, NULL, &out, &e), 0);
	buf_reset(&out);
	client_file_list(config, &out);
	assert_non_null(strstr(buf_cstr(&out), ", mine, "));
	buf_fini(&out);
}

static int
client_config_with_input(const char *text)
{
	int saved, status;

	write_file("in", text);
	saved = swap_fd(STDIN_FILENO, "in", O_RDONLY);
	clearerr(stdin);
	status = run(client_config_run, "a --client cursor --token-stdin");
	(void)fseek(stdin, 0, SEEK_END);
	assert_true(dup2(saved, STDIN_FILENO) >= 0);
	(void)close(saved);
	return status;
}

static void
test_token_from_stdin(void **state)
{
	char token[BEARER_TEXT];

	(void)state;
	assert_int_equal(run(token_add_run, "a --policy p"), CTL_OK);
	memcpy(token, strstr(fix.out, BEARER_PREFIX), BEARER_TEXT - 1);
	token[BEARER_TEXT - 1] = '\0';
	assert_int_equal(run(client_config_run, "a --client cursor"), CTL_OK);
	assert_null(strstr(fix.out, BEARER_PREFIX));
	assert_int_equal(client_config_with_input(token), CTL_OK);
	assert_non_null(strstr(fix.out, token));
	/* another token is not put under this one's name */
	token[BEARER_TEXT - 2] = token[BEARER_TEXT - 2] == 'A' ? 'B' : 'A';
	token[10] = token[10] == 'A' ? 'B' : 'A';
	assert_int_equal(client_config_with_input(token), CTL_FAILED);
	assert_string_equal(fix.out, "");
	assert_int_equal(client_config_with_input(""), CTL_FAILED);
	assert_int_equal(run(client_config_run, "z --client curl"), CTL_FAILED);
	assert_int_equal(run(client_config_run, "a"), CTL_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_life_of_a_token),
		TEST(test_token_for_a_unix_socket),
		TEST(test_add_refuses),
		TEST(test_list_as_json),
		TEST(test_check_finds_all),
		TEST(test_names_are_shown),
		TEST(test_url),
		TEST(test_clients),
		TEST(test_own_clients),
		TEST(test_token_from_stdin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
