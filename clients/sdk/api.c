/* api.c — a function for each method: its arguments as a JSON object, asked.
 *
 * What an argument may be is the server's to say; here only what would not even be JSON is refused.
 */
#include "clients/sdk/client.h"

#include <inttypes.h>
#include <string.h>

/* --- an object, member by member
 * ------------------------------------------------------------------ */

static void put_name(struct buf *b, const char *name)
{
	buf_str(b, b->len == 0 ? "{\"" : ",\"");
	buf_str(b, name);
	buf_str(b, "\":");
}

/* NULL: it is left out. */
static void put_string(struct buf *b, const char *name, const char *value)
{
	if (!value)
		return;
	put_name(b, name);
	json_put_string(b, value, strlen(value));
}

static void put_strings(struct buf *b, const char *name, const char *const *values)
{
	if (!values)
		return;
	put_name(b, name);
	for (size_t i = 0; values[i]; i++) {
		buf_str(b, i == 0 ? "[" : ",");
		json_put_string(b, values[i], strlen(values[i]));
	}
	buf_str(b, values[0] ? "]" : "[]");
}

static void put_raw(struct buf *b, const char *name, const char *json)
{
	if (!json)
		return;
	put_name(b, name);
	buf_str(b, json);
}

static enum gnatter_error ask(
	struct gnatter *g, const char *method, struct buf *b, gnatter_answer_fn *answer, void *ctx)
{
	buf_str(b, b->len == 0 ? "{}" : "}");
	return request_app(g, method, b, answer, ctx);
}

/* A request of one string. */
static enum gnatter_error ask_one(struct gnatter *g, const char *method, const char *name,
	const char *value, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, name, value);
	return ask(g, method, &b, answer, ctx);
}

/* --- any
 * ------------------------------------------------------------------------------------------ */

enum gnatter_error gnatter_request(struct gnatter *g, const char *method, const char *json,
	gnatter_answer_fn *answer, void *ctx)
{
	struct json_object o;
	struct buf b = {0};
	enum err err;

	if (!method || !name_method_ok(method, strlen(method)))
		return GNATTER_EINVAL;
	if (json) {
		err = json_parse(&o, json, strlen(json));
		if (err != ERR_OK)
			return err == ERR_NOMEM ? GNATTER_ENOMEM : GNATTER_EINVAL;
		json_finish(&o);
	}
	buf_str(&b, json ? json : "{}");
	return request_app(g, method, &b, answer, ctx);
}

enum gnatter_error gnatter_me(struct gnatter *g, gnatter_answer_fn *answer, void *ctx)
{
	return gnatter_request(g, "me", NULL, answer, ctx);
}

enum gnatter_error gnatter_password_set(
	struct gnatter *g, const char *password, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "password.set", "password", password, answer, ctx);
}

/* --- chats and members
 * ---------------------------------------------------------------------------- */

enum gnatter_error gnatter_chat_create(struct gnatter *g, const char *chat, enum gnatter_kind kind,
	const char *title, const char *const *users, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	if (kind == GNATTER_PAIR)
		return GNATTER_EINVAL; /* it exists when both users do */
	put_string(&b, "chat", chat);
	put_string(&b, "kind", kind == GNATTER_CHANNEL ? "channel" : "group");
	put_string(&b, "title", title);
	put_strings(&b, "members", users);
	return ask(g, "chat.create", &b, answer, ctx);
}

enum gnatter_error gnatter_chat_update(struct gnatter *g, const char *chat, const char *title,
	gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "chat", chat);
	put_string(&b, "title", title);
	return ask(g, "chat.update", &b, answer, ctx);
}

enum gnatter_error gnatter_chat_leave(
	struct gnatter *g, const char *chat, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "chat.leave", "chat", chat, answer, ctx);
}

enum gnatter_error gnatter_chat_mute(struct gnatter *g, const char *chat, int64_t until_ms,
	bool mentions, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "chat", chat);
	if (until_ms != GNATTER_FOR_EVER) {
		put_name(&b, "until");
		buf_printf(&b, "%" PRId64, until_ms);
	}
	if (mentions)
		put_raw(&b, "mentions", "true");
	return ask(g, "chat.mute", &b, answer, ctx);
}

enum gnatter_error gnatter_chat_online(struct gnatter *g, const char *chat, const char *after,
	gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "chat", chat);
	put_string(&b, "after", after);
	return ask(g, "chat.online", &b, answer, ctx);
}

enum gnatter_error gnatter_member_add(struct gnatter *g, const char *chat, const char *const *users,
	const char *role, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "chat", chat);
	put_strings(&b, "users", users);
	put_string(&b, "role", role);
	return ask(g, "member.add", &b, answer, ctx);
}

enum gnatter_error gnatter_member_remove(
	struct gnatter *g, const char *chat, const char *user, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "chat", chat);
	put_string(&b, "user", user);
	return ask(g, "member.remove", &b, answer, ctx);
}

enum gnatter_error gnatter_member_role(struct gnatter *g, const char *chat, const char *user,
	const char *role, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "chat", chat);
	put_string(&b, "user", user);
	put_string(&b, "role", role);
	return ask(g, "member.role", &b, answer, ctx);
}

/* --- people
 * --------------------------------------------------------------------------------------- */

enum gnatter_error gnatter_contact_add(struct gnatter *g, const char *user, const char *alias,
	gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "user", user);
	put_string(&b, "alias", alias);
	return ask(g, "contact.add", &b, answer, ctx);
}

enum gnatter_error gnatter_contact_remove(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "contact.remove", "user", user, answer, ctx);
}

enum gnatter_error gnatter_blocks(
	struct gnatter *g, const char *after, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "blocks", "after", after, answer, ctx);
}

enum gnatter_error gnatter_block_add(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "block.add", "user", user, answer, ctx);
}

enum gnatter_error gnatter_block_remove(
	struct gnatter *g, const char *user, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "block.remove", "user", user, answer, ctx);
}

enum gnatter_error gnatter_profile_set(struct gnatter *g, const char *name, const char *about,
	const char *avatar, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "name", name);
	put_string(&b, "about", about);
	put_string(&b, "avatar", avatar);
	return ask(g, "profile.set", &b, answer, ctx);
}

enum gnatter_error gnatter_privacy_set(
	struct gnatter *g, const char *json, gnatter_answer_fn *answer, void *ctx)
{
	return gnatter_request(g, "privacy.set", json, answer, ctx);
}

enum gnatter_error gnatter_status_post(struct gnatter *g, const char *text, const char *media,
	gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "text", text);
	put_raw(&b, "media", media);
	return ask(g, "status.post", &b, answer, ctx);
}

/* --- devices and pushes
 * --------------------------------------------------------------------------- */

enum gnatter_error gnatter_devices(
	struct gnatter *g, const char *after, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "devices", "after", after, answer, ctx);
}

enum gnatter_error gnatter_device_set(
	struct gnatter *g, const char *name, const char *kind, gnatter_answer_fn *answer, void *ctx)
{
	struct buf b = {0};

	put_string(&b, "name", name);
	put_string(&b, "kind", kind);
	return ask(g, "device.set", &b, answer, ctx);
}

enum gnatter_error gnatter_device_remove(
	struct gnatter *g, const char *device, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "device.remove", "device", device, answer, ctx);
}

enum gnatter_error gnatter_push_set(
	struct gnatter *g, const char *json, gnatter_answer_fn *answer, void *ctx)
{
	return gnatter_request(g, "push.set", json, answer, ctx);
}

enum gnatter_error gnatter_push_remove(
	struct gnatter *g, const char *device, gnatter_answer_fn *answer, void *ctx)
{
	return ask_one(g, "push.remove", "device", device, answer, ctx);
}

enum gnatter_error gnatter_push_prefs(
	struct gnatter *g, const char *json, gnatter_answer_fn *answer, void *ctx)
{
	return gnatter_request(g, "push.prefs", json, answer, ctx);
}

enum gnatter_error gnatter_push_get(struct gnatter *g, gnatter_answer_fn *answer, void *ctx)
{
	return gnatter_request(g, "push.get", NULL, answer, ctx);
}
