/* SPDX-License-Identifier: MIT */
/* test_servername: which names a certificate has to be for. */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "executor/conf/servername.h"

static struct conf *conf;

static int
setup(void **state)
{
	(void)state;
	conf = calloc(1, sizeof(*conf));
	return conf == NULL ? -1 : 0;
}

static int
teardown(void **state)
{
	(void)state;
	free(conf);
	return 0;
}

/* The names, with a comma for each NUL. */
static void
expect(const char *want)
{
	struct buf b;

	buf_init(&b, 1 << 16);
	servername_put(conf, &b);
	for (size_t i = 0; i < b.len; i++)
		if (b.p[i] == '\0')
			b.p[i] = ',';
	assert_string_equal(buf_cstr(&b), want);
	buf_fini(&b);
}

static void
add_host(const char *name)
{
	(void)strcpy(conf->hosts[conf->host_count++], name);
}

static void
test_urls(void **state)
{
	static const char *const rows[][2] = {
		{ "", "" }, { "https://a.example", "a.example," },
		{ "https://a.example/", "a.example," },
		{ "https://a.example:8443/mcp", "a.example," },
		{ "https://a.example?x", "a.example," },
		{ "https://[2001:db8::1]:8443/x", "2001:db8::1," },
		{ "https://192.0.2.1", "192.0.2.1," },
		{ "http://a.example", "" }, /* no certificate is seen */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		(void)strcpy(conf->public_url, rows[i][0]);
		expect(rows[i][1]);
	}
}

static void
test_hosts(void **state)
{
	(void)state;
	(void)strcpy(conf->public_url, "https://a.example:8443");
	add_host("A.Example");
	add_host("b.example:8443");
	add_host("b.example");
	add_host("[2001:db8::1]");
	add_host("a.exampl");
	expect("a.example,b.example,2001:db8::1,a.exampl,");
	conf->proxy_count = 1; /* whose certificate it is then */
	expect("");
}

static void
test_unreachable(void **state)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&conf->listen[1].addr;

	(void)state;
	conf->listen_count = 2;
	(void)strcpy(conf->listen[0].text, "local");
	conf->listen[0].addr.ss_family = AF_UNIX;
	(void)strcpy(conf->listen[1].text, "there");
	v4->sin_family = AF_INET;
	v4->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_null(servername_unreachable(conf));
	v4->sin_addr.s_addr = htonl(INADDR_ANY);
	assert_string_equal(servername_unreachable(conf), "there");
	add_host("a.example");
	assert_null(servername_unreachable(conf));
	conf->host_count = 0;
	(void)strcpy(conf->public_url, "http://a.example");
	assert_null(servername_unreachable(conf));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_urls),
		TEST(test_hosts),
		TEST(test_unreachable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
