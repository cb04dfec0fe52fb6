/* args_test.c — command lines, right and wrong. */
/* First, since cmocka has a macro of the name fail. */
#include "clients/gnatterctl/args.c"
#include "clients/gnatterctl/say.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define WORDS_MAX 8

static const struct option_row options[] = {
	{"flag", NULL, "a flag"}, {"value", "V", "a value"}, {"number", "N", "a number"}, {0}};
static const struct command command = {.words = "do it",
	.operands = "A [B]",
	.operands_min = 1,
	.operands_max = 2,
	.options = options};

static bool parse(struct args *a, const char *const words[WORDS_MAX])
{
	int argc = 0;

	while (argc < WORDS_MAX && words[argc])
		argc++;
	*a = (struct args){.command = &command};
	return args_parse(a, (char *const *)words, argc);
}

static void test_args_parse_right_and_wrong(void **state)
{
	(void)state;
	static const struct {
		const char *words[WORDS_MAX];
		bool ok;
	} cases[] = {
		{{"a"}, true},
		{{"a", "b"}, true},
		{{"a", "b", "c"}, false},
		{{0}, false},
		{{"--help"}, true},
		{{"-h"}, true},
		{{"--flag", "a"}, true},
		{{"--flag=x", "a"}, false},
		{{"--value", "v", "a"}, true},
		{{"--value=v", "a"}, true},
		{{"--value=", "a"}, true},
		{{"a", "--value"}, false},
		{{"--valu", "v", "a"}, false},
		{{"--values", "v", "a"}, false},
		{{"--", "a"}, true},
		{{"a", "--other"}, false},
		{{"-x", "a"}, false},
		{{"-d", "dir", "a"}, true},
		{{"a", "-d"}, false},
		{{"--dir=x", "a"}, true},
		{{"-"}, true},
		{{"--", "--flag"}, true},
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct args a;

		assert_int_equal(parse(&a, cases[i].words), cases[i].ok);
		args_finish(&a);
	}
}

static void test_args_values_in_turn(void **state)
{
	(void)state;
	static const char *const words[WORDS_MAX] = {
		"--value", "1", "op", "--value=2", "-d", "dir", "--flag"};
	struct args a;
	size_t at = 0;

	assert_true(parse(&a, words));
	assert_string_equal(args_next(&a, "value", &at), "1");
	assert_string_equal(args_next(&a, "value", &at), "2");
	assert_null(args_next(&a, "value", &at));
	assert_string_equal(args_value(&a, "value"), "2");
	assert_true(args_has(&a, "flag"));
	assert_false(args_has(&a, "number"));
	assert_string_equal(a.dir, "dir");
	assert_string_equal(a.operand[0], "op");
	args_finish(&a);
}

static void test_args_number_borders(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		bool ok;
	} cases[] = {{"1", true}, {"65535", true}, {"0", false}, {"65536", false}, {"-1", false},
		{"", false}, {"1x", false}, {"99999999999999999999", false}};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		const char *const words[WORDS_MAX] = {"op", "--number", cases[i].text};
		struct args a;
		long n = 0;

		assert_true(parse(&a, words));
		assert_int_equal(args_number(&a, "number", 1, 65535, &n), cases[i].ok);
		args_finish(&a);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_args_parse_right_and_wrong),
		cmocka_unit_test(test_args_values_in_turn),
		cmocka_unit_test(test_args_number_borders),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
