/* SPDX-License-Identifier: MIT */
/* test_doctor: what the doctor says of a good and of a bad installation. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <arpa/inet.h>
#include <errno.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <sys/timex.h>
#include <time.h>
#include <cmocka.h>

#include "common/json.h"
#include "tests/unit/fixture_ctl.h"

static struct statvfs room; /* of each file system; 0 blocks: as it is */
static bool no_room; /* it cannot be asked */
static struct timex kernel_clock;
static int clock_state = TIME_OK;

/* The doctor's. */
int
statvfs(const char *path, struct statvfs *out)
{
	int fd, rc;

	if (no_room) {
		errno = EIO;
		return -1;
	}
	*out = room;
	if (room.f_blocks != 0)
		return 0;
	fd = open(path, O_PATH | O_CLOEXEC);
	rc = fd == -1 ? -1 : fstatvfs(fd, out);
	if (fd != -1)
		(void)close(fd);
	return rc;
}

int
adjtimex(struct timex *t)
{
	errno = EPERM;
	*t = kernel_clock;
	return clock_state;
}

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

/* One of the findings has this status and these words. */
static void
says(const char *status, const char *words)
{
	char level[32];
	const char *line = fix.out, *end, *at;

	(void)snprintf(level, sizeof(level), "\"status\":\"%s\"", status);
	for (; line != NULL && *line != '\0'; line = end) {
		end = strchr(line + 1, '\n');
		at = strstr(line, words);
		if (at == NULL)
			break;
		if (end == NULL || at < end) {
			at = strstr(line, level);
			if (at != NULL && (end == NULL || at < end))
				return;
		}
	}
	fail_msg("no \"%s\" of %s\n%s", words, status, fix.out);
}

/* The doctor ends with a failure, which is of this check and says so. */
static void
fails(const char *check, const char *words)
{
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect(check, "fail");
	says("fail", words);
}

static void
warns(const char *check, const char *words)
{
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect(check, "warn");
	says("warn", words);
}

static void
test_configuration(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/mcp-execd.json", fix.dir);
	assert_int_equal(unlink(path), 0);
	fails("configuration", "cannot open: No such file");
}

static void
test_clock(void **state)
{
	(void)state;
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("clock", "ok");
	kernel_clock.status = STA_UNSYNC;
	warns("clock", "run chrony or systemd-timesyncd");
	kernel_clock.status = 0;
	clock_state = TIME_ERROR;
	warns("clock", "run chrony or systemd-timesyncd");
	clock_state = -1;
	warns("clock", "see adjtimex(2)");
	clock_state = TIME_OK;
}

#define LOG "\"log\""

/* audit: its file, and what follows. */
static void
configure(const char *listen, const char *audit, const char *more)
{
	char text[512];

	(void)snprintf(text, sizeof(text),
	    "{\"listen\":[\"%s\"],\"frontend\":{\"path\":\"/bin/true\"%s},\"audit\":{\"file\":%s}%s}",
	    listen, caps_can_change_ids() ? ",\"user\":64123" : "", audit,
	    more);
	write_file("mcp-execd.json", 0600, text);
}

/* Of 100,000 blocks of 1 MiB, so many are free. */
static void
has_room(unsigned long mib, unsigned long inodes)
{
	room = (struct statvfs){ .f_frsize = 1 << 20,
		.f_blocks = 100000,
		.f_bavail = mib,
		.f_files = 1000,
		.f_favail = inodes };
}

static void
test_space(void **state)
{
	(void)state;
	has_room(50000, 1);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("disk space", "ok");
	expect("log growth", "ok");
	has_room(5000, 1); /* 5 % */
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("disk space", "ok");
	has_room(4999, 1);
	warns("disk space", "4999 MiB (4 %)");
	room.f_blocks = 10000;
	room.f_bavail = 1024;
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("disk space", "ok");
	room.f_bavail = 1023;
	warns("disk space", "nothing is run");
	has_room(64, 1);
	warns("disk space", "64 MiB");
	has_room(63, 1);
	fails("disk space", "63 MiB");
	has_room(50000, 0);
	fails("disk space", "50000 MiB");
	room.f_files = 0; /* a file system that does not count them */
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("disk space", "ok");
	no_room = true;
	fails("disk space", "see whether the file system is mounted");
	no_room = false;
	memset(&room, 0, sizeof(room));
}

static void
test_growth(void **state)
{
	(void)state;
	has_room(50000, 1);
	configure("127.0.0.1:0",
	    "\"log\",\"keep\":9,\"rotate_bytes\":10737418240", "");
	warns("log growth", "lower audit.keep or audit.rotate_bytes");
	has_room(95000, 1);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("log growth", "ok");
	configure("127.0.0.1:0", "\"log\",\"bytes_per_second\":67108864", "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("log growth", "warn");
	assert_non_null(strstr(fix.out, "lower audit.bytes_per_second"));
	assert_non_null(strstr(fix.out, "would last 24 minutes"));
	has_room(5000000, 1);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("log growth", "ok");
	assert_non_null(strstr(fix.out, "would last 21 hours"));
	configure("127.0.0.1:0", "\"log\",\"reserve_bytes\":0", "");
	warns("log growth", "set audit.reserve_bytes");
	memset(&room, 0, sizeof(room));
}

/* What leads to the log is looked at, too. */
static void
test_log_directory(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/work", fix.dir);
	configure("127.0.0.1:0", "\"work/log\"", "");
	assert_int_equal(chmod(path, 0777), 0);
	fails("audit log", "others can rename or remove the log");
	assert_int_equal(chmod(path, 01777), 0);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	assert_int_equal(chmod(path, 0755), 0);
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	if (caps_can_change_ids()) {
		assert_int_equal(chown(path, 64123, 64123), 0);
		fails("audit log", "chown the directory to root");
	}
	configure("127.0.0.1:0", "\"missing/log\"", "");
	fails("audit log", "make the directory");
	write_file("log", 0600, "");
	configure("127.0.0.1:0", "\"log/log\"", "");
	fails("audit log", "make it readable to mcp-execd");
}

static void
test_tokens(void **state)
{
	time_t soon = time(NULL) + 3 * 24 * 3600 - 1800;
	char expires[64];
	(void)state;
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("tokens", "warn"); /* none */
	write_token(",\"expires\":\"2026-01-02T00:00:00Z\"");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("token t", "warn");
	assert_non_null(strstr(fix.out, "has expired"));
	assert_non_null(strstr(fix.out, "mcp-execctl token revoke t\""));
	write_token(",\"expires\":\"2999-01-02T00:00:00Z\"");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("tokens", "ok");
	(void)strftime(expires, sizeof(expires),
	    ",\"expires\":\"%Y-%m-%dT%H:%M:%SZ\"", gmtime(&soon));
	write_token(expires);
	warns("token t", "expires within 3 days");
	write_file("tokens.d/t.json", 0600, "{}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	assert_non_null(strstr(fix.out, "t.json:1:"));
	expect("tokens", "fail"); /* and not that there were none */
	assert_null(strstr(fix.out, "there is none"));
	write_config(",\"token_dir\":\"nowhere\"");
	fails("tokens", "create the directory");
	assert_null(strstr(fix.out, "there is none"));
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
	says("warn", "only logged");
	write_policy(
	    ",\"require\":[],\"posture\":\"kernel\",\"disable\":[\"mounts\",\"landlock\"]");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	says("warn", "remove mounts or landlock from");
	write_policy(",\"files\":{\"read\":[\"/etc\"]}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	says("warn", "no call of exec_cmd can start");
	if (caps_can_change_ids()) {
		write_file("policies.d/p.json", 0600,
		    "{\"user\":64123,\"group\":64123,\"directory\":\"/tmp\"}");
		assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
		says("fail", "as the frontend's user");
	}
}

static void
test_log(void **state)
{
	char path[128];

	(void)state;
	write_file("log", 0666, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("audit log", "fail");
	write_file("log", 0600, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	(void)snprintf(path, sizeof(path), "%s/log", fix.dir);
	if (geteuid() != 0) {
		write_file("log", 0400, "");
		fails("audit log", "run the doctor as");
		assert_int_equal(unlink(path), 0);
	}
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
	no_room = true;
	fails("recordings", "see whether the file system is mounted");
	no_room = false;
	write_config(",\"recordings\":{\"directory\":\"nowhere/x\"}");
	fails("recordings", "is not there and cannot be made");
	write_config(",\"recordings\":{\"directory\":\"log/x\"}");
	write_file("log", 0600, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("recordings", "fail");
	write_config(",\"recordings\":{\"directory\":\"/proc/x\"}");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
	expect("recordings", "fail");
}

/* It faces the network, and would have another's rights. */
static void
test_frontend(void **state)
{
	static const mode_t bits[] = { S_ISUID, S_ISGID };
	char text[512];

	(void)state;
	(void)snprintf(text, sizeof(text),
	    "{\"listen\":[\"127.0.0.1:0\"],\"frontend\":{\"path\":\"%s/work/script\"%s},\"audit\":{\"file\":\"log\"}}",
	    fix.dir, caps_can_change_ids() ? ",\"user\":64123" : "");
	write_file("mcp-execd.json", 0600, text);
	write_file("work/script", 0755, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("frontend", "ok");
	for (size_t i = 0; i < 2; i++) {
		write_file("work/script", 0755 | bits[i], "");
		assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
		says("fail", "is set-user-ID or set-group-ID");
	}
}

static void
test_no_policies(void **state)
{
	char path[128];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/policies.d/p.json", fix.dir);
	assert_int_equal(unlink(path), 0);
	warns("policies", "write one");
}

/* An address that the machine does not have, and what clients make of it. */
static void
test_address(void **state)
{
	static const char open[] = ",\"insecure_plaintext\":true";

	(void)state;
	configure("192.0.2.1:7701", LOG, open);
	fails("port 192.0.2.1:7701", "change \\\"listen\\\"");
	expect("plaintext", "warn");
	expect("names", "warn");
	configure("127.0.0.1:0", LOG, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect("plaintext", "none");
	expect("names", "none");
}

/* It is not bound, which would replace it: is somebody there? */
static void
test_socket(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	char where[128], name[160];
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	(void)state;
	(void)snprintf(where, sizeof(where), "unix:%s/in", fix.dir);
	(void)snprintf(name, sizeof(name), "socket %s", where);
	configure(where, LOG, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect(name, "ok");
	(void)snprintf(a.sun_path, sizeof(a.sun_path), "%s/in", fix.dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
	assert_int_equal(listen(fd, 4), 0);
	fails(name, "stop the other program");
	(void)close(fd); /* nobody answers there any more */
	assert_int_equal(DOCTOR("--json", NULL), CTL_OK);
	expect(name, "ok");
	(void)snprintf(
	    where, sizeof(where), "unix:%s/mcp-execd.json/s", fix.dir);
	(void)snprintf(name, sizeof(name), "socket %s", where);
	configure(where, LOG, "");
	assert_int_equal(DOCTOR("--json", NULL), CTL_FAILED);
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
		TEST(test_configuration),
		TEST(test_clock),
		TEST(test_space),
		TEST(test_growth),
		TEST(test_log_directory),
		TEST(test_tokens),
		TEST(test_policies),
		TEST(test_frontend),
		TEST(test_no_policies),
		TEST(test_address),
		TEST(test_socket),
		TEST(test_log),
		TEST(test_recordings),
		TEST(test_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
