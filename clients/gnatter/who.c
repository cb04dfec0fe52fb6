/* who.c — gnatter who: the members of a chat who are online, a user, or the contacts.
 *
 * The answers are the server's JSON; each user is one object in it, or one name.
 */
#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatter/say.h"
#include "clients/gnatter/session.h"
#include "clients/gnatter/show.h"

static const char *text_in(const cJSON *user, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(user, name));

	return text ? text : "";
}

static int64_t time_in(const cJSON *user, const char *name)
{
	const cJSON *n = cJSON_GetObjectItemCaseSensitive(user, name);

	return cJSON_IsNumber(n) && n->valuedouble > 0 && n->valuedouble < 1e15
		       ? (int64_t)n->valuedouble
		       : 0;
}

struct person {
	const char *user, *name, *state, *text;
	bool online;
	int64_t last_seen_ms; /* 0: not known */
};

static struct person person_of(const cJSON *user)
{
	const cJSON *online = cJSON_GetObjectItemCaseSensitive(user, "online");
	const char *alias = text_in(user, "alias");

	if (cJSON_IsString(user)) /* only who are online stand as names */
		return (struct person){user->valuestring, "", "", "", true, 0};
	return (struct person){.user = text_in(user, "user"),
		.name = *alias ? alias : text_in(user, "name"),
		.state = text_in(user, "state"),
		.text = text_in(user, "text"),
		.online = cJSON_IsTrue(online),
		.last_seen_ms = time_in(user, "last_seen")};
}

static void show_person_json(const struct person *p)
{
	struct buf b = {0};

	show_begin(&b);
	show_string(&b, "user", p->user);
	if (*p->name)
		show_string(&b, "name", p->name);
	show_bool(&b, "online", p->online);
	if (*p->state)
		show_string(&b, "state", p->state);
	if (*p->text)
		show_string(&b, "text", p->text);
	if (p->last_seen_ms)
		show_number(&b, "last_seen", (uint64_t)p->last_seen_ms);
	show_end(&b);
	buf_free(&b);
}

static void show_person(const struct person *p)
{
	show_padded(p->user, 20);
	putchar(' ');
	show_padded(p->name, 20);
	printf(" %s", p->online ? "online" : "offline");
	if (p->online && *p->state) {
		fputs(", ", stdout);
		say_line(stdout, p->state);
	}
	if (!p->online && p->last_seen_ms)
		printf(", last seen %s", show_time(p->last_seen_ms));
	if (*p->text) {
		fputs(": ", stdout);
		say_line(stdout, p->text);
	}
	putchar('\n');
}

static void show_user(const cJSON *user, bool json)
{
	struct person p = person_of(user);

	if (json)
		show_person_json(&p);
	else
		show_person(&p);
}

/* The parsed answer to a request; NULL: *code was said. */
static cJSON *ask_server(struct session *s, const char *method, const cJSON *params, int *code)
{
	struct answer a = {.session = s};
	char *text = need(cJSON_PrintUnformatted(params));
	cJSON *json = NULL;

	*code = session_answered(&a, gnatter_request(s->g, method, text, session_answer, &a));
	if (*code == GN_OK) {
		json = cJSON_Parse(a.json);
		if (!json)
			*code = fail(GN_FAILED, "the server's answer is no JSON");
	}
	cJSON_free(text);
	answer_finish(&a);
	return json;
}

/* All pages of a method that lists users as `member`. params is changed. */
static int list(struct session *s, const char *method, cJSON *params, const char *member, bool json)
{
	bool more = true, over = false;
	int code = GN_OK;

	while (more && !over && code == GN_OK) {
		cJSON *page = ask_server(s, method, params, &code);
		const cJSON *user, *users = cJSON_GetObjectItemCaseSensitive(page, member);
		const char *after = text_in(page, "after");

		cJSON_ArrayForEach(user, users)
		{
			show_user(user, json);
			if (!*text_in(page, "after") && cJSON_IsObject(user))
				after = text_in(user, "user");
		}
		more = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(page, "more")) && *after;
		cJSON_DeleteItemFromObjectCaseSensitive(params, "after");
		cJSON_AddStringToObject(params, "after", after);
		cJSON_Delete(page);
		if (code == GN_OK)
			code = say_flush(&over);
	}
	return code;
}

static int who_user(struct session *s, cJSON *params, const char *user, bool json)
{
	cJSON *answer;
	int code;

	cJSON_AddStringToObject(params, "user", user);
	answer = ask_server(s, "user.get", params, &code);
	if (answer)
		show_user(answer, json);
	cJSON_Delete(answer);
	return code == GN_OK ? say_flush(NULL) : code;
}

static int who_chat(struct session *s, cJSON *params, const char *name, bool json)
{
	char chat[GNATTER_CHAT_SIZE];

	if (!session_chat(s, name, chat))
		return GN_USAGE;
	cJSON_AddStringToObject(params, "chat", chat);
	return list(s, "chat.online", params, "users", json);
}

int command_who(const struct args *a)
{
	cJSON *params = need(cJSON_CreateObject());
	const char *whom = a->operands > 0 ? a->operand[0] : NULL;
	bool json = args_has(a, "json");
	struct session s;
	int code;

	session_init(&s);
	code = session_open(&s, a, SESSION_READS);
	if (code == GN_OK)
		code = session_connect(&s);
	if (code == GN_OK)
		code = session_wait_synced(&s, false);
	if (code == GN_OK && !whom)
		code = list(&s, "contacts", params, "contacts", json);
	else if (code == GN_OK && *whom == '@')
		code = who_user(&s, params, whom + 1, json);
	else if (code == GN_OK)
		code = who_chat(&s, params, whom, json);
	session_close(&s);
	cJSON_Delete(params);
	return code;
}
