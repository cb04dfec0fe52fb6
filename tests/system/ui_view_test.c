/* ui_view_test.c — looking around in the full-screen client: windows of every size, scrolling back
 * through very many messages, searching, writing more than a line, colours.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"
#include "tests/support/person.h"

#define MANY 10000

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
}

static struct tmux *open_in(const char *chat, const struct person_opts *o)
{
	struct tmux *t = person_start(in, o);

	tmux_wait(t, chat);
	person_say(t, case_printf("/chat %s", chat));
	tmux_wait_row(t, 0, chat);
	return t;
}

static void test_ui_resize(void **state)
{
	struct client *carol = person_group(in, "sizes");
	struct tmux *t = open_in("sizes", &(struct person_opts){.user = "alice"});

	(void)state;
	client_send(carol, "sizes", "the quick brown fox jumps");
	tmux_wait_row(t, -3, "the quick brown fox jumps");
	/* No room for the list: the messages have all of it, and Ctrl-T shows the list instead. */
	tmux_resize(t, 50, 12);
	tmux_wait_row(t, -3, "the quick brown fox jumps");
	assert_null(strstr(tmux_screen(t), "\xe2\x94\x82"));
	tmux_key(t, "C-t");
	tmux_wait_row(t, 1, "sizes");
	tmux_key(t, "C-t");
	tmux_wait_row(t, -3, "the quick");
	tmux_resize(t, 24, 6);
	tmux_wait_row(t, -3, "fox jumps");
	tmux_wait_row(t, -1, ">");
	/* One line says that it is too small; what is typed meanwhile is not lost. */
	tmux_resize(t, 23, 6);
	tmux_wait_row(t, 0, "Too small: 23x6");
	tmux_resize(t, 10, 2);
	tmux_wait_row(t, 0, "Too small");
	tmux_type(t, "typed");
	tmux_resize(t, 120, 40);
	tmux_wait_row(t, -1, "> typed");
	tmux_wait_row(t, -3, "the quick brown fox jumps");
	tmux_key(t, "C-u");
	person_quit(t);
}

/* The number at the end of "… message 123", -1 if the row ends otherwise. */
static int number_of(const char *row)
{
	const char *at = strstr(row, "message ");

	return at ? atoi(at + strlen("message ")) : -1;
}

#define TALL 104        /* rows of the window */
#define PAGE (TALL - 3) /* ... for messages */

/* The screen is full of messages without a hole; the first and the last of them. */
struct page {
	struct tmux *tmux;
	int first, last;
	int wanted; /* the last one is to be this */
};

static bool look_at_page(struct page *p)
{
	char *s = tmux_screen(p->tmux), *save = NULL;
	int expected = 0, row = 0;

	for (char *r = strtok_r(s, "\n", &save); r && row <= PAGE;
		r = strtok_r(NULL, "\n", &save)) {
		int number = number_of(strrchr(r, ':') ? strrchr(r, ':') : r);

		if (row++ == 0)
			continue;
		if (row == 2)
			p->first = expected = number;
		if (number != expected++)
			return false;
	}
	p->last = expected - 1;
	return p->first > 0;
}

static bool page_is_there(void *arg)
{
	struct page *p = arg;

	return look_at_page(p) && p->last == p->wanted;
}

/* What comes from the server late is there at the next key. */
static bool is_at_the_top(void *arg)
{
	if (!tmux_holds(arg, "carol made this chat"))
		tmux_key(arg, "PageUp");
	return tmux_holds(arg, "carol made this chat");
}

/* Ten thousand messages, of which a new device has but the last page: others come from the server,
 * while one scrolls. No row is left out and none comes twice. */
static void test_ui_scroll_back(void **state)
{
	struct client *carol = person_group(in, "long");
	struct page p = {0};
	struct tmux *t;

	(void)state;
	for (int i = 1; i <= MANY; i++)
		client_publish(carol, &(struct publish){.topic = "chat/long/send",
					      .payload = case_printf("message %d", i),
					      .qos = i % 50 ? 0 : 1});
	client_barrier(carol);
	t = open_in(
		"long", &(struct person_opts){.user = "alice", .device = "fresh", .rows = TALL});
	tmux_key(t, "M->");
	tmux_wait_row(t, -3, case_printf("message %d", MANY));
	p.tmux = t;
	p.wanted = MANY;
	assert_true(case_wait(page_is_there, &p));
	/* The row that was at the top is then the lowest. */
	while (p.first > PAGE) {
		p.wanted = p.first;
		tmux_key(t, "PageUp");
		if (!case_wait(page_is_there, &p))
			case_fail("the page up to message %d should come", p.wanted);
	}
	assert_true(case_wait(is_at_the_top, t));
	tmux_wait_row(t, 5, "message 2");
	/* New ones do not move it; the end is a key away. */
	client_send(carol, "long", "the newest");
	tmux_wait_row(t, 2, "carol: the newest");
	tmux_wait_row(t, 3, "carol made this chat");
	tmux_wait_row(t, 5, "message 2");
	tmux_wait_row(t, -2, "newer messages below");
	tmux_key(t, "M->");
	tmux_wait_row(t, -3, "the newest");
	person_quit(t);
}

static void test_ui_search(void **state)
{
	struct client *carol = person_group(in, "haystack");
	struct tmux *t = open_in("haystack", &(struct person_opts){.user = "alice"});

	(void)state;
	for (int i = 1; i <= 100; i++)
		client_sendf(carol, "haystack", i == 30 ? "Here is the Needle" : "hay %d", i);
	tmux_wait_row(t, 2, "carol: hay 100");
	tmux_key(t, "C-f");
	tmux_wait_row(t, -1, "search:");
	person_say(t, "needle");
	tmux_wait_row(t, -2, "1 of 1");
	tmux_wait(t, "haystack carol: Here is the Needle");
	tmux_key(t, "Enter");
	tmux_wait(t, "hay 31");
	tmux_wait(t, "carol: Here is the Needle");
	person_say(t, "found it");
	tmux_wait(t, "\xe2\x94\x82 carol: Here is the Needle");
	client_take(carol, "chat/haystack/msg", "\"ref\":31");
	person_say(t, "/search nowhere");
	tmux_wait_row(t, -2, "Nothing found");
	tmux_key(t, "Escape");
	tmux_wait_row(t, -1, ">");
	person_quit(t);
}

static void test_ui_write_more_than_a_line(void **state)
{
	struct client *carol = person_group(in, "lines");
	struct tmux *t = open_in("lines", &(struct person_opts){.user = "alice"});
	size_t mark = client_mark(carol);

	(void)state;
	tmux_paste(t, "first\n/second is no command\n\tthird");
	tmux_wait_row(t, -3, "> first");
	tmux_wait_row(t, -1, "    third");
	client_barrier(carol);
	client_none(carol, mark, "chat/lines/msg", NULL);
	tmux_key(t, "M-Enter");
	tmux_type(t, "fourth");
	tmux_key(t, "C-j");
	tmux_key(t, "Enter");
	client_take(carol, "chat/lines/msg",
		"\"text\":\"first\\n/second is no command\\n\\tthird\\nfourth\"");
	tmux_wait(t, "alice: first");
	tmux_wait_row(t, -1, ">");
	/* More than the window has rows for: the cursor stays on the screen. */
	tmux_paste(t, "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n11\n12\n13\n14\n15\n16\n17\n18\n19\n20");
	tmux_wait_row(t, -1, "20");
	assert_int_equal(tmux_cursor(t).row, 23);
	tmux_wait_row(t, 0, "lines");
	person_key(t, "Up", 15);
	tmux_wait(t, "  5");
	tmux_key(t, "C-c");
	tmux_wait_row(t, -1, ">");
	person_quit(t);
}

static void test_ui_keys(void **state)
{
	struct client *carol = person_group(in, "keys");
	struct tmux *t = open_in("keys", &(struct person_opts){.user = "alice"});

	(void)state;
	person_say(t, "number one");
	person_say(t, "number two");
	tmux_wait(t, "alice: number two");
	person_key(t, "Up", 2);
	tmux_wait_row(t, -1, "> number one");
	tmux_key(t, "Down");
	tmux_wait_row(t, -1, "> number two");
	tmux_key(t, "C-w");
	tmux_type(t, "three");
	tmux_key(t, "C-a");
	tmux_type(t, "not ");
	tmux_wait_row(t, -1, "> not number three");
	tmux_key(t, "C-k");
	tmux_wait_row(t, -1, "> not");
	tmux_key(t, "C-y");
	tmux_key(t, "M-b");
	tmux_key(t, "C-u");
	tmux_wait_row(t, -1, "> three");
	tmux_key(t, "Enter");
	client_take(carol, "chat/keys/msg", "\"text\":\"three\"");
	/* Tab: a command, its names, a user behind an @. */
	tmux_type(t, "/inv");
	tmux_key(t, "Tab");
	tmux_wait_row(t, -1, "> /invite");
	tmux_type(t, "car");
	tmux_key(t, "Tab");
	tmux_wait_row(t, -1, "> /invite carol");
	tmux_key(t, "C-u");
	tmux_type(t, "hi @ca");
	tmux_key(t, "Tab");
	tmux_wait_row(t, -1, "> hi @carol");
	/* What was begun in one chat waits there. */
	tmux_key(t, "M-Down");
	tmux_wait_gone(t, "hi @carol");
	tmux_key(t, "M-Up");
	tmux_wait_row(t, -1, "> hi @carol");
	tmux_key(t, "C-u");
	/* Drawn anew after something else wrote on the terminal. */
	tmux_key(t, "C-l");
	tmux_wait_row(t, 0, "keys");
	person_quit(t);
}

static bool has_colour(const char *s)
{
	for (const char *at = s; (at = strstr(at, "\033[")); at++) {
		size_t n = strcspn(at, "m");

		for (const char *c = at; c < at + n; c++) {
			if (strchr("[;", c[0]) && (c[1] == '3' || c[1] == '4') && c[2] >= '0' &&
				c[2] <= '8' && c + 2 < at + n)
				return true;
		}
	}
	return false;
}

static void test_ui_colours(void **state)
{
	struct client *carol = person_group(in, "paint");
	struct tmux *t = open_in("paint", &(struct person_opts){.user = "alice"});

	(void)state;
	client_send(carol, "paint", "red");
	tmux_wait(t, "carol: red");
	assert_true(has_colour(tmux_screen_styled(t)));
	person_quit(t);
	t = open_in("paint", &(struct person_opts){
				     .user = "alice", .env = (const char *[]){"NO_COLOR=1", NULL}});
	tmux_wait(t, "carol: red");
	assert_false(has_colour(tmux_screen_styled(t)));
	person_quit(t);
	t = open_in("paint", &(struct person_opts){
				     .user = "alice", .env = (const char *[]){"TERM=vt100", NULL}});
	tmux_wait(t, "carol: red");
	assert_false(has_colour(tmux_screen_styled(t)));
	person_quit(t);
}

/* A locale that is none of UTF-8 is made one, and that is said. */
static void test_ui_locale(void **state)
{
	struct client *carol = person_group(in, "words");
	struct tmux *t = person_start(in,
		&(struct person_opts){.user = "alice", .env = (const char *[]){"LC_ALL=C", NULL}});

	(void)state;
	tmux_wait(t, "C.UTF-8");
	tmux_wait(t, "words");
	person_say(t, "/chat words");
	tmux_wait_row(t, 0, "words");
	client_send(carol, "words", "gr\xc3\xbc\xc3\x9f");
	tmux_wait(t, "carol: gr\xc3\xbc\xc3\x9f");
	person_quit(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_ui_resize),
		SYSTEM_WITHIN(test_ui_scroll_back, 300),
		SYSTEM(test_ui_search),
		SYSTEM(test_ui_write_more_than_a_line),
		SYSTEM(test_ui_keys),
		SYSTEM(test_ui_colours),
		SYSTEM(test_ui_locale),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
