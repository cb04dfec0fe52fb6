/* push_world.c — see push_world.h. */
#include "tests/unit/bridge/push_world.h"

#include "bridge/engine/message.h"
#include "bridge/push_gather.h"
#include "wire/hashmap.h"

#include <sodium.h>

#define NOTHING ((struct bytes){NULL, 0})

/* --- the world
 * ------------------------------------------------------------------------------------ */

static void open_disk(struct world *w, bool create)
{
	struct query_source *src = &w->look.src;

	assert_err(store_open(&w->store, in_scratch("store"), &w->conf,
			   create ? STORE_CREATE : STORE_OPEN, why, sizeof(why)),
		ERR_OK);
	assert_err(directory_open(&w->directory, in_scratch("directory"), 256u << 20,
			   create ? DIRECTORY_CREATE : DIRECTORY_WRITE, why, sizeof(why)),
		ERR_OK);
	assert_int_equal(directory_reader_create(&w->reader, w->directory), ERR_OK);
	assert_int_equal(disk_base_init(&w->base, w->store, w->directory), ERR_OK);
	w->batch = batch_create(&w->base.base);
	assert_non_null(w->batch);
	*src = (struct query_source){.store = w->store,
		.directory = w->directory,
		.reader = w->reader,
		.conf = &w->conf,
		.stats = &w->stats};
	push_look_init(&w->look, src, (const unsigned char *)WORLD_KEY);
	assert_err(push_waiting_open(&w->list, w->store, &w->clock, why, sizeof(why)), ERR_OK);
}

void world_open(struct world *w)
{
	open_disk(w, false);
}

void world_close(struct world *w)
{
	push_waiting_close(w->list);
	buf_free(&w->pushed);
	w->pushed_count = 0;
	batch_destroy(w->batch);
	disk_base_finish(&w->base);
	directory_reader_destroy(w->reader);
	directory_close(w->directory);
	store_close(w->store);
}

/* In the scratch folder. */
static struct world *make(void)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	assert_true(sodium_init() >= 0);
	hash_init();
	strcpy(w->dir, scratch);
	assert_int_equal(conf_defaults(&w->conf, scratch), ERR_OK);
	w->now = WORLD_START;
	w->clock = push_clock_start();
	return w;
}

struct world *world_in(const char *dir)
{
	snprintf(scratch, sizeof(scratch), "%s", dir);
	return make();
}

int world_setup(void **state)
{
	struct world *w;

	assert_int_equal(scratch_make(state), 0);
	w = make();
	open_disk(w, true);
	*state = w;
	return 0;
}

int world_teardown(void **state)
{
	struct world *w = *state;

	world_close(w);
	free(w);
	return scratch_remove(state);
}

/* Takes the value. */
static void put(struct world *w, enum table t, struct key k, struct buf *v)
{
	assert_true(k.len > 0 && !v->failed);
	batch_put(w->batch, t, key_bytes(&k), (struct bytes){v->data ? v->data : "", v->len});
	buf_free(v);
}

static void put_pushed(struct world *w)
{
	struct buf v = {0};

	assert_false(w->pushed.failed);
	if (w->pushed_count == 0)
		return;
	assert_int_equal(
		push_gather(&v, (struct bytes){w->pushed.data, w->pushed.len}, w->pushed_count),
		ERR_OK);
	put(w, TABLE_STORE, key_push(++w->outbox), &v);
	buf_reset(&w->pushed);
	w->pushed_count = 0;
}

void world_commit_store(struct world *w)
{
	put_pushed(w);
	assert_false(batch_failed(w->batch));
	assert_err(
		store_write(w->store, w->batch, NOTHING, NOTHING, false, why, sizeof(why)), ERR_OK);
}

void world_commit(struct world *w)
{
	world_commit_store(w);
	assert_err(directory_write(w->directory, w->batch, why, sizeof(why)), ERR_OK);
	batch_clear(w->batch);
	assert_int_equal(disk_base_refresh(&w->base), ERR_OK);
}

void world_settle(struct world *w)
{
	world_commit(w);
	assert_int_equal(directory_refresh(w->reader), ERR_OK);
}

static void put_number(struct world *w, struct key k, uint64_t n)
{
	struct buf v = {0};

	buf_u64(&v, n);
	put(w, TABLE_STORE, k, &v);
}

static void drop(struct world *w, enum table t, struct key k)
{
	batch_delete(w->batch, t, key_bytes(&k));
}

/* False if there is no such row; else it is lent until the next call. */
static bool get(struct world *w, enum table t, struct key k, struct bytes *v)
{
	enum err err = batch_get(w->batch, t, key_bytes(&k), v);

	assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
	return err == ERR_OK;
}

/* --- people
 * --------------------------------------------------------------------------------------- */

void world_user(struct world *w, const char *user, const struct user *u)
{
	struct buf v = {0};

	user_encode(&v, u ? u : &USER_NEW);
	put(w, TABLE_USERS, key_user(text(user)), &v);
}

void world_contact(
	struct world *w, const char *user, const char *contact, const char *name, uint64_t since)
{
	struct buf v = {0};

	contact_encode(&v, &(struct contact){.since = since, .name = text(name)});
	put(w, TABLE_CONTACTS, key_contact(text(user), text(contact)), &v);
}

void world_prefs(struct world *w, const char *user, const struct push_prefs *p)
{
	struct buf v = {0};

	push_prefs_encode(&v, p);
	put(w, TABLE_STORE, key_push_prefs(text(user)), &v);
}

void world_mute(struct world *w, const char *user, const char *chat, uint64_t until, bool mentions)
{
	struct buf v = {0};

	mute_encode(&v, &(struct mute){.until = until, .mentions = mentions});
	put(w, TABLE_STORE, key_mute(text(user), text(chat)), &v);
}

void world_register(struct world *w, const char *user, const char *device, enum push_kind_id kind,
	enum push_preview preview)
{
	world_register_data(w, user, device, kind, preview, "{}");
}

void world_register_data(struct world *w, const char *user, const char *device,
	enum push_kind_id kind, enum push_preview preview, const char *data)
{
	struct push_registration r = {
		.set_ms = w->now, .kind = (uint8_t)kind, .preview = preview, .data = text(data)};
	struct key k = key_registration(text(user), text(device));
	struct buf v = {0};
	struct bytes was;

	w->registrations += get(w, TABLE_STORE, k, &was) ? 0 : 1;
	put_number(w, key_meta("registrations"), w->registrations);
	push_registration_encode(&v, &r);
	put(w, TABLE_STORE, k, &v);
}

void world_unregister(struct world *w, const char *user, const char *device)
{
	drop(w, TABLE_STORE, key_registration(text(user), text(device)));
	put_number(w, key_meta("registrations"), --w->registrations);
}

static struct key session_key(const char *user, const char *device)
{
	char client[NAME_CLIENT_MAX];

	snprintf(client, sizeof(client), "%s:%s", user, device);
	return key_session(text(user), text(client));
}

void world_connect(struct world *w, const char *user, const char *device)
{
	struct device d = {.first = w->now, .last_seen = w->now, .state = STATE_ONLINE};
	struct session s = {.since = w->now, .device = text(device)};
	struct buf v = {0};

	session_encode(&v, &s);
	put(w, TABLE_STORE, session_key(user, device), &v);
	put(w, TABLE_STORE, key_sessions_end(text(user)), &v);
	device_encode(&v, &d);
	put(w, TABLE_STORE, key_device(text(user), text(device)), &v);
}

void world_disconnect(struct world *w, const char *user, const char *device)
{
	drop(w, TABLE_STORE, session_key(user, device));
}

/* --- chats
 * ---------------------------------------------------------------------------------------- */

static void put_chat(struct world *w, const char *chat, const struct chat *c)
{
	struct buf v = {0};

	chat_encode(&v, c);
	put(w, TABLE_CHATS, key_chat(text(chat)), &v);
}

void world_chat(struct world *w, const char *chat, enum group_kind kind, const char *title)
{
	put_chat(w, chat,
		&(struct chat){.kind = kind,
			.created = w->now,
			.by = text("alice"),
			.title = text(title)});
}

void world_remove_chat(struct world *w, const char *chat)
{
	drop(w, TABLE_CHATS, key_chat(text(chat)));
}

/* Of all that the chat has: how many more. */
static void count_members(struct world *w, const char *chat, int more)
{
	char title[TITLE_BYTES_MAX], by[NAME_USER_MAX];
	struct bytes v;
	struct chat c;

	assert_true(get(w, TABLE_CHATS, key_chat(text(chat)), &v));
	assert_int_equal(chat_decode(&c, v), ERR_OK);
	memcpy(title, c.title.data, c.title.len);
	memcpy(by, c.by.data, c.by.len);
	c.title.data = title;
	c.by.data = by;
	c.members += (uint32_t)more;
	put_chat(w, chat, &c);
}

static struct chat_state state_of(struct world *w, const char *chat)
{
	struct chat_state s = {0};
	struct bytes v;

	if (get(w, TABLE_STORE, key_state(text(chat)), &v))
		assert_int_equal(chat_state_decode(&s, v), ERR_OK);
	return s;
}

static void put_mark(struct world *w, const char *chat, const char *user, const struct mark *m)
{
	struct buf v = {0};

	mark_encode(&v, m);
	put(w, TABLE_STORE, key_mark(text(chat), text(user)), &v);
}

void world_join(struct world *w, const char *chat, const char *user, bool admin)
{
	struct chat_state s = state_of(w, chat);
	struct member m = {.admin = admin, .since = w->now, .since_seq = s.seq};
	struct mark mark = {.delivered = s.seq, .read = s.seq, .read_n = s.n, .ts = w->now};
	struct buf v = {0};

	member_encode(&v, &m);
	put(w, TABLE_MEMBERS, key_member(text(chat), text(user)), &v);
	put(w, TABLE_LISTS, key_list(text(user), text(chat)), &v);
	if (s.seq > 0)
		put_mark(w, chat, user, &mark);
	count_members(w, chat, 1);
}

void world_leave(struct world *w, const char *chat, const char *user)
{
	drop(w, TABLE_MEMBERS, key_member(text(chat), text(user)));
	drop(w, TABLE_LISTS, key_list(text(user), text(chat)));
	drop(w, TABLE_STORE, key_mark(text(chat), text(user)));
	count_members(w, chat, -1);
}

const char *world_pair(struct world *w, const char *a, const char *b)
{
	static char chat[NAME_CHAT_MAX + 1];

	assert_true(name_pair(chat, a, b) > 0);
	world_chat(w, chat, KIND_PAIR, "");
	world_join(w, chat, a, false);
	world_join(w, chat, b, false);
	return chat;
}

/* What an edit or a delete does to the message that it is about. */
static void apply_ref(struct world *w, const char *chat, const struct draft *d, uint64_t seq)
{
	struct key k = key_message(text(chat), d->ref);
	struct message_facts f;
	struct buf v = {0};
	struct bytes m;

	assert_true(get(w, TABLE_STORE, k, &m));
	if (d->action == ACTION_EDIT) {
		message_write_edited(&v, m, seq);
	} else {
		assert_int_equal(message_read(&f, m), ERR_OK);
		message_write_tombstone(&v, &f, seq);
		message_facts_finish(&f);
	}
	put(w, TABLE_STORE, k, &v);
}

uint64_t world_say(struct world *w, const char *chat, const char *from, const char *payload)
{
	struct chat_state s = state_of(w, chat);
	const char *trouble = NULL;
	struct message_head h;
	struct buf v = {0};
	struct draft d;

	assert_int_equal(draft_parse(&d, text(payload), &w->conf, &trouble), ERR_OK);
	s = (struct chat_state){.seq = s.seq + 1,
		.ts = w->now,
		.n = s.n + d.counts,
		.visible = d.counts ? s.seq + 1 : s.visible};
	h = (struct message_head){
		.chat = text(chat), .from = text(from), .seq = s.seq, .n = s.n, .ts = s.ts};
	if (d.action == ACTION_EDIT || d.action == ACTION_DELETE)
		apply_ref(w, chat, &d, s.seq);
	message_write(&v, &h, &d);
	put(w, TABLE_STORE, key_message(text(chat), s.seq), &v);
	chat_state_encode(&v, &s);
	put(w, TABLE_STORE, key_state(text(chat)), &v);
	put_mark(w, chat, from,
		&(struct mark){.delivered = s.seq, .read = s.seq, .read_n = s.n, .ts = s.ts});
	if (d.counts) {
		push_entry_encode(
			&w->pushed, &(struct push_entry){h.chat, s.seq, s.seq, s.n, s.ts});
		w->pushed_count++;
	}
	draft_finish(&d);
	return s.seq;
}

uint64_t world_sayf(struct world *w, const char *chat, const char *from, const char *fmt, ...)
{
	char payload[4096];
	va_list args;

	va_start(args, fmt);
	vsnprintf(payload, sizeof(payload), fmt, args);
	va_end(args);
	return world_say(w, chat, from, payload);
}

static uint64_t n_at(struct world *w, const char *chat, uint64_t seq)
{
	struct bytes v;

	return seq > 0 && get(w, TABLE_STORE, key_message(text(chat), seq), &v)
		       ? json_peek_u64(v.data, v.len, "n")
		       : 0;
}

void world_ack(
	struct world *w, const char *chat, const char *user, uint64_t delivered, uint64_t read)
{
	put_mark(w, chat, user,
		&(struct mark){.delivered = delivered,
			.read = read,
			.read_n = n_at(w, chat, read),
			.ts = w->now});
}

/* --- what came of it
 * ------------------------------------------------------------------------------ */

bool world_waits(struct world *w, const char *user, const char *device, const char *chat,
	struct push_waiting *out)
{
	struct push_whose whose = {text(user), text(device), text(chat)};
	enum err err = push_waiting_get(w->list, &whose, out);

	assert_true(err == ERR_OK || err == ERR_NOT_FOUND);
	return err == ERR_OK;
}

void assert_waiting(const struct push_waiting *got, const struct push_waiting *want)
{
	assert_int_equal(got->state, want->state);
	assert_int_equal(got->lane, want->lane);
	assert_int_equal(got->attempts, want->attempts);
	assert_int_equal(got->due, want->due);
	assert_int_equal(got->since, want->since);
	assert_int_equal(got->before, want->before);
	assert_int_equal(got->mention, want->mention);
}

struct count {
	struct world *w;
	size_t entries, dues, waiting;
};

static bool on_entry(
	void *ctx, struct bytes key, const struct push_whose *whose, const struct push_waiting *p)
{
	struct count *c = ctx;
	struct key due = key_push_due(p->lane, p->due, whose);
	struct bytes v;

	(void)key;
	c->entries++;
	c->waiting += p->state != PUSH_RESTING;
	assert_int_equal(store_get(c->w->store, NULL, key_bytes(&due), &v), ERR_OK);
	assert_int_equal(v.len, 0);
	free((void *)(uintptr_t)v.data);
	return true;
}

static bool count_one(void *ctx, struct bytes key, struct bytes value)
{
	size_t *count = ctx;

	(void)key;
	(void)value;
	++*count;
	return true;
}

static size_t count_keys(struct world *w, struct key prefix)
{
	size_t count = 0;

	assert_int_equal(
		store_each(w->store, NULL, key_bytes(&prefix), NOTHING, false, count_one, &count),
		ERR_OK);
	return count;
}

size_t world_count(struct world *w)
{
	struct count c = {.w = w};

	assert_int_equal(push_waiting_each(w->list, NOTHING, NOTHING, on_entry, &c), ERR_OK);
	assert_int_equal(count_keys(w, key_push_due_all()), c.entries);
	assert_int_equal(push_waiting_count(w->list), c.waiting);
	return c.entries;
}

size_t world_outbox(struct world *w)
{
	return count_keys(w, key_push_all());
}
