/* api.c — the methods: one table, and what is the same for all of them.
 *
 * A method that changes something is carried out here, in the one order of everything, and answered
 * with the commit. One that only asks is handed on to be answered from a snapshot once this commit
 * is done (bridge/reads.h): by then it sees what came before it.
 */
#include "bridge/engine/api.h"
#include "bridge/engine/internal.h"

#include <cjson/cJSON.h>
#include <string.h>

static const struct method {
	const char *name;
	enum role role;    /* ROLE_USER: anybody */
	method_fn *change; /* NULL: it only asks */
} methods[] = {
	{"me", ROLE_USER, NULL},
	{"chats", ROLE_USER, NULL},
	{"history", ROLE_USER, NULL},
	{"unread", ROLE_USER, NULL},
	{"chat.get", ROLE_USER, NULL},
	{"user.get", ROLE_USER, NULL},
	{"chat.online", ROLE_USER, NULL},
	{"contacts", ROLE_USER, NULL},
	{"blocks", ROLE_USER, NULL},
	{"devices", ROLE_USER, NULL},
	{"push.get", ROLE_USER, NULL},
	{"contact.add", ROLE_USER, method_contact_add},
	{"contact.remove", ROLE_USER, method_contact_remove},
	{"block.add", ROLE_USER, method_block_add},
	{"block.remove", ROLE_USER, method_block_remove},
	{"profile.set", ROLE_USER, method_profile_set},
	{"privacy.set", ROLE_USER, method_privacy_set},
	{"status.post", ROLE_USER, method_status_post},
	{"device.set", ROLE_USER, method_device_set},
	{"device.remove", ROLE_USER, method_device_remove},
	{"push.set", ROLE_USER, method_push_set},
	{"push.remove", ROLE_USER, method_push_remove},
	{"push.prefs", ROLE_USER, method_push_prefs},
	{"chat.mute", ROLE_USER, method_chat_mute},
	{"chat.create", ROLE_USER, method_chat_create},
	{"chat.update", ROLE_USER, method_chat_update},
	{"chat.leave", ROLE_USER, method_chat_leave},
	{"member.add", ROLE_USER, method_member_add},
	{"member.remove", ROLE_USER, method_member_remove},
	{"member.role", ROLE_USER, method_member_role},
	{"password.set", ROLE_USER, method_password_set},
	{"user.add", ROLE_ADMIN, method_user_add},
	{"user.remove", ROLE_ADMIN, method_user_remove},
	{"user.disable", ROLE_ADMIN, method_user_disable},
	{"user.enable", ROLE_ADMIN, method_user_enable},
	{"user.list", ROLE_ADMIN, NULL},
	{"chat.list", ROLE_ADMIN, NULL},
	{"kick", ROLE_ADMIN, method_kick},
	{"import", ROLE_ADMIN, method_import},
	{"export", ROLE_ADMIN, NULL},
	{"stats", ROLE_ADMIN, NULL},
	{"push.test", ROLE_ADMIN, NULL}, /* these two are the pusher's: bridge/pusher.h */
	{"push.queue", ROLE_ADMIN, NULL},
};

static const struct method *find(struct bytes name)
{
	for (size_t i = 0; i < sizeof(methods) / sizeof(*methods); i++)
		if (bytes_equal(name, methods[i].name, strlen(methods[i].name)))
			return &methods[i];
	return NULL;
}

const char *api_method_name(size_t i)
{
	return i < sizeof(methods) / sizeof(*methods) ? methods[i].name : NULL;
}

enum err request_user(struct request *q, const char *member, struct bytes *out)
{
	enum err err = json_string(&q->json, member, 1, NAME_USER_MAX, out);

	if (err != ERR_OK || out->len == 0) {
		q->why = "a user is missing";
		return ERR_BAD_REQUEST;
	}
	return name_user_ok(out->data, out->len) ? ERR_OK : ERR_BAD_NAME;
}

enum err request_chat(struct request *q, const char *member, struct bytes *out)
{
	enum err err = json_string(&q->json, member, 1, NAME_CHAT_MAX, out);

	if (err != ERR_OK || out->len == 0) {
		q->why = "\"chat\" is missing";
		return ERR_BAD_REQUEST;
	}
	return name_chat_kind(out->data, out->len, NULL) == CHAT_NONE ? ERR_BAD_NAME : ERR_OK;
}

bool request_has(const struct request *q, const char *member)
{
	const struct json_member *m = json_get(&q->json, member);

	return m && !cJSON_IsNull(m->value);
}

/* The caller's own id for the request, copied into the answer. */
static struct bytes find_re(const struct json_object *o)
{
	const struct json_member *m = json_get(o, "re");

	if (!m || m->raw.len > API_RE_MAX || cJSON_IsObject(m->value) || cJSON_IsArray(m->value))
		return (struct bytes){NULL, 0};
	return m->raw;
}

/* Is the caller, as of now, an account in good standing? Those of the system have none. */
static enum err check_caller(struct engine *e, const struct record *r)
{
	struct user u;
	enum err err;

	if (r->user.len > 0 && r->user.data[0] == '$')
		return ERR_OK;
	err = state_user(e, r->user, &u);
	if (err == ERR_OK && u.disabled)
		err = ERR_FORBIDDEN;
	return absent_is(err, ERR_FORBIDDEN);
}

enum err api_request_parse(struct json_object *o, const struct record *r, struct bytes *re)
{
	static const char nothing[] = "{}";
	struct bytes p = r->payload.len > 0 ? r->payload : BYTES(nothing);
	enum err err = json_parse(o, p.data, p.len);

	*re = err == ERR_OK ? find_re(o) : (struct bytes){NULL, 0};
	return err;
}

static enum err carry_out(struct request *q, const struct method *m, struct buf *members)
{
	struct engine *e = q->e;
	size_t mark = batch_mark(e->batch);
	struct outbox_mark out = outbox_mark(e->out);
	enum err err;

	q->answer = members;
	err = m->change(q);
	if (err != ERR_OK && !refusal_is_fatal(err)) {
		batch_rollback(e->batch, mark);
		outbox_rollback(e->out, out);
	}
	return err;
}

static void answer(struct request *q, enum err err, const struct buf *members)
{
	struct engine *e = q->e;
	struct buf *b = &e->answer;

	buf_reset(b);
	if (err == ERR_OK) {
		answer_begin(b, q->re);
		buf_put(b, members->data, members->len);
		buf_str(b, "}");
	} else {
		answer_error(b, err, q->why, q->re);
	}
	if (b->failed || members->failed)
		e->out->failed = true;
	else
		outbox_answer(e->out, q->r, q->r->response, (struct bytes){b->data, b->len});
}

enum err api_apply(struct engine *e, const struct record *r)
{
	const struct method *m = find(r->target);
	struct request q = {.e = e, .r = r, .admin = r->role == ROLE_ADMIN};
	struct buf members = {0};
	enum err parsed;
	enum err err = m ? ERR_OK : ERR_UNKNOWN_METHOD;

	if (err == ERR_OK && m->role == ROLE_ADMIN && r->role != ROLE_ADMIN)
		err = ERR_FORBIDDEN;
	if (err == ERR_OK)
		err = check_caller(e, r);
	if (err == ERR_OK && !m->change) {
		outbox_read(e->out, r);
		return ERR_OK;
	}
	parsed = api_request_parse(&q.json, r, &q.re);
	if (err == ERR_OK)
		err = e->refuse != ERR_OK ? e->refuse : parsed;
	if (err == ERR_OK)
		err = carry_out(&q, m, &members);
	if (!refusal_is_fatal(err)) {
		answer(&q, err, &members);
		if (err == ERR_OK && q.expel.len > 0)
			outbox_expel(e->out, q.expel);
		if (err == ERR_OK && q.kick[0])
			outbox_kick(e->out, r->user, (struct bytes){q.kick, strlen(q.kick)});
		err = ERR_OK;
	}
	if (parsed == ERR_OK)
		json_finish(&q.json);
	buf_free(&members);
	return err;
}
