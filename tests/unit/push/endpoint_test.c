/* endpoint_test.c — URLs taken apart, and those that are none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/push/endpoint.h"
#include "kit.h"

/* Parsed from a block of just its size. */
static bool parse(struct endpoint *out, const char *url, char **copy)
{
	const char *why = NULL;
	size_t len = strlen(url);
	bool ok;

	*copy = malloc(len ? len : 1);
	assert_non_null(*copy);
	memcpy(*copy, url, len);
	ok = endpoint_parse(out, *copy, len, &why);
	assert_true(ok || (why && *why));
	return ok;
}

static void test_endpoint_parse(void **state)
{
	(void)state;
	static const struct {
		const char *url, *origin, *path;
		bool loopback;
	} cases[] = {
		{"https://h", "https://h", "", false},
		{"https://h/", "https://h", "/", false},
		{"https://H.Example:443/a?b=c&d", "https://h.example", "/a?b=c&d", false},
		{"https://h:8443/a", "https://h:8443", "/a", false},
		{"https://h?x", "https://h", "?x", false},
		{"https://h:00443/x", "https://h", "/x", false},
		{"http://h:80/x", "http://h", "/x", false},
		{"http://h:443/x", "http://h:443", "/x", false},
		{"https://h:80/x", "https://h:80", "/x", false},
		{"https://[2001:DB8::1]/x", "https://[2001:db8::1]", "/x", false},
		{"https://[::1]:8080/", "https://[::1]:8080", "/", true},
		{"http://127.0.0.1:9/", "http://127.0.0.1:9", "/", true},
		{"https://[2606:4700::1111]/", "https://[2606:4700::1111]", "/", false},
		{"https://1.2.3.4.example./", "https://1.2.3.4.example.", "/", false},
		{"https://0xfeed.example/", "https://0xfeed.example", "/", false},
		{"http://localhost/", "http://localhost", "/", true},
		{"http://localhost.example/", "http://localhost.example", "/", false},
		{"http://127.0.0.1.example/", "http://127.0.0.1.example", "/", false},
		{"http://[::2]/", "http://[::2]", "/", false},
		{"https://a_b-c.d/~x!$&'()*+,;=:@%41", "https://a_b-c.d", "/~x!$&'()*+,;=:@%41",
			false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct buf origin = {0};
		struct endpoint e;
		char *copy;

		if (!parse(&e, cases[i].url, &copy))
			fail_msg("%s", cases[i].url);
		endpoint_origin(&origin, &e);
		buf_u8(&origin, 0);
		assert_string_equal(origin.data, cases[i].origin);
		assert_true(bytes_equal(e.path, cases[i].path, strlen(cases[i].path)));
		assert_int_equal(endpoint_is_loopback(&e), cases[i].loopback);
		buf_free(&origin);
		free(copy);
	}
}

static void test_endpoint_parse_refuses(void **state)
{
	(void)state;
	static const char *const cases[] = {
		"",
		"h",
		"/x",
		"//h/x",
		"https:",
		"https:/",
		"https:/h",
		"https://",
		"https:///x",
		"https://?x",
		"https://:443/",
		"HTTPS://h/",
		"ftp://h/",
		"file:///etc/passwd",
		"https://u@h/",
		"https://u:p@h/",
		"https://h@/",
		"https://h:/",
		"https://h:0/",
		"https://h:65536/",
		"https://h:999999/",
		"https://h:4294967739/",
		"https://h:-1/",
		"https://h: 1/",
		"https://h:1:2/",
		"https://h:1x/",
		"https://.h/",
		"https://h%41/",
		"https://h*/",
		"https://h/#f",
		"https://h#f",
		"https://h/ x",
		" https://h/",
		"https://h/\n",
		"https://h/\x7f",
		"https://h\\@i/",
		"https://h/\\",
		"https://h/\"",
		"https://h/<>",
		"https://h/{}",
		"https://h/|",
		"https://h/^",
		"https://h/`",
		"https://\xc3\xa9/",
		"https://h/\xc3\xa9",
		"https://[::1/",
		"https://[]/",
		"https://[:]x/",
		"https://[::1]x/",
		"https://[::1%25eth0]/",
		"https://[v1.x]/",
		"https://::1/",
		"https://-h/",
		"https://127.1/",
		"https://2130706433/",
		"https://0177.0.0.1/",
		"https://0x7f.1/",
		"https://0x/",
		"https://127.0.0.1./",
		"https://127.0.0.01/",
		"https://1.2.3.256/",
		"https://1.2.3.4.5/",
		"https://h.1/",
		"https://[0:0:0:0:0:0:0:1]/",
		"https://[::0001]/",
		"https://[::127.0.0.1.]/",
		"https://[127.0.0.1]/",
		"https://[::ffff:7f00:1]/",
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct endpoint e;
		char *copy;

		if (parse(&e, cases[i], &copy))
			fail_msg("%s", cases[i]);
		free(copy);
	}
}

static void test_endpoint_parse_length_at_border(void **state)
{
	(void)state;
	char url[ENDPOINT_MAX + 2];

	memset(url, 'a', sizeof(url));
	memcpy(url, "https://h/", 10);
	for (size_t len = ENDPOINT_MAX; len <= ENDPOINT_MAX + 1; len++) {
		struct endpoint e;
		const char *why;

		assert_int_equal(endpoint_parse(&e, url, len, &why), len <= ENDPOINT_MAX);
	}
}

/* A NUL is a byte like any other that is not allowed. */
static void test_endpoint_parse_nul(void **state)
{
	(void)state;
	static const char url[] = "https://h\0.example/";
	struct endpoint e;
	const char *why;

	assert_false(endpoint_parse(&e, url, sizeof(url) - 1, &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_endpoint_parse),
		cmocka_unit_test(test_endpoint_parse_refuses),
		cmocka_unit_test(test_endpoint_parse_length_at_border),
		cmocka_unit_test(test_endpoint_parse_nul),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
