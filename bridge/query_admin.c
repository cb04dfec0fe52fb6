/* query_admin.c — export and stats. */
#include "bridge/query.h"

#include "bridge/engine/answer.h"
#include "persist/keys.h"
#include "persist/values.h"
#include "wire/spoolfile.h"
#include "wire/version.h"

#include <stdlib.h>
#include <string.h>

/* Lines that import takes: first all users, then all groups and channels with their members. */
struct dump {
	struct query *q;
	bool any, more;
	char next[NAME_CHAT_MAX + 8]; /* where to go on: u:<user> or c:<chat> */
	enum err err;
};

static void start_line(struct dump *d, const char *name, struct bytes value)
{
	struct buf *b = d->q->out;

	buf_printf(b, "%s{\"%s\":", d->any ? "," : "", name);
	json_put_string(b, value.data, value.len);
	d->any = true;
}

/* Enough for one answer? Then remember the last one that is in it. */
static bool full(struct dump *d, char table, struct bytes name)
{
	if (d->q->out->len <= QUERY_ANSWER_MAX) {
		d->next[0] = table;
		d->next[1] = ':';
		memcpy(d->next + 2, name.data, name.len);
		d->next[2 + name.len] = '\0';
		return false;
	}
	d->more = true;
	return true;
}

static bool dump_user(void *ctx, struct bytes key, struct bytes value)
{
	struct dump *d = ctx;
	struct buf *b = d->q->out;
	struct user u;

	if (full(d, 'u', key))
		return false;
	d->err = user_decode(&u, value);
	if (d->err != ERR_OK)
		return false;
	start_line(d, "user", key);
	if (u.hash.len > 0)
		answer_string(b, "hash", u.hash);
	if (u.name.len > 0)
		answer_string(b, "name", u.name);
	if (u.role != ROLE_USER)
		answer_string(
			b, "role", (struct bytes){role_name(u.role), strlen(role_name(u.role))});
	if (u.disabled)
		answer_bool(b, "disabled", true);
	buf_str(b, "}");
	return true;
}

struct names {
	struct buf *out;
	bool admins, any;
};

static bool dump_member(void *ctx, struct bytes key, struct bytes value)
{
	struct names *n = ctx;
	struct bytes user = key_last_name(key);
	struct member m;

	if (member_decode(&m, value) != ERR_OK || m.admin != n->admins)
		return true;
	if (n->any)
		buf_str(n->out, ",");
	json_put_string(n->out, user.data, user.len);
	n->any = true;
	return true;
}

static enum err dump_members(struct query *q, struct bytes chat, const char *name, bool admins)
{
	struct names n = {q->out, admins, false};
	struct key prefix = key_members(chat);
	enum err err;

	buf_printf(q->out, ",\"%s\":[", name);
	err = directory_each(q->src->reader, TABLE_MEMBERS, key_bytes(&prefix),
		(struct bytes){NULL, 0}, dump_member, &n);
	buf_str(q->out, "]");
	return err;
}

static bool dump_chat(void *ctx, struct bytes key, struct bytes value)
{
	struct dump *d = ctx;
	struct buf *b = d->q->out;
	struct chat c;

	if (full(d, 'c', key))
		return false;
	d->err = chat_decode(&c, value);
	if (d->err != ERR_OK)
		return false;
	if (c.kind == KIND_PAIR)
		return true; /* they need no creation */
	start_line(d, "chat", key);
	answer_string(b, "title", c.title);
	if (c.kind == KIND_CHANNEL)
		buf_str(b, ",\"kind\":\"channel\"");
	d->err = dump_members(d->q, key, "admins", true);
	if (d->err == ERR_OK)
		d->err = dump_members(d->q, key, "members", false);
	buf_str(b, "}");
	return d->err == ERR_OK;
}

static enum err dump_table(
	struct dump *d, enum table t, char letter, struct bytes after, base_each_fn *fn)
{
	struct key from = {.len = 0};
	enum err err;

	if (after.len > 2 && after.data[0] == letter) { /* the first key behind the last one */
		from = key_user((struct bytes){after.data + 2, after.len - 2});
		from.data[from.len++] = '\0';
	}
	err = directory_each(
		d->q->src->reader, t, (struct bytes){NULL, 0}, key_bytes(&from), fn, d);
	return err == ERR_OK ? d->err : err;
}

enum err query_export(struct query *q)
{
	struct dump d = {.q = q};
	struct bytes after = {0};
	enum err err = ERR_OK;

	if (json_string(&q->json, "after", 0, NAME_CHAT_MAX + 2, &after) != ERR_OK) {
		q->why = "\"after\" must be what the last answer gave";
		return ERR_BAD_REQUEST;
	}
	buf_str(q->out, ",\"lines\":[");
	if (after.len == 0 || after.data[0] == 'u')
		err = dump_table(&d, TABLE_USERS, 'u', after, dump_user);
	if (err == ERR_OK && !d.more)
		err = dump_table(&d, TABLE_CHATS, 'c', after, dump_chat);
	buf_str(q->out, "]");
	answer_bool(q->out, "more", d.more);
	if (d.more)
		answer_string(q->out, "after", (struct bytes){d.next, strlen(d.next)});
	return err;
}

/* --- stats
 * ------------------------------------------------------------------------------------------- */

static void put_counter(struct buf *b, bool *any, const char *name, uint64_t value)
{
	buf_printf(b, "%s\"%s\":%llu", *any ? "," : "", name, (unsigned long long)value);
	*any = true;
}

static void put_plugin(struct query *q, bool *any)
{
	char path[CONF_PATH_MAX + 16];
	struct counters c;

	conf_spool_path(q->src->conf, path);
	if (spoolfile_counters(&c, path) != ERR_OK)
		return; /* the broker has not been started yet */
#define X(name, help) put_counter(q->out, any, "plugin." #name, c.name);
	COUNTER_LIST(X)
#undef X
}

static void put_daemon(struct query *q, bool *any)
{
	struct stats *s = q->src->stats;

#define X(name, help) put_counter(q->out, any, "bridge." #name, atomic_load(&s->name));
	STATS_LIST(X)
#undef X
}

enum err query_stats(struct query *q)
{
	static const struct {
		const char *name;
		enum table table;
	} tables[] = {{"directory.users", TABLE_USERS}, {"directory.chats", TABLE_CHATS},
		{"directory.members", TABLE_MEMBERS}};
	bool any = false;
	enum err err = ERR_OK;

	buf_str(q->out, ",\"version\":\"" SERVER_VERSION "\",\"counters\":{");
	put_plugin(q, &any);
	put_daemon(q, &any);
	for (size_t i = 0; err == ERR_OK && i < sizeof(tables) / sizeof(*tables); i++) {
		uint64_t n = 0;

		err = directory_count(q->src->reader, tables[i].table, &n);
		put_counter(q->out, &any, tables[i].name, n);
	}
	put_counter(q->out, &any, "store.disk_bytes", store_disk_bytes(q->src->store));
	buf_str(q->out, "}");
	return err;
}
