/* SPDX-License-Identifier: MIT */
/* test_doctor: what the doctor says of a good and of a bad installation. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <cmocka.h>

#include "common/json.h"
#include "tests/unit/fixture_ctl.h"

#define DOCTOR(...) run(doctor_run, (const char *const[]){ __VA_ARGS__ })

/* The status of the first check of this name, in the report as JSON. */
static const char *
status_of(const char *check)
{
	static char status[16];
	const struct json_value *v;
	struct json_doc *d;
	struct err e;

	if (json_parse(bytes_of(fix.out), JSON_STRICT, &d, &e) != 0)
		fail_msg("%s", e.what);
	(void)strcpy(status, "none");
	v = json_get(json_root(d), "checks");
	assert_non_null(v);
	for (v = v->child; v != NULL; v = v->next)
		if (bytes_eq_str(json_get(v, "check")->text, check))
			break;
	if (v != NULL && bytes_to_str(json_get(v, "status")->text, status,
			     sizeof(status), &e) != 0)
		fail_msg("%s", e.what);
	json_free(d);
	return status;
}

static void
expect(const char *check, const char *status)
{
	if (strcmp(status_of(check), status) != 0)
		fail_msg("%s: %s, not %s\n%s", check, status_of(check), status,
		    fix.out);
}

static void
write_token(const char *expires)
{
	char text[256];

	(void)snprintf(text, sizeof(text),
	    "{\"verifier\":\"%064d\",\"policy\":\"p\",\"created\":\"2026-01-01T00:00:00Z\"%s}",
	    1, expires);
	write_file("tokens.d/t.json", 0600, text);
}

static void
test_good(void **state)
{
	static const char *const good[] = { "configuration", "openat2",
		"pidfd_open", "close_range", "no_new_privs", "seccomp errno",
		"policy p", "tokens", "frontend", "audit log",
		"port 127.0.0.1:0" };

	(void)state;
	write_token("");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		expect(good[i], "ok");
	assert_int_equal(DOCTOR(NULL), CTL_OK);
	assert_non_null(strstr(fix.out, ", 0 failures\n"));
	assert_int_equal(DOCTOR("--nothing", NULL), CTL_USAGE);
	assert_int_equal(DOCTOR("operand", NULL), CTL_USAGE);
}

static void
test_tokens(void **state)
{
	(void)state;
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("tokens", "warn"); /* none */
	write_token(",\"expires\":\"2026-01-02T00:00:00Z\"");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("token t", "warn");
	assert_non_null(strstr(fix.out, "has expired"));
	write_token(",\"expires\":\"2999-01-02T00:00:00Z\"");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("tokens", "ok");
	write_file("tokens.d/t.json", 0600, "{}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	assert_non_null(strstr(fix.out, "t.json:1:"));
	expect("tokens", "fail"); /* and not that there were none */
}

static void
test_policies(void **state)
{
	(void)state;
	/* a layer that is not available is a failure where it is required */
	write_config(",\"cgroup\":\"off\"");
	write_policy(",\"require\":[\"cgroup\"]");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("policies", "fail");
	expect("policy p", "none");
	write_policy(",\"syscalls\":{\"log_only\":true}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	assert_non_null(strstr(fix.out, "only logged"));
	if (caps_can_change_ids()) {
		write_file("policies.d/p.json", 0600,
		    "{\"user\":64123,\"group\":64123,\"directory\":\"/tmp\"}");
		assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
		assert_non_null(strstr(fix.out, "as the frontend's user"));
	}
}

static void
test_log(void **state)
{
	(void)state;
	write_file("log", 0666, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("audit log", "fail");
	write_file("log", 0600, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	write_file("log", 0600, "nonsense\n{}\n");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("audit seal", "fail");
	write_file("log", 0600, "");
	write_config(",\"cgroup\":\"/nonexistent\"");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("cgroup", "fail");
	write_file("mcp-execd.json", 0600, "{\"lisen\":[]}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("configuration", "fail");
	expect("openat2", "ok"); /* the rest is looked at anyway */
}

/* Looked at where a policy records, and only there. */
static void
test_recordings(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/work", fix.dir);
	write_config(
	    ",\"recordings\":{\"directory\":\"work\",\"max_bytes\":1048576}");
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("recordings", "none");
	write_file("policies.d/p.json", 0600,
	    "{\"user\":\"nobody\",\"directory\":\"/tmp\",\"audit\":{\"output\":\"all\"}}");
	if (!caps_can_change_ids())
		write_policy(",\"audit\":{\"output\":\"all\"}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("recordings", "fail");
	assert_non_null(strstr(fix.out, "chmod 0700"));
	assert_int_equal(chmod(path, 0700), 0);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("recordings", "ok");
	write_config(
	    ",\"recordings\":{\"directory\":\"work\",\"max_bytes\":1125899906842624}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("recordings", "warn");
	assert_non_null(strstr(fix.out, "lower recordings.max_bytes"));
	write_config(",\"recordings\":{\"directory\":\"log/x\"}");
	write_file("log", 0600, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("recordings", "fail");
	write_config(",\"recordings\":{\"directory\":\"/proc/x\"}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("recordings", "fail");
}

/* A port in use is fine while an mcp-execd holds the log, and only then. */
static void
test_port(void **state)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(a);
	int fd = socket(AF_INET, SOCK_STREAM, 0), log;
	char name[64], path[128];

	(void)state;
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	fix.port = ntohs(a.sin_port);
	write_config("");
	write_file("log", 0600, "");
	(void)snprintf(name, sizeof(name), "port 127.0.0.1:%u", fix.port);
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect(name, "fail");
	assert_non_null(strstr(fix.out, "in use by test_doctor, process "));
	(void)snprintf(path, sizeof(path), "%s/log", fix.dir);
	log = open(path, O_RDWR);
	assert_int_equal(flock(log, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect(name, "ok");
	(void)close(log);
	(void)close(fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_good),
		TEST(test_tokens),
		TEST(test_policies),
		TEST(test_log),
		TEST(test_recordings),
		TEST(test_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
