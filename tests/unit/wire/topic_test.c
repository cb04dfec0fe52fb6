/* topic_test.c — every topic of the table, and what is nearly one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "exact.h"
#include "tests/fuzz/match.h"
#include "wire/topic.h"

#define A32 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define A64 A32 A32

static void expect(struct bytes got, const char *want)
{
	assert_int_equal(got.len, want ? strlen(want) : 0);
	if (want)
		assert_memory_equal(got.data, want, got.len);
}

static const struct {
	const char *name;
	enum topic_kind kind;
	const char *chat, *user, *device, *method;
} topics[] = {
	{"chat/lobby/send", .kind = TOPIC_CHAT_SEND, .chat = "lobby"},
	{"chat/lobby/msg", .kind = TOPIC_CHAT_MSG, .chat = "lobby"},
	{"chat/lobby/ack", .kind = TOPIC_CHAT_ACK, .chat = "lobby"},
	{"chat/lobby/info", .kind = TOPIC_CHAT_INFO, .chat = "lobby"},
	{"chat/alice:bob/msg", .kind = TOPIC_CHAT_MSG, .chat = "alice:bob"},
	{"chat/a.b:a.c/send", .kind = TOPIC_CHAT_SEND, .chat = "a.b:a.c"},
	{"chat/lobby/mark/bob", .kind = TOPIC_CHAT_MARK, .chat = "lobby", .user = "bob"},
	{"chat/alice:bob/mark/b.b", .kind = TOPIC_CHAT_MARK, .chat = "alice:bob", .user = "b.b"},
	{"chat/lobby/typing/bob", .kind = TOPIC_CHAT_TYPING, .chat = "lobby", .user = "bob"},
	{"chat/" A64 "/msg", .kind = TOPIC_CHAT_MSG, .chat = A64},
	{"chat/" A64 "a/msg", .kind = TOPIC_INVALID},
	{"chat", .kind = TOPIC_INVALID},
	{"chat/", .kind = TOPIC_INVALID},
	{"chat/lobby", .kind = TOPIC_INVALID},
	{"chat/lobby/", .kind = TOPIC_INVALID},
	{"chat//msg", .kind = TOPIC_INVALID},
	{"chat/lobby/msg/", .kind = TOPIC_INVALID},
	{"chat/lobby/msg/x", .kind = TOPIC_INVALID},
	{"chat/lobby/send/bob", .kind = TOPIC_INVALID},
	{"chat/lobby/msgs", .kind = TOPIC_INVALID},
	{"chat/lobby/ms", .kind = TOPIC_INVALID},
	{"chat/lobby/Msg", .kind = TOPIC_INVALID},
	{"chat/lobby/msg:x", .kind = TOPIC_INVALID},
	{"chat/lobby/mark", .kind = TOPIC_INVALID},
	{"chat/lobby/mark/", .kind = TOPIC_INVALID},
	{"chat/lobby/mark/BOB", .kind = TOPIC_INVALID},
	{"chat/lobby/mark/bob/x", .kind = TOPIC_INVALID},
	{"chat/lobby/mark/a:b", .kind = TOPIC_INVALID},
	{"chat/lobby/typing/" A64 "a", .kind = TOPIC_INVALID},
	{"chat/BAD/msg", .kind = TOPIC_INVALID},
	{"chat/a b/msg", .kind = TOPIC_INVALID},
	{"chat/a.b/msg", .kind = TOPIC_INVALID},
	{"chat/bob:alice/msg", .kind = TOPIC_INVALID},
	{"chat/bob:bob/msg", .kind = TOPIC_INVALID},
	{"chat/a:b:c/msg", .kind = TOPIC_INVALID},
	{"chat/a:/msg", .kind = TOPIC_INVALID},
	{"chat/:a/msg", .kind = TOPIC_INVALID},
	{"chat/a:b", .kind = TOPIC_INVALID},
	{"chat/+/msg", .kind = TOPIC_INVALID},
	{"chat/#", .kind = TOPIC_INVALID},
	{"user/alice/events", .kind = TOPIC_USER_EVENTS, .user = "alice"},
	{"user/alice/errors", .kind = TOPIC_USER_ERRORS, .user = "alice"},
	{"user/alice/status", .kind = TOPIC_USER_STATUS, .user = "alice"},
	{"user", .kind = TOPIC_INVALID},
	{"user/alice", .kind = TOPIC_INVALID},
	{"user/alice/", .kind = TOPIC_INVALID},
	{"user/alice/foo", .kind = TOPIC_INVALID},
	{"user/alice/events/x", .kind = TOPIC_INVALID},
	{"user/$x/events", .kind = TOPIC_INVALID},
	{"user/a:b/events", .kind = TOPIC_INVALID},
	{"presence/alice", .kind = TOPIC_PRESENCE_USER, .user = "alice"},
	{"presence/alice/Phone-1", .kind = TOPIC_PRESENCE_DEVICE, .user = "alice",
		.device = "Phone-1"},
	{"presence/alice/" A32, TOPIC_PRESENCE_DEVICE, .user = "alice", .device = A32},
	{"presence/alice/" A32 "a", .kind = TOPIC_INVALID},
	{"presence", .kind = TOPIC_INVALID},
	{"presence/", .kind = TOPIC_INVALID},
	{"presence/alice/", .kind = TOPIC_INVALID},
	{"presence/alice:x", .kind = TOPIC_INVALID},
	{"presence/alice/a.b", .kind = TOPIC_INVALID},
	{"presence/alice/phone/x", .kind = TOPIC_INVALID},
	{"api/chats", .kind = TOPIC_API, .method = "chats"},
	{"api/member.add", .kind = TOPIC_API, .method = "member.add"},
	{"api/" A32, TOPIC_API, .method = A32},
	{"api/" A32 "a", .kind = TOPIC_INVALID},
	{"api", .kind = TOPIC_INVALID},
	{"api/", .kind = TOPIC_INVALID},
	{"api/Chats", .kind = TOPIC_INVALID},
	{"api/a1", .kind = TOPIC_INVALID},
	{"api/chats/x", .kind = TOPIC_INVALID},
	{"reply/chats", .kind = TOPIC_REPLY, .method = "chats"},
	{"reply", .kind = TOPIC_REPLY},
	{"reply/", .kind = TOPIC_REPLY},
	{"reply/a/b", .kind = TOPIC_REPLY},
	{"$SYS", .kind = TOPIC_SYS},
	{"$SYS/broker/uptime", .kind = TOPIC_SYS},
	{"$SYSTEM/x", .kind = TOPIC_DOLLAR},
	{"$SYS:x", .kind = TOPIC_DOLLAR},
	{"$CONTROL/gnatter/v1", .kind = TOPIC_DOLLAR},
	{"$gnatter/frame", .kind = TOPIC_DOLLAR},
	{"$share/g/chat/lobby/msg", .kind = TOPIC_DOLLAR},
	{"$", .kind = TOPIC_DOLLAR},
	{"", .kind = TOPIC_INVALID},
	{"/", .kind = TOPIC_FOREIGN},
	{"/chat/lobby/msg", .kind = TOPIC_FOREIGN},
	{"chats/lobby/msg", .kind = TOPIC_FOREIGN},
	{"cha", .kind = TOPIC_FOREIGN},
	{"chat:x", .kind = TOPIC_FOREIGN},
	{"Chat/lobby/msg", .kind = TOPIC_FOREIGN},
	{"users/alice", .kind = TOPIC_FOREIGN},
	{"sensors/1/temperature", .kind = TOPIC_FOREIGN},
	{"apis", .kind = TOPIC_FOREIGN},
};

static void test_topic_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(topics); i++) {
		char *name = exact_copy(topics[i].name, strlen(topics[i].name) + 1);
		struct topic t = topic_parse(name);

		if (t.kind != topics[i].kind)
			fail_msg("%s is of kind %d", name, (int)t.kind);
		expect(t.chat, topics[i].chat);
		expect(t.user, topics[i].user);
		expect(t.device, topics[i].device);
		expect(t.method, topics[i].method);
		free(name);
	}
}

static void test_topic_parts_are_lent(void **state)
{
	(void)state;
	const char *name = "chat/lobby/mark/bob";
	struct topic t = topic_parse(name);

	assert_ptr_equal(t.chat.data, name + 5);
	assert_ptr_equal(t.user.data, name + 16);
}

static const struct {
	const char *filter;
	enum filter_kind kind;
	const char *chat, *user;
	bool device_level, status_only;
} filters[] = {
	{"chat/lobby/#", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/+", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/+/+", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/+/#", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/+/bob", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/+/+/#", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/msg", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/msg/#", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/info", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/mark/+", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/mark/#", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/mark/bob", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/mark/bob/#", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/lobby/typing/+", .kind = FILTER_CHAT, .chat = "lobby"},
	{"chat/alice:bob/#", .kind = FILTER_CHAT, .chat = "alice:bob"},
	{"chat/lobby/send", .kind = FILTER_NOTHING},
	{"chat/lobby/send/#", .kind = FILTER_NOTHING},
	{"chat/lobby/ack", .kind = FILTER_NOTHING},
	{"chat/lobby/foo", .kind = FILTER_NOTHING},
	{"chat/lobby/foo/#", .kind = FILTER_NOTHING},
	{"chat/lobby/msg/+", .kind = FILTER_NOTHING},
	{"chat/lobby/msg/x/#", .kind = FILTER_NOTHING},
	{"chat/lobby/mark", .kind = FILTER_NOTHING},
	{"chat/lobby/mark/BOB", .kind = FILTER_NOTHING},
	{"chat/lobby/mark/+/+", .kind = FILTER_NOTHING},
	{"chat/lobby/mark/bob/x/y/z", .kind = FILTER_NOTHING},
	{"chat/lobby/mark/bob/x/y/#", .kind = FILTER_NOTHING},
	{"chat/lobby/+/+/+", .kind = FILTER_NOTHING},
	{"chat/lobby/#/msg", .kind = FILTER_NOTHING},
	{"chat/lobby", .kind = FILTER_NOTHING},
	{"chat/lobby/", .kind = FILTER_NOTHING},
	{"chat", .kind = FILTER_NOTHING},
	{"chat/", .kind = FILTER_NOTHING},
	{"chat//msg", .kind = FILTER_NOTHING},
	{"chat/BAD NAME/msg", .kind = FILTER_NOTHING},
	{"chat/bob:alice/#", .kind = FILTER_NOTHING},
	{"chat/lob+y/msg", .kind = FILTER_NOTHING},
	{"chat/+/msg", .kind = FILTER_WIDE},
	{"chat/+/mark/alice", .kind = FILTER_WIDE},
	{"chat/+/#", .kind = FILTER_WIDE},
	{"chat/#", .kind = FILTER_WIDE},
	{"chat/+/send", .kind = FILTER_NOTHING},
	{"chat/+", .kind = FILTER_NOTHING},
	{"user/alice/#", .kind = FILTER_USER, .user = "alice"},
	{"user/alice/+", .kind = FILTER_USER, .user = "alice"},
	{"user/alice/events", .kind = FILTER_USER, .user = "alice"},
	{"user/alice/errors", .kind = FILTER_USER, .user = "alice"},
	{"user/alice/status", .kind = FILTER_USER, .user = "alice", .status_only = true},
	{"user/alice/status/#", .kind = FILTER_USER, .user = "alice"},
	{"user/alice", .kind = FILTER_NOTHING},
	{"user/alice/foo", .kind = FILTER_NOTHING},
	{"user/alice/events/+", .kind = FILTER_NOTHING},
	{"user/a:b/#", .kind = FILTER_NOTHING},
	{"user/$gnatterd/#", .kind = FILTER_NOTHING},
	{"user/+/events", .kind = FILTER_WIDE},
	{"user/+/status", .kind = FILTER_WIDE},
	{"user/#", .kind = FILTER_WIDE},
	{"presence/alice", .kind = FILTER_PRESENCE, .user = "alice"},
	{"presence/alice/#", .kind = FILTER_PRESENCE, .user = "alice", .device_level = true},
	{"presence/alice/+", .kind = FILTER_PRESENCE, .user = "alice", .device_level = true},
	{"presence/alice/phone", .kind = FILTER_PRESENCE, .user = "alice", .device_level = true},
	{"presence/alice/phone/#", .kind = FILTER_PRESENCE, .user = "alice", .device_level = true},
	{"presence/alice/+/+", .kind = FILTER_NOTHING},
	{"presence/ALICE", .kind = FILTER_NOTHING},
	{"presence", .kind = FILTER_NOTHING},
	{"presence/+", .kind = FILTER_WIDE},
	{"presence/#", .kind = FILTER_WIDE},
	{"presence/+/+", .kind = FILTER_WIDE},
	{"presence/+/phone", .kind = FILTER_WIDE},
	{"reply/#", .kind = FILTER_REPLY},
	{"reply/+", .kind = FILTER_REPLY},
	{"reply/chats", .kind = FILTER_REPLY},
	{"reply", .kind = FILTER_REPLY},
	{"reply/a/b", .kind = FILTER_REPLY},
	{"reply/BAD", .kind = FILTER_REPLY},
	{"api/#", .kind = FILTER_NOTHING},
	{"api/+", .kind = FILTER_NOTHING},
	{"api/chats", .kind = FILTER_NOTHING},
	{"api", .kind = FILTER_NOTHING},
	{"#", .kind = FILTER_WIDE},
	{"+", .kind = FILTER_WIDE},
	{"+/x", .kind = FILTER_WIDE},
	{"+/lobby/msg", .kind = FILTER_WIDE},
	{"$share/g/chat/lobby/msg", .kind = FILTER_WIDE},
	{"$share/g/#", .kind = FILTER_WIDE},
	{"$share", .kind = FILTER_NOTHING},
	{"$SYS/#", .kind = FILTER_SYS},
	{"$SYS", .kind = FILTER_SYS},
	{"$SYS/broker/+", .kind = FILTER_SYS},
	{"$CONTROL/#", .kind = FILTER_NOTHING},
	{"$CONTROL/gnatter/v1", .kind = FILTER_NOTHING},
	{"$gnatter/frame", .kind = FILTER_NOTHING},
	{"$SYSx", .kind = FILTER_NOTHING},
	{"$", .kind = FILTER_NOTHING},
	{"", .kind = FILTER_NOTHING},
	{"+x/y", .kind = FILTER_NOTHING},
	{"ch#/y", .kind = FILTER_NOTHING},
	{"sensors/#", .kind = FILTER_FOREIGN},
	{"sensors/+/temperature", .kind = FILTER_FOREIGN},
	{"sensors/1/temperature", .kind = FILTER_FOREIGN},
	{"chats/#", .kind = FILTER_FOREIGN},
	{"Chat/lobby/msg", .kind = FILTER_FOREIGN},
	{"/chat/#", .kind = FILTER_FOREIGN},
	{"/", .kind = FILTER_FOREIGN},
};

static void test_filter_parse(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(filters); i++) {
		char *filter = exact_copy(filters[i].filter, strlen(filters[i].filter) + 1);
		struct filter f = filter_parse(filter);

		if (f.kind != filters[i].kind)
			fail_msg("%s is of kind %d", filter, (int)f.kind);
		expect(f.chat, filters[i].chat);
		expect(f.user, filters[i].user);
		assert_int_equal(f.device_level, filters[i].device_level);
		assert_int_equal(f.status_only, filters[i].status_only);
		free(filter);
	}
}

/* Every filter against every topic: a filter must cover whatever it matches by MQTT's rules. */
static void test_filter_covers_what_it_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(topics); i++) {
		for (size_t j = 0; j < COUNT_OF(filters); j++) {
			if (!filter_covers(filters[j].filter, topics[i].name))
				fail_msg("%s matches %s", filters[j].filter, topics[i].name);
		}
		if (!filter_covers(topics[i].name, topics[i].name))
			fail_msg("%s as a filter", topics[i].name);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_topic_parse),
		cmocka_unit_test(test_topic_parts_are_lent),
		cmocka_unit_test(test_filter_parse),
		cmocka_unit_test(test_filter_covers_what_it_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
