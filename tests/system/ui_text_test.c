/* ui_text_test.c — texts of every kind on the full-screen client's screen: hostile ones, letters
 * from right to left, emoji. What is shown keeps its columns, and the terminal obeys nobody else.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/person.h"

#define BAD "\xef\xbf\xbd"

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
}

static struct tmux *open_in(const char *chat, const char *const *env)
{
	struct tmux *t = person_start(in, &(struct person_opts){.user = "alice", .env = env});

	tmux_wait(t, chat);
	person_say(t, case_printf("/chat %s", chat));
	tmux_wait_row(t, 0, chat);
	return t;
}

/* Everything that could be told to a terminal, in texts, in a title, in the name of a type. */
static void test_ui_hostile_text(void **state)
{
	static const struct {
		const char *json, *shown;
	} cases[] = {
		{"{\"text\":\"a\\u001b[2J\\u001b[Hclear\"}", "carol: a" BAD "[2J" BAD "[Hclear"},
		{"{\"text\":\"b\\u001b]0;owned\\u0007\"}", "carol: b" BAD "]0;owned" BAD},
		{"{\"text\":\"c\\u009b31mred\"}", "carol: c" BAD "31mred"},
		{"{\"text\":\"d\\u001bPq\\u001b\\\\\"}", "carol: d" BAD "Pq" BAD "\\"},
		{"{\"text\":\"e\\bf\\u007fg\\u0000h\"}", NULL}, /* a NUL is refused */
		{"{\"text\":\"f\\bg\\u007f\\u0007\"}", "carol: f" BAD "g" BAD BAD},
		{"{\"text\":\"g\\rover\"}", "carol: g"},
		{"{\"text\":\"h\\u202egnp.exe\"}", "carol: h" BAD "gnp.exe"},
		{"{\"text\":\"i\\u2066\\u2069\\u2028j\"}", "carol: i" BAD BAD BAD "j"},
		{"{\"text\":\"k\\u200bl\\ufeffm\"}", "carol: klm"},
		{"{\"type\":\"x-evil\",\"text\":\"n\\u001bc\"}", "carol: [x-evil] n" BAD "c"},
	};
	struct client *carol = person_group(in, "hostile");
	struct tmux *t = open_in("hostile", NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		client_send(carol, "hostile", cases[i].json);
		if (cases[i].shown)
			tmux_wait(t, cases[i].shown);
	}
	client_request(
		carol, "chat.update", "{\"chat\":\"hostile\",\"title\":\"t\\u001b[41m\\u202ex\"}");
	tmux_wait_row(t, 0, " t" BAD "[41m" BAD "x \xc2\xb7 2 members");
	tmux_wait_row(t, 1, " t" BAD "[41m" BAD "x");
	tmux_wait(t, "carol changed the title: t" BAD "[41m" BAD "x");
	client_send(carol, "hostile", "{\"type\":\"reaction\",\"ref\":2,\"text\":\"\\u001b[5mx\"}");
	tmux_wait(t, "[" BAD "[5mx]");
	tmux_wait_row(t, -1, ">");
	tmux_wait_row(t, 0, "alice");
	person_quit(t);
}

/* A tower of marks, a text without an end, very many lines: the rest of the screen stands. */
static void test_ui_odd_text(void **state)
{
	struct client *carol = person_group(in, "odd");
	struct tmux *t = open_in("odd", NULL);
	char *tower = case_alloc(2 * 3000 + 2), *endless = case_alloc(50001);
	char *lines = case_alloc(2 * 4000 + 1);

	(void)state;
	strcpy(tower, "z");
	for (int i = 0; i < 3000; i++)
		memcpy(tower + 1 + 2 * i, "\xcc\x81", 3);
	memset(endless, 'w', 50000);
	for (int i = 0; i < 4000; i++)
		memcpy(lines + 2 * i, i == 3999 ? "E\n" : "l\n", 3);
	client_send(carol, "odd", tower);
	tmux_wait(t, "carol: z\xcc\x81\xcc\x81\xcc\x81");
	client_send(carol, "odd", endless);
	tmux_wait_row(t, -3, "      www");
	client_send(carol, "odd", lines);
	tmux_wait_row(t, -4, " E");
	client_send(carol, "odd", "the last");
	tmux_wait_row(t, -3, "carol: the last");
	tmux_wait_row(t, -1, ">");
	tmux_wait_row(t, 0, "odd");
	tmux_key(t, "PageUp");
	tmux_wait_row(t, -3, " l");
	person_quit(t);
}

/* What a row is when wide letters, marks and emoji stand in it: the rule beside the list, and what
 * is written behind them, are where they belong. */
static void test_ui_wide_text(void **state)
{
	static const struct {
		const char *text, *shown;
	} cases[] = {
		{"\xe4\xbd\xa0\xe5\xa5\xbd, world", "\xe4\xbd\xa0\xe5\xa5\xbd, world"},
		{"\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7 family",
			"\xf0\x9f\x91\xa8\xf0\x9f\x91\xa9\xf0\x9f\x91\xa7 family"},
		{"\xf0\x9f\x91\x8d\xf0\x9f\x8f\xbd up", "\xf0\x9f\x91\x8d up"},
		{"\xe2\x9d\xa4\xef\xb8\x8f heart", "\xe2\x9d\xa4 heart"},
		{"e\xcc\x81te\xcc\x81", "e\xcc\x81te\xcc\x81"},
		{"\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa flag", "\xf0\x9f\x87\xa9\xf0\x9f\x87\xaa flag"},
	};
	struct client *carol = person_group(in, "wide");
	struct tmux *t = open_in("wide", NULL);

	(void)state;
	for (size_t i = 0; i < COUNT(cases); i++) {
		client_send(carol, "wide", cases[i].text);
		tmux_wait_row(t, -3, case_printf("carol: %s", cases[i].shown));
	}
	/* The cursor counts columns as the terminal does, and goes over a family at once. */
	tmux_paste(t, "\xf0\x9f\x91\xa8\xe2\x80\x8d\xf0\x9f\x91\xa9\xe2\x80\x8d\xf0\x9f\x91\xa7"
		      "\xe4\xbd\xa0x");
	tmux_wait_row(t, -1, "\xe4\xbd\xa0x");
	assert_int_equal(tmux_cursor(t).column, 2 + 6 + 2 + 1);
	person_key(t, "Left", 3);
	tmux_type(t, "|");
	tmux_wait_row(t, -1, "> |\xf0\x9f\x91\xa8");
	tmux_key(t, "Delete");
	tmux_wait_row(t, -1, "> |\xe4\xbd\xa0x");
	tmux_key(t, "Enter");
	client_take(carol, "chat/wide/msg", "|\xe4\xbd\xa0x");
	person_quit(t);
}

/* From right to left: in a piece of its own, so that nothing beside it is reordered. */
static void test_ui_right_to_left(void **state)
{
	static const char *const shalom = "\xd7\xa9\xd7\x9c\xd7\x95\xd7\x9d";
	struct client *carol = person_group(in, "rtl");
	struct tmux *t = open_in("rtl", NULL);

	(void)state;
	client_send(carol, "rtl", shalom);
	tmux_wait_row(t, -3, case_printf("\xe2\x94\x82 "));
	tmux_wait_row(t, -3, case_printf("carol: \xe2\x81\xa8%s\xe2\x81\xa9", shalom));
	tmux_wait_row(t, 2,
		case_printf("\xe2\x81\xa8"
			    "carol: %s\xe2\x81\xa9",
			shalom));
	client_send(carol, "rtl", "latin");
	tmux_wait_row(t, -3, "carol: latin");
	tmux_type(t, shalom);
	tmux_wait_row(t, -1, case_printf("\xe2\x81\xa8%s\xe2\x81\xa9", shalom));
	assert_int_equal(tmux_cursor(t).column, 2 + 4);
	tmux_key(t, "Enter");
	client_take(carol, "chat/rtl/msg", case_printf("\"from\":\"alice\""));
	person_quit(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_ui_hostile_text),
		SYSTEM(test_ui_odd_text),
		SYSTEM(test_ui_wide_text),
		SYSTEM(test_ui_right_to_left),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
