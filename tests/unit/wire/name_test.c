/* name_test.c — both sides of every border of a name. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/name.h"

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64 A32 A32

static void test_name_kinds_at_borders(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		bool user, device, group, method;
	} cases[] = {
		{"", false, false, false, false},
		{"a", true, true, true, true},
		{"z", true, true, true, true},
		{"0", true, true, true, false},
		{"9", true, true, true, false},
		{"491701234567", true, true, true, false},
		{"a.b", true, false, false, true},
		{"a-b", true, true, true, false},
		{"a_b", true, true, true, false},
		{".a", false, false, false, true},
		{"-a", false, true, false, false},
		{"_a", false, true, false, false},
		{"A", false, true, false, false},
		{"Z", false, true, false, false},
		{"aB", false, true, false, false},
		{"a b", false, false, false, false},
		{"a+", false, false, false, false},
		{"#", false, false, false, false},
		{"a/b", false, false, false, false},
		{"a:b", false, false, false, false},
		{"$a", false, false, false, false},
		{"a@b", false, false, false, false},
		{"a`", false, false, false, false},
		{"a{", false, false, false, false},
		{"a[", false, false, false, false},
		{"a\x7f", false, false, false, false},
		{"\xc3\xa4", false, false, false, false},
		{A32, true, true, true, true},
		{A32 "a", true, false, true, false},
		{A64, true, false, true, false},
		{A64 "a", false, false, false, false},
		{A64 A64 "aaaaaaaa", false, false, false, false},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].name);
		char *s = exact_copy(cases[i].name, len);

		assert_int_equal(name_user_ok(s, len), cases[i].user);
		assert_int_equal(name_device_ok(s, len), cases[i].device);
		assert_int_equal(name_group_ok(s, len), cases[i].group);
		assert_int_equal(name_method_ok(s, len), cases[i].method);
		free(s);
	}
	assert_false(name_user_ok("a\0b", 3));
	assert_true(name_user_ok("ab\0", 2));
}

static void test_name_chat_kind_at_borders(void **state)
{
	(void)state;
	static const struct {
		const char *name;
		enum chat_kind kind;
		size_t split;
	} cases[] = {
		{"", CHAT_NONE, 0},
		{"lobby", CHAT_GROUP, 0},
		{"lob.by", CHAT_NONE, 0}, /* a user, but no group */
		{A64, CHAT_GROUP, 0},
		{A64 "a", CHAT_NONE, 0},
		{"alice:bob", CHAT_PAIR, 5},
		{"bob:alice", CHAT_NONE, 0},
		{"bob:bob", CHAT_NONE, 0},
		{"a:a.b", CHAT_PAIR, 1}, /* a prefix comes first */
		{"a.b:a", CHAT_NONE, 0},
		{"a.b:a-b", CHAT_NONE, 0}, /* '-' before '.' */
		{"a-b:a.b", CHAT_PAIR, 3},
		{"9:a", CHAT_PAIR, 1},
		{":", CHAT_NONE, 0},
		{"a:", CHAT_NONE, 0},
		{":a", CHAT_NONE, 0},
		{"a:b:c", CHAT_NONE, 0},
		{"a::c", CHAT_NONE, 0},
		{"a:B", CHAT_NONE, 0},
		{"$a:b", CHAT_NONE, 0},
		{"a:b/c", CHAT_NONE, 0},
		{A64 ":b", CHAT_PAIR, 64},
		{A64 ":b" A64, CHAT_NONE, 0},
		{A64 "a:b", CHAT_NONE, 0},
		{"9" A32 ":" A64, CHAT_PAIR, 33},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t len = strlen(cases[i].name), split = 99;
		char *s = exact_copy(cases[i].name, len);

		assert_int_equal(name_chat_kind(s, len, &split), cases[i].kind);
		assert_int_equal(split, cases[i].split);
		assert_int_equal(name_chat_kind(s, len, NULL), cases[i].kind);
		free(s);
	}
}

static void test_name_pair_orders_and_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *a, *b, *want;
	} cases[] = {
		{"alice", "bob", "alice:bob"},
		{"bob", "alice", "alice:bob"},
		{"a.b", "a", "a:a.b"},
		{"a", "a", ""},
		{"", "a", ""},
		{"a", "B", ""},
		{"a", "b:c", ""},
		{"$gnatterd", "a", ""},
		{A64, "b", A64 ":b"},
		{"b", A64 "a", ""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char out[NAME_CHAT_MAX + 1];

		assert_int_equal(name_pair(out, cases[i].a, cases[i].b), strlen(cases[i].want));
		assert_string_equal(out, cases[i].want);
		if (*cases[i].want)
			assert_int_equal(name_chat_kind(out, strlen(out), NULL), CHAT_PAIR);
	}
}

static void test_name_pair_of_longest_names(void **state)
{
	(void)state;
	char a[] = A64, out[NAME_CHAT_MAX + 1];

	a[63] = 'b';
	assert_int_equal(name_pair(out, a, A64), NAME_CHAT_MAX);
	assert_memory_equal(out, A64 ":", 65);
	assert_string_equal(out + 65, a);
}

static void test_name_client_split(void **state)
{
	(void)state;
	static const struct {
		const char *client, *user;
		bool ok, ephemeral;
		const char *device;
	} cases[] = {
		{"alice:phone", "alice", true, false, "phone"},
		{"alice:" A32, "alice", true, false, A32},
		{"alice:" A32 "a", "alice", false, false, ""},
		{"alice:", "alice", false, false, ""},
		{"alice:a:b", "alice", false, false, ""},
		{"alice:a b", "alice", false, false, ""},
		{"alice:ph.one", "alice", false, false, ""},
		{"bob:phone", "alice", false, false, ""},
		{"alic:phone", "alice", false, false, ""},
		{"alicee:phone", "alice", false, false, ""},
		{":phone", "alice", false, false, ""},
		{":phone", "", false, false, ""},
		{"Alice:phone", "Alice", false, false, ""},
		{"shell", "alice", true, true, "shell"},
		{"mosq-AbC_123", "alice", true, true, "mosq-AbC_123"},
		{"a.b/c+#\xff", "alice", true, true, "a_b_c___"},
		{A32 "b", "alice", true, true, A32},
		{"", "alice", false, true, ""},
		{"$gnatterd", "alice", false, true, ""},
		{"$gnatterd", "$gnatterd", false, true, ""},
		{"$x:phone", "$x", false, false, ""},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *client = exact_copy(cases[i].client, strlen(cases[i].client) + 1);
		char device[NAME_DEVICE_MAX + 1];
		bool ephemeral;

		assert_int_equal(
			name_client_split(client, cases[i].user, device, &ephemeral), cases[i].ok);
		assert_int_equal(ephemeral, cases[i].ephemeral);
		assert_string_equal(device, cases[i].device);
		free(client);
	}
}

static void test_name_client_length(void **state)
{
	(void)state;
	char client[NAME_CLIENT_MAX + 2], device[NAME_DEVICE_MAX + 1];
	bool ephemeral;

	memset(client, 'x', sizeof(client));
	client[NAME_CLIENT_MAX] = '\0';
	assert_true(name_client_split(client, "alice", device, &ephemeral));
	assert_string_equal(device, "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx");
	client[NAME_CLIENT_MAX] = 'x';
	client[NAME_CLIENT_MAX + 1] = '\0';
	assert_false(name_client_split(client, "alice", device, &ephemeral));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_name_kinds_at_borders),
		cmocka_unit_test(test_name_chat_kind_at_borders),
		cmocka_unit_test(test_name_pair_orders_and_refuses),
		cmocka_unit_test(test_name_pair_of_longest_names),
		cmocka_unit_test(test_name_client_split),
		cmocka_unit_test(test_name_client_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
