/* list_member_test.c — a page of history taken apart as it was written, whatever is in it. */
#include "clients/sdk/list.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct {
	const char *object, *name, *value; /* NULL: there is none */
} table[] = {
	{"{\"a\":1}", "a", "1"},
	{"{\"a\":1}", "b", NULL},
	{"{\"aa\":1,\"a\":2}", "a", "2"},
	{"{\"a\":{\"b\":1},\"b\":[2,{\"b\":3}],\"c\":4}", "b", "[2,{\"b\":3}]"},
	{" { \"a\" : \"x,]}\\\"\" , \"b\" : true } ", "b", "true"},
	{"{\"a\":\"x,]}\\\"\",\"b\":1}", "a", "\"x,]}\\\"\""},
	{"{\"messages\":[],\"more\":false,\"seq\":7}", "messages", "[]"},
	{"{\"messages\":[],\"more\":false,\"seq\":7}", "seq", "7"},
	{"{\"b\":\"\\\"a\\\":1\",\"a\":2}", "a", "2"},
	{"{}", "a", NULL},
	{"", "a", NULL},
	{"[1]", "a", NULL},
	{"{\"a\"", "a", NULL},
	{"{\"a", "a", NULL},
	{"{\"a\":", "b", NULL},
	{"{\"a\":[[[", "b", NULL},
	{"{\"a\":\"\\", "b", NULL},
};

static void test_list_member(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		struct bytes o = {table[i].object, strlen(table[i].object)}, v = {0};

		assert_int_equal(list_member(o, table[i].name, &v), table[i].value != NULL);
		if (!table[i].value)
			continue;
		assert_int_equal(v.len, strlen(table[i].value));
		assert_memory_equal(v.data, table[i].value, v.len);
	}
}

/* Cut off anywhere, nothing beyond its end is looked at: a sanitizer would say so. */
static void test_list_member_cut(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(table) / sizeof(*table); i++) {
		for (size_t len = 0; len <= strlen(table[i].object); len++) {
			char *copy = malloc(len + 1);
			struct bytes v = {0}, item;
			const char *at;

			assert_non_null(copy);
			memcpy(copy + 1, table[i].object, len);
			at = copy + 1;
			if (list_member((struct bytes){copy + 1, len}, table[i].name, &v))
				assert_true(v.data >= copy + 1 && v.data + v.len <= copy + 1 + len);
			while (list_next(&at, copy + 1 + len, &item) && item.len > 0)
				assert_true(item.data + item.len <= copy + 1 + len);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list_member),
		cmocka_unit_test(test_list_member_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
