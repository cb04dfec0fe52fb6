/* url_test.c — which URLs may be gone to, and what their origin is. */
#include "bridge/push/url.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_parse_good(void **state)
{
	static const struct {
		const char *text, *normal, *origin;
		bool plain, literal, local;
		enum guard_net net;
	} cases[] = {
		{"https://push.example.net/a?b=c", "https://push.example.net/a?b=c",
			"https://push.example.net", false, false, false, GUARD_UNKNOWN},
		{"HTTPS://Push.EXAMPLE.net", NULL, "https://push.example.net", false, false, false,
			GUARD_UNKNOWN},
		{"https://push.example.net:443/", NULL, "https://push.example.net", false, false,
			false, GUARD_UNKNOWN},
		{"https://push.example.net:0443/", NULL, "https://push.example.net", false, false,
			false, GUARD_UNKNOWN},
		{"https://push.example.net:/", NULL, "https://push.example.net", false, false,
			false, GUARD_UNKNOWN},
		{"https://push.example.net:80/", NULL, "https://push.example.net:80", false, false,
			false, GUARD_UNKNOWN},
		{"https://push.example.net:65535/", NULL, "https://push.example.net:65535", false,
			false, false, GUARD_UNKNOWN},
		{"http://localhost:80/x", NULL, "http://localhost", true, false, true,
			GUARD_UNKNOWN},
		{"http://a.LocalHost./x", NULL, "http://a.localhost.", true, false, true,
			GUARD_UNKNOWN},
		{"https://notlocalhost/", NULL, "https://notlocalhost", false, false, false,
			GUARD_UNKNOWN},
		{"http://127.0.0.1:8080/", NULL, "http://127.0.0.1:8080", true, true, true,
			GUARD_LOOPBACK},
		{"https://2130706433/", "https://127.0.0.1/", "https://127.0.0.1", false, true,
			true, GUARD_LOOPBACK},
		{"https://0177.0.0.1/", "https://127.0.0.1/", "https://127.0.0.1", false, true,
			true, GUARD_LOOPBACK},
		{"https://0x7f.1/", "https://127.0.0.1/", "https://127.0.0.1", false, true, true,
			GUARD_LOOPBACK},
		{"https://0x7F000001/", "https://127.0.0.1/", "https://127.0.0.1", false, true,
			true, GUARD_LOOPBACK},
		{"https://127.1/", "https://127.0.0.1/", "https://127.0.0.1", false, true, true,
			GUARD_LOOPBACK},
		{"https://0/", "https://0.0.0.0/", "https://0.0.0.0", false, true, false,
			GUARD_UNSPECIFIED},
		{"https://012.0x10.65535/", "https://10.16.255.255/", "https://10.16.255.255",
			false, true, false, GUARD_PRIVATE},
		{"https://%31%32%37.0.0.1/", NULL, "https://127.0.0.1", false, true, true,
			GUARD_LOOPBACK},
		{"https://8.8.8.8/", NULL, "https://8.8.8.8", false, true, false, GUARD_PUBLIC},
		{"https://[::1]:8/", NULL, "https://[::1]:8", false, true, true, GUARD_LOOPBACK},
		{"https://[0:0:0:0:0:0:0:1]/", NULL, "https://[::1]", false, true, true,
			GUARD_LOOPBACK},
		{"https://[::FFFF:127.0.0.1]/", NULL, "https://[::ffff:127.0.0.1]", false, true,
			true, GUARD_LOOPBACK},
		{"https://[64:ff9b::7f00:1]/", NULL, "https://[64:ff9b::7f00:1]", false, true, true,
			GUARD_LOOPBACK},
		{"https://[2606:4700:4700::1111]/", NULL, "https://[2606:4700:4700::1111]", false,
			true, false, GUARD_PUBLIC},
		{"https://1.2.3.4.example/", NULL, "https://1.2.3.4.example", false, false, false,
			GUARD_UNKNOWN},
		{"https://x0x7f/", NULL, "https://x0x7f", false, false, false, GUARD_UNKNOWN},
		{"https://a_b-c.example/", NULL, "https://a_b-c.example", false, false, false,
			GUARD_UNKNOWN},
	};
	struct url u = {0};
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		assert_int_equal(url_parse(&u, cases[i].text, &why), ERR_OK);
		if (cases[i].normal)
			assert_string_equal(u.text.data, cases[i].normal);
		assert_string_equal(u.origin.data, cases[i].origin);
		assert_int_equal(u.plain, cases[i].plain);
		assert_int_equal(u.literal, cases[i].literal);
		assert_int_equal(u.local, cases[i].local);
		assert_int_equal(u.net, cases[i].net);
	}
	url_free(&u);
}

static void test_parse_bad(void **state)
{
	static const char *const cases[] = {"", "/", "x", "https", "https:", "https:/", "https://",
		"https:///x", "https:/example.net/", "//example.net/", "example.net",
		"example.net:443", "file:///etc/passwd", "file://localhost/etc/passwd",
		"ftp://example.net/", "gopher://example.net/", "dict://example.net/",
		"ldap://example.net", "javascript://example.net/%0aalert(1)", "data://x",
		"unix:///tmp/x", "https://user@example.net/", "https://user:pass@example.net/",
		"https://:pass@example.net/", "https://@example.net/", "https://a@b@c/",
		"https://example.net\\@127.0.0.1/", "https://example.net\\/", "https://a b/",
		"https://example.net/a b", "https://example.net/\r\nX: y", "https://example.net/\t",
		" https://example.net/", "https://example.net/ ", "https://example.net/\x7f",
		"https://ex\xc3\xa4mple.net/", "https://example.net/\xff", "https://example.net/#",
		"https://example.net/#x", "https://example.net:0/", "https://example.net:65536/",
		"https://example.net:99999999999/", "https://example.net:-1/",
		"https://example.net:x/", "https://example.net:443:443/", "https://[::1/",
		"https://::1/", "https://[::1]x/", "https://[]/", "https://[x]/", "https://[::g]/",
		"https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[127.0.0.1]/",
		"https://256.1.1.1/", "https://1.2.3.4.5/", "https://4294967296/",
		"https://0x100000000/", "https://1.2.3.256/", "https://08.1.1.1/",
		"https://127.0.0.1./", "https://x?@y#", "https://.example.net/",
		"https://-a.example/", "https://a,b/", "https://a;b/", "https://a*b/",
		"https://a(b/", "https://<b>/", "https://ex%2fample.net/", "https://a%00b/",
		"https://%5b::1%5d/", "https://\"b\"/", "https://a|b/", "https://example.net^/"};
	struct url u = {0};
	const char *why;

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		why = NULL;
		if (url_parse(&u, cases[i], &why) == ERR_OK &&
			cases[i][strlen(cases[i]) - 1] != '@')
			fail_msg("%s is taken for %s", cases[i], u.text.data);
		if (cases[i][0])
			assert_non_null(why);
	}
	url_free(&u);
}

static void test_parse_length(void **state)
{
	char text[URL_MAX + 2] = "https://example.net/";
	struct url u = {0};
	const char *why;

	(void)state;
	memset(text + strlen(text), 'a', URL_MAX - strlen(text));
	text[URL_MAX] = '\0';
	assert_int_equal(url_parse(&u, text, &why), ERR_OK);
	text[URL_MAX] = 'a';
	text[URL_MAX + 1] = '\0';
	assert_int_equal(url_parse(&u, text, &why), ERR_BAD_REQUEST);
	assert_string_equal(why, "the URL is too long");
	url_free(&u);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_good),
		cmocka_unit_test(test_parse_bad),
		cmocka_unit_test(test_parse_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
