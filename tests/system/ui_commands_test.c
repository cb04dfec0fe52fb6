/* ui_commands_test.c — each command of the full-screen client, and what others see of it.
 *
 * One instance; each test talks in a group of its own.
 */
#include <cjson/cJSON.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/person.h"

static struct instance *in;

static void setup(void **state)
{
	(void)state;
	in = instance_create(instance_people);
	instance_start(in);
}

/* A group that carol, a client that listens, has made with alice. */
static struct client *group(const char *chat)
{
	struct client *carol = client_5(in, "carol", "foreign");

	client_requestf(carol, "chat.create", "{\"chat\":\"%s\",\"members\":[\"alice\"]}", chat);
	client_subscribe_ok(carol, case_printf("chat/%s/#", chat), 1);
	return carol;
}

/* Somebody with a chat, who is connected: until then the last line but one says where to, and what
 * has to be asked of the server is refused. */
static struct tmux *connected(const char *user)
{
	struct tmux *t = person(in, user);

	tmux_wait(t, "Enter send");
	return t;
}

static struct tmux *open_in(const char *chat)
{
	struct tmux *t = connected("alice");

	tmux_wait(t, chat);
	person_say(t, case_printf("/chat %s", chat));
	tmux_wait_row(t, 0, chat);
	return t;
}

static void test_ui_help(void **state)
{
	struct tmux *t = person(in, "eve");

	(void)state;
	tmux_wait(t, "Welcome, eve.");
	person_say(t, "/help");
	tmux_wait(t, "/dm USER [TEXT]");
	tmux_wait_row(t, -2, "Escape: back");
	person_key(t, "PageDown", 5);
	tmux_wait(t, "Ctrl-L");
	tmux_wait(t, "delivered");
	tmux_key(t, "Escape");
	tmux_wait_gone(t, "Ctrl-L");
	person_say(t, "/help mute");
	tmux_wait(t, "no pushes from this chat");
	tmux_wait_gone(t, "/dm USER");
	tmux_key(t, "Escape");
	/* A beginning is enough if no other command begins so. */
	person_say(t, "/frobnicate");
	tmux_wait(t, "There is no such command");
	tmux_key(t, "C-u");
	person_say(t, "/b");
	tmux_wait(t, "More than one command begins so");
	tmux_key(t, "C-u");
	person_say(t, "/invite");
	tmux_wait(t, "/invite USER");
	tmux_key(t, "C-u");
	person_say(t, "/invite dave");
	tmux_wait(t, "No chat is open");
	person_quit(t);
}

static void test_ui_groups(void **state)
{
	struct client *dave = client_5(in, "dave", "foreign");
	struct tmux *t = connected("alice");
	struct cJSON *chat;

	(void)state;
	client_subscribe_ok(dave, "user/dave/events", 1);
	person_say(t, "/group makers bob");
	tmux_wait_row(t, 0, "makers \xc2\xb7 2 members");
	person_say(t, "/invite dave carol");
	tmux_wait_row(t, 0, "makers \xc2\xb7 4 members");
	tmux_wait(t, "alice added dave");
	client_take(dave, "user/dave/events", "chat.added");
	person_say(t, "/title People who make");
	tmux_wait_row(t, 0, "People who make");
	chat = client_request(dave, "chat.get", "{\"chat\":\"makers\"}");
	json_expect_str(chat, "title", "People who make");
	assert_int_equal(json_len(chat, "members"), 4);
	person_say(t, "/who");
	tmux_wait(t, "dave");
	tmux_wait(t, "admin");
	tmux_wait_row(t, -2, "Escape");
	tmux_key(t, "Escape");
	person_say(t, "/kick carol bob");
	tmux_wait_row(t, 0, "2 members");
	tmux_wait(t, "alice removed bob");
	person_say(t, "/leave");
	tmux_wait_row(t, 0, "you are no member any more");
	tmux_wait(t, "(left)");
	chat = client_request(dave, "chat.get", "{\"chat\":\"makers\"}");
	assert_int_equal(json_len(chat, "members"), 1);
	person_say(t, "/group Wrong.Name");
	tmux_wait_row(t, -2, "Refused");
	person_quit(t);
}

static void test_ui_mute(void **state)
{
	struct client *carol = group("quiet"), *other;
	struct tmux *t = open_in("quiet");
	struct cJSON *chat;

	(void)state;
	(void)carol;
	other = client_5(in, "alice", "foreign");
	client_subscribe_ok(other, "user/alice/events", 1);
	person_say(t, "/mute 8h mentions");
	tmux_wait_row(t, 0, "muted");
	client_take(other, "user/alice/events", "chat.muted");
	chat = client_request(other, "chat.get", "{\"chat\":\"quiet\"}");
	assert_true(json_has(chat, "mentions"));
	assert_true(json_num(chat, "muted") > case_wall_ms());
	person_say(t, "/mute off");
	tmux_wait(t, "muted no longer");
	client_take(other, "user/alice/events", "\"until\":0");
	person_say(t, "/mute");
	client_take(other, "user/alice/events", "chat.muted");
	tmux_wait_row(t, 0, "muted");
	person_say(t, "/mute sideways");
	tmux_wait_row(t, -2, "/mute [30m");
	person_quit(t);
}

/* Without a selection: the last message that can be meant. */
static void test_ui_messages_last(void **state)
{
	struct client *carol = group("last");
	struct tmux *t = open_in("last");

	(void)state;
	client_send(carol, "last", "question?");
	tmux_wait(t, "carol: question?");
	person_say(t, "answr");
	client_take(carol, "chat/last/msg", "answr");
	tmux_wait(t, "alice: answr \xe2\x9c\x93");
	person_say(t, "/react \xf0\x9f\x91\x8d");
	client_take(carol, "chat/last/msg", "\"type\":\"reaction\",\"ref\":2");
	tmux_wait(t, "[\xf0\x9f\x91\x8d]");
	person_say(t, "/react");
	tmux_wait_gone(t, "[\xf0\x9f\x91\x8d]");
	person_say(t, "/edit answer");
	client_take(carol, "chat/last/msg", "\"type\":\"edit\",\"ref\":3,\"text\":\"answer\"");
	tmux_wait(t, "alice: answer (edited)");
	/* In place: what was said stands in the line, Escape leaves it as it is. */
	person_say(t, "/edit");
	tmux_wait_row(t, -1, "> answer");
	tmux_wait_row(t, -2, "Editing");
	tmux_key(t, "Escape");
	tmux_wait_gone(t, "> answer");
	person_say(t, "/edit");
	tmux_wait_row(t, -1, "> answer");
	person_say(t, "s");
	tmux_wait(t, "alice: answers (edited)");
	person_say(t, "/reply I meant you");
	client_take(carol, "chat/last/msg", "\"ref\":2,\"text\":\"I meant you\"");
	tmux_wait(t, "\xe2\x94\x82 carol: question?");
	person_say(t, "/delete");
	tmux_wait(t, "(deleted)");
	tmux_wait_gone(t, "alice: I meant you");
	client_take(carol, "chat/last/msg", "\"type\":\"delete\"");
	person_quit(t);
}

static void test_ui_messages_selected(void **state)
{
	struct client *carol = group("chosen");
	struct tmux *t = open_in("chosen");

	(void)state;
	client_send(carol, "chosen", "one");
	client_send(carol, "chosen", "two");
	client_send(carol, "chosen", "three");
	tmux_wait(t, "carol: three");
	person_key(t, "C-Up", 3);
	tmux_wait_row(t, -2, "carol: one");
	person_say(t, "to the first");
	client_take(carol, "chat/chosen/msg", "\"ref\":2,\"text\":\"to the first\"");
	tmux_wait(t, "\xe2\x94\x82 carol: one");
	tmux_wait(t, "to the first \xe2\x9c\x93"); /* what waits cannot be selected */
	person_key(t, "M-k", 3);
	tmux_wait_row(t, -2, "carol: two");
	person_say(t, "/react +1");
	client_take(carol, "chat/chosen/msg", "\"type\":\"reaction\",\"ref\":3,\"text\":\"+1\"");
	tmux_wait(t, "[+1]");
	/* Others' texts are theirs. */
	person_key(t, "C-Up", 4);
	tmux_wait_row(t, -2, "carol: one");
	person_say(t, "/edit mine");
	tmux_wait(t, "Only texts of your own");
	tmux_key(t, "Escape");
	tmux_wait_row(t, -2, "/help");
	person_quit(t);
}

static void test_ui_people(void **state)
{
	struct client *other = client_5(in, "alice", "foreign"), *carol = group("crowd");
	struct tmux *t = open_in("crowd");
	struct cJSON *contacts;

	(void)state;
	(void)carol;
	client_subscribe_ok(other, "user/alice/events", 1);
	person_say(t, "/contact @carol The Carol");
	client_take(other, "user/alice/events", "contact.added");
	contacts = client_request(other, "contacts", "{}");
	json_expect_str(contacts, "contacts.0.alias", "The Carol");
	person_say(t, "/block dave");
	client_take(other, "user/alice/events", "block.added");
	tmux_wait_row(t, -2, "dave is blocked");
	person_say(t, "/dm dave hello");
	tmux_wait(t, "not sent: ");
	person_say(t, "/discard");
	tmux_wait_gone(t, "not sent: ");
	person_say(t, "/unblock dave");
	client_take(other, "user/alice/events", "block.removed");
	client_close(other);
	/* What one says of oneself. */
	other = client_5(in, "alice", "foreign");
	client_subscribe_ok(other, "presence/alice/term", 1);
	person_say(t, "/away at lunch");
	client_take(other, "presence/alice/term", "at lunch");
	person_say(t, "/back");
	client_take(other, "presence/alice/term", "online");
	person_quit(t);
}

static void test_ui_chats(void **state)
{
	struct client *carol = group("chats-a");
	struct tmux *t = open_in("chats-a");

	(void)state;
	client_request(carol, "chat.create", "{\"chat\":\"chats-b\",\"members\":[\"alice\"]}");
	tmux_wait(t, "chats-b");
	person_say(t, "/chat chats-b");
	tmux_wait_row(t, 0, "chats-b");
	tmux_type(t, "/chat ts-a");
	tmux_key(t, "Tab");
	tmux_wait_row(t, -1, "> /chat chats-a");
	tmux_key(t, "Enter");
	tmux_wait_row(t, 0, "chats-a");
	/* The next with something unread; one by its place. */
	client_send(carol, "chats-b", "look here");
	tmux_wait(t, "(1)");
	tmux_key(t, "M-a");
	tmux_wait_row(t, 0, "chats-b");
	tmux_wait_gone(t, "(1)");
	tmux_key(t, "M-a");
	tmux_wait_row(t, -2, "Everything is read");
	tmux_key(t, "M-2");
	tmux_wait_row(t, 0, "chats-a");
	tmux_key(t, "M-1");
	tmux_wait_row(t, 0, "chats-b");
	person_say(t, "/chat nowhere-at-all");
	tmux_wait_row(t, -2, "No chat is called like that");
	/* A text that begins with a slash. */
	person_say(t, "//slashed");
	client_subscribe_ok(carol, "chat/chats-b/msg", 1);
	tmux_wait(t, "alice: /slashed");
	person_say(t, "/etc/passwd is a file");
	client_take(carol, "chat/chats-b/msg", "/etc/passwd is a file");
	person_quit(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_ui_help),
		SYSTEM(test_ui_groups),
		SYSTEM(test_ui_mute),
		SYSTEM(test_ui_messages_last),
		SYSTEM(test_ui_messages_selected),
		SYSTEM(test_ui_people),
		SYSTEM(test_ui_chats),
	};

	return case_run_all(tests, COUNT(tests), setup);
}
