/* list_test.c — the items of a list, as they were written. */
#include "clients/sdk/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* The items with '|' between. */
static void split(const char *json, char *out, size_t size)
{
	const char *at = json, *end = json + strlen(json);
	struct bytes item;
	size_t len = 0;

	out[0] = 0;
	while (list_next(&at, end, &item) && len < size)
		len += (size_t)snprintf(out + len, size - len, "%.*s|", (int)item.len, item.data);
}

static void test_list_items(void **state)
{
	static const struct {
		const char *json, *items;
	} table[] = {
		{"[]", ""},
		{" []", "[]|"}, /* a list starts at its bracket: this is an item */
		{"[ \n]", ""},
		{"[1]", "1|"},
		{"[1,2 , 3]", "1|2|3|"},
		{"[{\"a\":[1,2]},{\"b\":{\"c\":\"]},{\"}}]",
			"{\"a\":[1,2]}|{\"b\":{\"c\":\"]},{\"}}|"},
		{"[\"a\\\"],\",\"b\\\\\"]", "\"a\\\"],\"|\"b\\\\\"|"},
		{"[[],[[]],{}]", "[]|[[]]|{}|"},
		{"[ {\"body\":{\"x\" : 12345678901234567890}} ]",
			"{\"body\":{\"x\" : 12345678901234567890}}|"},
	};
	char items[256];

	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		split(table[i].json, items, sizeof(items));
		assert_string_equal(items, table[i].items);
	}
}

/* It is only used on what was parsed before; still it never reads beyond the end. */
static void test_list_cut_off(void **state)
{
	static const char json[] = "[{\"a\":\"\\\"\"},\"\\\\\",[1,{}]]";

	(void)state;
	for (size_t len = 0; len < sizeof(json); len++) {
		char *copy = test_malloc(len + 1);
		const char *at = copy;
		struct bytes item;

		memcpy(copy, json, len);
		while (list_next(&at, copy + len, &item))
			assert_in_range((uintptr_t)(item.data + item.len), (uintptr_t)copy,
				(uintptr_t)(copy + len));
		test_free(copy);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_items),
		cmocka_unit_test(test_list_cut_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
