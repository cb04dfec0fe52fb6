/* chats.c — chat create, chat list, member add, member remove. */
#include <string.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/listing.h"
#include "clients/gnatterctl/say.h"
#include "wire/json.h"
#include "wire/name.h"

/* All values of an option as an array of strings. */
static bool put_users(struct buf *b, const struct args *a, const char *option, const char *member)
{
	const char *user;
	size_t at = 0, count = 0;

	while ((user = args_next(a, option, &at))) {
		if (!name_user_ok(user, strlen(user))) {
			fail("%s: '%s' is no user name", a->command->words, user);
			return false;
		}
		if (count++ == 0)
			buf_printf(b, ",\"%s\":[", member);
		else
			buf_str(b, ",");
		json_put_string(b, user, strlen(user));
	}
	if (count > 0)
		buf_str(b, "]");
	return true;
}

int command_chat_create(const struct args *a)
{
	struct buf b = {0};

	buf_str(&b, "{");
	if (!put_member(&b, "chat", a->operand[0]) ||
		!put_member(&b, "title", args_value(a, "title")) ||
		!put_member(&b, "kind", args_value(a, "kind")) ||
		!put_users(&b, a, "member", "members") || !put_users(&b, a, "admin", "admins")) {
		buf_free(&b);
		return 1;
	}
	buf_str(&b, "}");
	return api_do(a, "chat.create", &b, a->operand[0]);
}

int command_member(const struct args *a)
{
	bool add = strcmp(a->command->words, "member add") == 0;
	struct buf b = {0}, what = {0};
	int code = 1;

	buf_str(&b, "{");
	buf_printf(&what, "%s %s", a->operand[0], a->operand[1]);
	if (put_member(&b, "chat", a->operand[0]) && put_member(&b, "user", a->operand[1]) &&
		put_member(&b, "role", args_value(a, "role"))) {
		buf_str(&b, "}");
		code = api_do(a, add ? "member.add" : "member.remove", &b, need(what.data));
	}
	buf_free(&b);
	buf_free(&what);
	return code;
}

static void print_chat(const cJSON *chat)
{
	listing_cell(chat, "chat", 32);
	listing_cell(chat, "kind", 8);
	listing_cell(chat, "count", 8);
	listing_cell(chat, "title", 0);
	putchar('\n');
}

int command_chat_list(const struct args *a)
{
	static const struct listing chats = {.method = "chat.list",
		.member = "chats",
		.key = "chat",
		.head = "CHAT                             KIND     MEMBERS  TITLE",
		.print = print_chat};

	return listing_run(a, &chats);
}
