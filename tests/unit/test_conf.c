/* SPDX-License-Identifier: MIT */
/* test_conf: the main configuration, its defaults and every finding. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "common/caps.h"
#include "common/closest.h"
#include "executor/conf/conf.h"
#include "executor/conf/keys.h"

/* Every configuration needs a frontend that is there; root also a user. */
#define FRONTEND "\"frontend\":{\"path\":\"/bin/true\"%s}"

#define A20  "aaaaaaaaaaaaaaaaaaaa"
#define A100 A20 A20 A20 A20 A20 "12345678"

struct fixture {
	char dir[64];
	char path[96];
	struct conf conf;
	struct conf_report r;
};

static int
setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	assert_non_null(f);
	(void)strcpy(f->dir, "/tmp/test_conf.XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	(void)snprintf(f->path, sizeof(f->path), "%s/c.json", f->dir);
	conf_report_init(&f->r);
	*state = f;
	return 0;
}

static int
teardown(void **state)
{
	struct fixture *f = *state;

	(void)unlink(f->path);
	(void)rmdir(f->dir);
	conf_report_fini(&f->r);
	free(f);
	return 0;
}

/* Load `keys` together with a frontend that is in order. */
static int
load(struct fixture *f, const char *keys)
{
	FILE *file = fopen(f->path, "w");
	struct err e;

	assert_non_null(file);
	(void)fprintf(file, "{ // comment\n  " FRONTEND "%s%s }\n",
	    caps_can_change_ids() ? ",\"user\":64123" : "",
	    keys[0] != '\0' ? ",\n  " : "", keys);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(f->path, 0600), 0);
	conf_report_fini(&f->r);
	return conf_load(f->path, &f->conf, &f->r, &e);
}

/* One finding, at this place and with these words. */
static void
finds(struct fixture *f, const char *keys, const char *place, const char *words)
{
	char where[128];

	assert_int_equal(load(f, keys), ERR_BAD);
	assert_int_equal(f->r.count, 1);
	(void)snprintf(where, sizeof(where), "%s:%s: ", f->path, place);
	if (strstr(buf_cstr(&f->r.text), where) == NULL ||
	    strstr(buf_cstr(&f->r.text), words) == NULL)
		fail_msg("%s -> %s", keys, buf_cstr(&f->r.text));
}

static void
test_defaults(void **state)
{
	struct fixture *f = *state;
	char path[128];
	struct sockaddr_in sin;

	assert_int_equal(load(f, ""), 0);
	(void)snprintf(path, sizeof(path), "%s/policies.d", f->dir);
	assert_string_equal(f->conf.policy_dir, path);
	(void)snprintf(path, sizeof(path), "%s/tokens.d", f->dir);
	assert_string_equal(f->conf.token_dir, path);
	assert_string_equal(f->conf.path, f->path);
	assert_int_equal(f->conf.listen_count, 1);
	assert_string_equal(f->conf.listen[0].text, "127.0.0.1:8001");
	memcpy(&sin, &f->conf.listen[0].addr, sizeof(sin));
	assert_int_equal(ntohs(sin.sin_port), 8001);
	assert_int_equal(f->conf.limits.body_bytes, 1048576);
	assert_int_equal(f->conf.limits.session_idle_ms, 3600000);
	assert_int_equal(f->conf.stop_grace_ms, 5000);
	assert_int_equal(
	    f->conf.frontend_uid, caps_can_change_ids() ? 64123 : geteuid());
	assert_int_equal(
	    f->conf.frontend_gid, caps_can_change_ids() ? 64123 : getegid());
	assert_int_equal(f->conf.audit_file[0], '/');
}

static void
test_values(void **state)
{
	struct fixture *f = *state;
	char path[128];

	assert_int_equal(
	    load(f,
		"\"listen\":[\"[::1]:9\",\"127.0.0.2:10\"],\"audit\":{\"file\":\"log/a\"},\"policy_dir\":\"/p\",\"public_url\":\"https://h.example\",\"stop_grace_ms\":0,\"allowed_hosts\":[\"h.example\",\"h.example:8001\"],\"allowed_origins\":[\"https://h.example\"],\"limits\":{\"runs\":3}"),
	    0);
	assert_int_equal(f->conf.listen_count, 2);
	assert_int_equal(f->conf.listen[0].addr.ss_family, AF_INET6);
	assert_int_equal(
	    f->conf.listen[0].addr_len, sizeof(struct sockaddr_in6));
	(void)snprintf(path, sizeof(path), "%s/log/a", f->dir);
	assert_string_equal(f->conf.audit_file, path);
	assert_string_equal(f->conf.policy_dir, "/p");
	assert_int_equal(f->conf.host_count, 2);
	assert_string_equal(f->conf.hosts[1], "h.example:8001");
	assert_int_equal(f->conf.origin_count, 1);
	assert_int_equal(f->conf.limits.runs, 3);
	assert_int_equal(f->conf.limits.sessions, 4096);
	assert_int_equal(f->conf.stop_grace_ms, 0);
}

static void
test_unix_socket(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load(f,
		"\"listen\":[\"unix:/run/a.sock\"],\"unix_socket\":{\"mode\":\"0600\",\"group\":7}"),
	    0);
	assert_int_equal(f->conf.listen[0].addr.ss_family, AF_UNIX);
	assert_int_equal(f->conf.socket_mode, 0600);
	assert_int_equal(f->conf.socket_gid, 7);
	assert_int_equal(load(f, "\"listen\":[\"unix:/run/a.sock\"]"), 0);
	assert_int_equal(f->conf.socket_mode, 0660);
	assert_int_equal(f->conf.socket_gid, UINT32_MAX);
}

static void
test_findings(void **state)
{
	static const struct {
		const char *keys, *place, *words;
	} bad[] = {
		{ "\"listne\":[]", "3:12", "did you mean \"listen\"" },
		{ "\"limits\":{\"replay_total_bytes\":65536}", "3:12",
		    "above \"replay_total_bytes\"" },
		{ "\"limits\":{\"replay_total_bytes\":100}", "3:34", "65536" },
		{ "\"zzzzzz\":1", "3:12", "unknown key" },
		{ "\"zzzzzz\":1", "3:12", "see mcp-execd.json(5)" },
		{ "\"limits\":{\"runs\":\"8\"}", "3:20",
		    "drop the quotes and the unit" },
		{ "\"limits\":{\"body_bytes\":\"1M\"}", "3:26",
		    "a whole number of bytes, not string" },
		{ "\"stop_grace_ms\":1.5", "3:19",
		    "a whole number of milliseconds from 0 to 3600000, not 1.5" },
		{ "\"limits\":{\"runs\":1e30}", "3:20", ", not 1e30" },
		{ "\"cgroup\":\"x\"", "3:12", "absolute path" },
		{ "\"cgroup\":7", "3:12", "\"cgroup\" must be a string" },
		{ "\"trusted_proxies\":[7]", "3:22", ": must be a string" },
		{ "\"listen\":[]", "3:12", "1 to 8" },
		{ "\"listen\":\"127.0.0.1:1\"", "3:12", "list" },
		{ "\"listen\":[\"localhost:1\"]", "3:13", "not an address" },
		{ "\"listen\":[\"127.0.0.1\"]", "3:13", "not an address" },
		{ "\"listen\":[\"127.0.0.1:65536\"]", "3:13",
		    "not an address" },
		{ "\"listen\":[\"::1:80\"]", "3:13", "not an address" },
		{ "\"listen\":[\"[::1:80\"]", "3:13", "not an address" },
		{ "\"listen\":[\"127.0.0.1:1\",\"127.0.0.1:1\"]", "3:27",
		    "twice" },
		{ "\"listen\":[\"unix:run/s\"]", "3:13", "unix:/PATH" },
		{ "\"listen\":[\"unix:\"]", "3:13", "unix:/PATH" },
		{ "\"listen\":[\"unix:/run/\"]", "3:13", "unix:/PATH" },
		{ "\"listen\":[\"unix:/" A100 "\"]", "3:13", "107" },
		{ "\"listen\":[\"unix:/a\",\"unix:/a\"]", "3:23", "twice" },
		{ "\"unix_socket\":{\"mode\":\"660\"}", "3:25", "octal" },
		{ "\"unix_socket\":{\"mode\":\"0668\"}", "3:25", "octal" },
		{ "\"unix_socket\":{\"mode\":432}", "3:25", "string" },
		{ "\"unix_socket\":{\"group\":\"no-such-group\"}", "3:26",
		    "no group" },
		{ "\"listen\":[\"0.0.0.0:1\"]", "3:13", "clear text" },
		{ "\"listen\":[\"tls:127.0.0.1:1\"]", "3:13", "needs" },
		{ "\"tls\":{\"key\":\"a\"}", "3:9", "two files" },
		{ "\"tls\":{\"key\":\"a\",\"certificate\":\"b\"}", "1:1",
		    "no listener" },
		{ "\"insecure_plaintext\":1", "3:24", "true or false" },
		{ "\"trusted_proxies\":[\"0.0.0.0/0\"]", "3:22", "not all" },
		{ "\"trusted_proxies\":[\"::/0\"]", "3:22", "not all" },
		{ "\"trusted_proxies\":[\"proxy\"]", "3:22", "an address" },
		{ "\"forwarded_header\":\"via\"", "3:22", "the one that" },
		{ "\"penalties\":{\"max_ms\":5}", "3:15", "ever refused" },
		{ "\"penalties\":{\"exempt\":[\"x\"]}", "3:26", "address" },
		{ "\"penalties\":{\"sources\":0}", "3:26", "from 1 to" },
		{ "\"limits\":{\"runs\":0}", "3:20", "from 1 to" },
		{ "\"limits\":{\"runs\":-1}", "3:20", "from 1 to" },
		{ "\"limits\":{\"runs\":1.5}", "3:20", "whole number" },
		{ "\"limits\":{\"runs\":1e-2}", "3:20", "whole number" },
		{ "\"limits\":{\"runs\":4294967297}", "3:20", "from 1 to" },
		{ "\"limits\":{\"runs\":\"5\"}", "3:20", "whole number" },
		{ "\"limits\":[]", "3:12", "object" },
		{ "\"policy_dir\":\"\"", "3:16",
		    "\"policy_dir\" must not be empty" },
		{ "\"policy_dir\":\"a\\nb\"", "3:16",
		    "\"policy_dir\" holds a control" },
		{ "\"policy_dir\":7", "3:16", "string" },
		{ "\"public_url\":\"ftp://x\"", "3:16", "https://" },
		{ "\"allowed_hosts\":[\"a b\"]", "3:20", "host" },
		{ "\"allowed_origins\":[\"https://h/path\"]", "3:22",
		    "origin" },
		{ "\"limits\":{},\"limits\":{}", "3", "duplicate" },
	};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		/* a duplicate key's column is json's business */
		if (strcmp(bad[i].place, "3") == 0) {
			assert_int_equal(load(*state, bad[i].keys), ERR_BAD);
			continue;
		}
		finds(*state, bad[i].keys, bad[i].place, bad[i].words);
	}
}

static void
test_all_findings_at_once(void **state)
{
	struct fixture *f = *state;

	assert_int_equal(
	    load(f,
		"\"a\":1,\"limits\":{\"runs\":0,\"b\":1},\"listen\":[\"x\"],\n\"public_url\":\"y\""),
	    ERR_BAD);
	assert_int_equal(f->r.count, 5);
	assert_non_null(strstr(buf_cstr(&f->r.text), "c.json:4:"));
}

static void
test_report_is_bounded(void **state)
{
	struct fixture *f = *state;
	char keys[24 * 1024] = "\"a\":1";
	size_t len = strlen(keys);

	for (int i = 0; i < 1000; i++)
		len += (size_t)snprintf(
		    keys + len, sizeof(keys) - len, ",\"unknown%d\":1", i);
	assert_int_equal(load(f, keys), ERR_BAD);
	assert_int_equal(f->r.count, 1001);
	assert_true(f->r.text.len <= CONF_REPORT_MAX);
	/* cut between lines */
	assert_int_equal(f->r.text.p[f->r.text.len - 1], '\n');
	assert_false(f->r.text.overflow);
}

static void
test_trust(void **state)
{
	struct fixture *f = *state;
	struct err e;

	assert_int_equal(load(f, ""), 0);
	assert_int_equal(chmod(f->path, 0620), 0);
	assert_int_equal(conf_load(f->path, &f->conf, &f->r, &e), ERR_BAD);
	assert_non_null(strstr(buf_cstr(&f->r.text), "chmod"));
	assert_int_equal(chmod(f->path, 0600), 0);
	assert_int_equal(chmod(f->dir, 0777), 0);
	assert_int_equal(conf_load(f->path, &f->conf, &f->r, &e), ERR_BAD);
	assert_int_equal(f->r.count, 2);
	assert_int_equal(
	    conf_load("/nonexistent/x", &f->conf, &f->r, &e), ERR_BAD);
	assert_int_equal(f->r.count, 3);
}

static void
write_raw(struct fixture *f, const char *text)
{
	FILE *file = fopen(f->path, "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(f->path, 0600), 0);
}

static void
test_frontend(void **state)
{
	struct fixture *f = *state;
	struct err e;

	write_raw(
	    f, "{\"frontend\":{\"path\":\"/nonexistent\",\"user\":\"root\"}}");
	assert_int_equal(conf_load(f->path, &f->conf, &f->r, &e), ERR_BAD);
	/* as root: never as root; as another: only root can change */
	assert_int_equal(f->r.count, 2);
	assert_non_null(strstr(buf_cstr(&f->r.text), "/nonexistent"));
	conf_report_fini(&f->r);
	/* who only reads need not be able to change */
	assert_int_equal(
	    conf_load_to_read(f->path, &f->conf, &f->r, &e), ERR_BAD);
	assert_int_equal(f->r.count, caps_can_change_ids() ? 2 : 1);
	conf_report_fini(&f->r);
	write_raw(f,
	    "{\"frontend\":{\"path\":\"/bin/true\",\"user\":\"no-such-user\"}}");
	assert_int_equal(conf_load(f->path, &f->conf, &f->r, &e), ERR_BAD);
	assert_int_equal(f->r.count, 1);
	assert_non_null(strstr(buf_cstr(&f->r.text), "no user"));
}

static void
test_closest(void **state)
{
	static const char *const words[] = { "listen", "limits", "user",
		"timeout_ms", NULL };

	(void)state;
	assert_string_equal(closest_word(BYTES_LIT("lisen"), words), "listen");
	assert_string_equal(closest_word(BYTES_LIT("limit"), words), "limits");
	/* a word of four letters may have one slip */
	assert_string_equal(closest_word(BYTES_LIT("suer"), words), "user");
	assert_null(closest_word(BYTES_LIT("suxr"), words));
	assert_string_equal(
	    closest_word(BYTES_LIT("timeout-MS"), words), "timeout_ms");
	assert_string_equal(
	    closest_word(BYTES_LIT("timeout"), words), "timeout_ms");
	assert_null(closest_word(BYTES_LIT("ti"), words));
	assert_null(closest_word(BYTES_LIT("x"), words));
	assert_null(closest_word(BYTES_LIT("environment"), words));
	assert_null(closest_word(BYTES_LIT(""), words));
}

/* Known even of a file that is broken, so that what runs can be asked. */
static void
test_control(void **state)
{
	struct fixture *f = *state;
	struct err e;
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/control.sock", f->dir);
	assert_int_equal(load(f, ""), 0);
	assert_string_equal(f->conf.control, path);
	assert_int_equal(load(f, "\"nope\":1"), ERR_BAD);
	assert_string_equal(f->conf.control, path);
	assert_int_equal(load(f, "{"), ERR_BAD);
	assert_string_equal(f->conf.control, path);
	file = fopen(f->path, "w");
	assert_non_null(file);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(conf_load(f->path, &f->conf, &f->r, &e), ERR_BAD);
	assert_string_equal(f->conf.control, path);
	/* there or not */
	assert_in_range(
	    -conf_load(MCP_EXECD_CONFIG, &f->conf, &f->r, &e), 0, 9);
	assert_string_equal(f->conf.control, MCP_EXECD_RUNDIR "/control.sock");
	assert_int_equal(load(f, "\"control\":\"/run/x/s\""), 0);
	assert_string_equal(f->conf.control, "/run/x/s");
	assert_int_equal(load(f, "\"control\":\"run/s\""), 0);
	(void)snprintf(path, sizeof(path), "%s/run/s", f->dir);
	assert_string_equal(f->conf.control, path);
	finds(f, "\"control\":\"/run/x/\"", "3:13", "1 to 63 bytes");
	finds(
	    f, "\"control\":\"" A20 A20 A20 "1234\"", "3:13", "1 to 63 bytes");
	assert_int_equal(load(f, "\"control\":\"" A20 A20 A20 "123\""), 0);
	finds(f, "\"control\":\"\"", "3:13", "");
	finds(f, "\"control\":7", "3:13", "string");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_defaults),
		TEST(test_values),
		TEST(test_unix_socket),
		TEST(test_findings),
		TEST(test_all_findings_at_once),
		TEST(test_report_is_bounded),
		TEST(test_trust),
		TEST(test_frontend),
		TEST(test_closest),
		TEST(test_control),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
