/* address_test.c — lists of addresses, good and bad. */
#include "clients/sdk/address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_addresses_take_turns(void **state)
{
	struct addresses a;

	(void)state;
	assert_int_equal(
		addresses_init(&a, " tcp://a:1883  ssl://b.example:8883\nws://[::1]:80/mqtt "),
		GNATTER_OK);
	assert_int_equal(a.count, 3);
	assert_string_equal(addresses_now(&a), "tcp://a:1883");
	assert_false(addresses_next(&a));
	assert_string_equal(addresses_now(&a), "ssl://b.example:8883");
	assert_false(addresses_next(&a));
	assert_string_equal(addresses_now(&a), "ws://[::1]:80/mqtt");
	assert_true(addresses_next(&a));
	assert_string_equal(addresses_now(&a), "tcp://a:1883");
	addresses_finish(&a);
}

static void test_address_parts(void **state)
{
	static const struct {
		const char *address;
		bool secure;
		uint16_t port;
	} table[] = {
		{"tcp://localhost:1883", false, 1883},
		{"ssl://chat.example.org:65535", true, 65535},
		{"wss://[fe80::1]:443/a/b", true, 443},
		{"ws://10.0.0.1:1", false, 1},
	};
	struct addresses a;

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		assert_int_equal(addresses_init(&a, table[i].address), GNATTER_OK);
		assert_int_equal(address_secure(a.each[0]), table[i].secure);
		assert_int_equal(address_port(a.each[0]), table[i].port);
		addresses_finish(&a);
	}
}

static void test_addresses_refused(void **state)
{
	static const char *const bad[] = {NULL, "", "  ", "localhost:1883", "http://a:80",
		"tcp://a", "tcp://a:", "tcp://a:0", "tcp://a:65536", "tcp://a:18x", "tcp://:1883",
		"tcp://a:1883/path", "tcp://u@a:1883", "tcp://[::1:1883", "tcp://[]:1883",
		"tcp://a:1883 b:1", "tcp://a\x01:1883", "tcp://a:-1"};
	char many[33 * sizeof("tcp://a:1 ")] = "", long_one[700];
	struct addresses a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (addresses_init(&a, bad[i]) != GNATTER_EINVAL)
			fail_msg("'%s' was taken", bad[i] ? bad[i] : "NULL");
	for (int i = 0; i < ADDRESSES_MAX; i++)
		strcat(many, "tcp://a:1 ");
	assert_int_equal(addresses_init(&a, many), GNATTER_OK);
	addresses_finish(&a);
	strcat(many, "tcp://a:1 ");
	assert_int_equal(addresses_init(&a, many), GNATTER_EINVAL);
	snprintf(long_one, sizeof(long_one), "tcp://%0600d:1", 0);
	assert_int_equal(addresses_init(&a, long_one), GNATTER_EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses_take_turns),
		cmocka_unit_test(test_address_parts),
		cmocka_unit_test(test_addresses_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
