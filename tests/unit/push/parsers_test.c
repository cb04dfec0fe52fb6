/* parsers_test.c — one URL is read in one way: what endpoint.h lets pass, url.h does, too, and both
 * say the same of it. Hostile URLs, and hundreds of thousands made of their parts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bridge/push/endpoint.h"
#include "bridge/push/url.h"
#include "kit.h"

#define MADE 300000

static size_t passed; /* by both */

static void agree(const char *text)
{
	struct buf origin = {0};
	struct url u = {0};
	struct endpoint e;
	const char *why = "";

	if (!endpoint_parse(&e, text, strlen(text), &why))
		return;
	if (url_parse(&u, text, &why) != ERR_OK)
		fail_msg("%s is let pass by endpoint.h only: %s", text, why);
	endpoint_origin(&origin, &e);
	buf_u8(&origin, 0);
	if (strcmp(origin.data, u.origin.data) != 0)
		fail_msg("%s is %s and %s", text, origin.data, u.origin.data);
	assert_int_equal(u.plain, !e.https);
	if (endpoint_is_loopback(&e) && !u.local)
		fail_msg("%s is local by endpoint.h only", text);
	passed++;
	url_free(&u);
	buf_free(&origin);
}

static void test_parsers_agree_on_hostile_urls(void **state)
{
	static const char *const urls[] = {"https://good.example/", "https://a@b.example/",
		"https://good.example@127.0.0.1/", "https://good.example:443@127.0.0.1:80/",
		"https://good.example\\@127.0.0.1/", "https://good.example\\.evil.example/",
		"https://good.example/\\..\\", "https://good.example%2f@127.0.0.1/",
		"https://good.example%00.evil.example/", "https://good.example#@127.0.0.1/",
		"https://good.example?@127.0.0.1/", "https://127.0.0.1:443:80/",
		"https://[fe80::1%25eth0]/", "https://[fe80::1%eth0]/", "https://[::1]:80:81/",
		"https://[::ffff:127.0.0.1]/", "https://[::ffff:7f00:1]/", "https://[::127.0.0.1]/",
		"https://[64:ff9b::7f00:1]/", "https://[64:FF9B::10.0.0.1]/", "https://[::]/",
		"https://[0:0:0:0:0:0:0:1]/", "https://[1::2::3]/", "https://[::1", "https://::1/",
		"https://0177.0.0.1/", "https://0x7f000001/", "https://0X7F.0.0.1/",
		"https://2130706433/", "https://127.1/", "https://127.0.0.1./", "https://0/",
		"https://127.0.0.1.../", "https://1.2.3.4.5/", "https://1.2.3.08/",
		"https://good.example./", "https://good.example../", "https://.good.example/",
		"https://good..example/",
		"https://g\xc3\xb6\xc3\xb6"
		"d.example/",
		"https://\xef\xbc\x91\xef\xbc\x92\xef\xbc\x97.0.0.1/",
		"https://xn--gd-fkaa.example/",
		"https://127\xe3\x80\x82"
		"0.0.1/",
		"https://good.example:0/", "https://good.example:/", "https://good.example:65536/",
		"https://good.example:0443/", "https://good.example:+443/",
		"https://good.example: 443/", "https:good.example/", "https:/good.example/",
		"https:///good.example/", "https:////good.example/", "//good.example/",
		"HTTPS://GOOD.EXAMPLE/", "http://localhost/", "http://LOCALHOST./",
		"http://a.localhost/", "http://127.0.0.1:8080/", "http://[::1]:8080/x",
		"https://good.example/../../x", "https://good.example/%2e%2e/",
		"https://good.example\t/", "https://good.ex\nample/", "\x01https://good.example/",
		"https://good.example;evil.example/", "https://good,evil/", "https://$(id)/",
		"https://good.example/a b", "https://-good.example/", "https://_good.example/"};

	(void)state;
	passed = 0;
	for (size_t i = 0; i < COUNT_OF(urls); i++)
		agree(urls[i]);
	assert_true(passed >= 10);
}

static uint64_t random_state = 88172645463325252u;

static unsigned pick(size_t count)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (unsigned)(random_state % count);
}

/* Of parts of hosts, mostly behind what they need to be looked at. */
static void test_parsers_agree_on_made_urls(void **state)
{
	static const char *const heads[] = {"https://", "https://", "https://", "http://",
		"https://[", "https://[::", "HTTPS://", "https:/", "https:///", "https://a@"};
	static const char *const parts[] = {"a", "example", ".", ".", "-", "_", "127", "0", "1",
		"08", "0x7f", "0177", "255", "256", "4294967295", "127.0.0.1", "localhost", "[",
		"]", "[::1]", "::1", "::", ":", "ffff", "fe80", "64:ff9b", "%", "%31", "%25", "%2e",
		"@", "\\", "/", "//", "?", "#", ":443", ":80", ":0", ":00", ":65535", ":65536", " ",
		"\t", "\x7f", "\xc3\xb6", "\xe3\x80\x82", "xn--", "A", "F", "0X", "x", ";", ",",
		"*", "~", "!", "(", "..", "10.0.0.1", "0x", "1.", ".1"};

	(void)state;
	passed = 0;
	for (int i = 0; i < MADE; i++) {
		char text[256];
		size_t len;

		strcpy(text, heads[pick(COUNT_OF(heads))]);
		for (unsigned k = 1 + pick(6); k > 0; k--)
			strcat(text, parts[pick(COUNT_OF(parts))]);
		len = strlen(text);
		if (pick(2) && len + 2 < sizeof(text))
			strcat(text, "/x");
		agree(text);
	}
	assert_true(passed > MADE / 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parsers_agree_on_hostile_urls),
		cmocka_unit_test(test_parsers_agree_on_made_urls),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
