/* accounts.c — user.add, user.remove, user.disable, user.enable, password.set, kick.
 *
 * A password never comes here: the bridge puts its argon2id hash in its place before
 * (bridge/prepare.h).
 */
#include "bridge/engine/internal.h"

#include <string.h>

enum err request_find(struct request *q, struct bytes user, struct user *u)
{
	enum err err = state_user(q->e, user, u);

	if (err == ERR_NOT_FOUND)
		q->why = "there is no such user";
	return err;
}

enum err request_account(struct request *q, struct user *u)
{
	if (q->r->user.len > 0 && q->r->user.data[0] == '$') {
		q->why = "this is for accounts only";
		return ERR_FORBIDDEN;
	}
	return absent_is(state_user(q->e, q->r->user, u), ERR_FORBIDDEN);
}

static enum err read_hash(struct request *q, struct bytes *hash)
{
	static const char start[] = "$argon2id$";
	enum err err = json_string(&q->json, "hash", 1, PASSWORD_HASH_MAX - 1, hash);

	if (err == ERR_OK && hash->len > 0 &&
		(hash->len < sizeof(start) || memcmp(hash->data, start, sizeof(start) - 1) != 0))
		err = ERR_BAD_REQUEST;
	if (err != ERR_OK)
		q->why = "\"hash\" must be an argon2id string";
	return err;
}

enum err method_user_add(struct request *q)
{
	struct user u = USER_NEW;
	struct bytes user = {0};
	struct bytes role = BYTES("user");
	struct user old;
	struct key removed;
	enum err err = request_user(q, "user", &user);

	if (err == ERR_OK)
		err = read_hash(q, &u.hash);
	if (err == ERR_OK &&
		json_string(&q->json, "name", 0, DISPLAY_NAME_MAX, &u.name) != ERR_OK) {
		q->why = "\"name\" must be a string of at most 128 bytes";
		err = ERR_BAD_REQUEST;
	}
	if (err == ERR_OK && (json_string(&q->json, "role", 1, 16, &role) != ERR_OK ||
				     role_of(role.data, role.len) == ROLE_COUNT)) {
		q->why = "\"role\" must be \"user\", \"admin\" or \"service\"";
		err = ERR_BAD_REQUEST;
	}
	if (err == ERR_OK && json_bool(&q->json, "disabled", &u.disabled) != ERR_OK)
		err = ERR_BAD_REQUEST;
	if (err == ERR_OK) {
		err = state_user(q->e, user, &old);
		err = err == ERR_OK ? ERR_EXISTS : absent_is(err, ERR_OK);
	}
	if (err != ERR_OK)
		return err;
	u.created = q->r->ts;
	u.role = role_of(role.data, role.len);
	removed = key_removed(user);
	err = state_number(
		q->e, &removed, &u.valid_after_ms); /* tokens of who had the name before */
	if (err == ERR_OK)
		err = blocks_forget(q->e, user);
	if (err == ERR_OK)
		put_user(q->e, user, &u);
	return err;
}

/* Out of every chat. Of a one-to-one chat the other one keeps the history; should the name be given
 * to somebody else one day, that is a new member who sees nothing of it. */
static enum err leave_all(struct request *q, struct bytes user)
{
	struct names names;
	struct reader rd;
	struct bytes chat;
	enum err err = state_chats_of(q->e, user, &names);

	if (err != ERR_OK)
		return err;
	NAMES_EACH(&names, rd, chat)
	{
		if (name_chat_kind(chat.data, chat.len, NULL) == CHAT_PAIR)
			remove_member(q->e, chat, user);
		else
			err = member_take_out(q->e, q->r, chat, user, "member.removed");
		if (err != ERR_OK)
			break;
	}
	buf_free(&names.text);
	return absent_is(err, ERR_CORRUPT);
}

enum err method_user_remove(struct request *q)
{
	struct bytes user = {0};
	struct user u;
	struct key key, mutes;
	enum err err = request_user(q, "user", &user);

	mutes = key_mutes(user);
	if (err == ERR_OK)
		err = request_find(q, user, &u);
	if (err == ERR_OK)
		err = leave_all(q, user);
	if (err == ERR_OK)
		err = state_forget(q->e, TABLE_STORE, &mutes);
	if (err == ERR_OK)
		err = contacts_forget(q->e, user);
	if (err == ERR_OK)
		err = push_forget(q->e, user);
	if (err == ERR_OK)
		err = presence_forget(q->e, q->r, user, &u);
	if (err != ERR_OK)
		return err;
	key = key_removed(user);
	put_number(q->e, &key, q->r->ts);
	key = key_user(user);
	batch_delete(q->e->batch, TABLE_USERS, key_bytes(&key));
	outbox_kick(q->e->out, user, (struct bytes){NULL, 0});
	return ERR_OK;
}

static enum err set_disabled(struct request *q, bool disabled)
{
	struct bytes user = {0};
	struct user u;
	enum err err = request_user(q, "user", &user);

	if (err == ERR_OK)
		err = request_find(q, user, &u);
	if (err != ERR_OK || u.disabled == disabled)
		return err;
	u.disabled = disabled;
	if (disabled)
		u.valid_after_ms = q->r->ts;
	put_user(q->e, user, &u);
	if (disabled) {
		outbox_kick(q->e->out, user, (struct bytes){NULL, 0});
		return hide_all(q->e, q->r, user, &u);
	}
	err = presence_tell(q->e, q->r, user, HINT_AGAIN);
	return err == ERR_OK ? story_again(q->e, q->r, user) : err;
}

enum err method_user_disable(struct request *q)
{
	return set_disabled(q, true);
}

enum err method_user_enable(struct request *q)
{
	return set_disabled(q, false);
}

/* One's own, or as admin anybody's. Tokens issued before are dead from now on. */
enum err method_password_set(struct request *q)
{
	struct bytes user = q->r->user;
	struct user u;
	struct bytes hash = {0};
	enum err err = ERR_OK;

	if (json_get(&q->json, "user")) {
		err = request_user(q, "user", &user);
		if (err == ERR_OK && !q->admin &&
			!bytes_equal(user, q->r->user.data, q->r->user.len))
			err = ERR_FORBIDDEN;
	}
	if (err == ERR_OK)
		err = read_hash(q, &hash);
	if (err == ERR_OK && hash.len == 0) {
		q->why = "\"password\" must be a string of 1 to 128 bytes";
		err = ERR_BAD_REQUEST;
	}
	if (err == ERR_OK)
		err = request_find(q, user, &u);
	if (err != ERR_OK)
		return err;
	u.hash = hash;
	u.valid_after_ms = q->r->ts;
	put_user(q->e, user, &u);
	return ERR_OK;
}

enum err method_kick(struct request *q)
{
	struct bytes user = {0};
	struct bytes client = {0};
	struct user u;
	enum err err = request_user(q, "user", &user);

	if (err == ERR_OK &&
		json_string(&q->json, "client", 1, NAME_CLIENT_MAX, &client) != ERR_OK) {
		q->why = "\"client\" must be a client id";
		err = ERR_BAD_REQUEST;
	}
	if (err == ERR_OK)
		err = state_user(q->e, user, &u);
	if (err == ERR_OK)
		outbox_kick(q->e->out, user, client);
	return err;
}
