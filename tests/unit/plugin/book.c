/* book.c — see book.h. */
#include "book.h"

#include <string.h>
#include <sys/stat.h>

#include "place.h"

static enum err get_nothing(void *ctx, enum table t, struct bytes key, struct bytes *value)
{
	(void)ctx;
	(void)t;
	(void)key;
	*value = (struct bytes){NULL, 0};
	return ERR_NOT_FOUND;
}

static enum err each_nothing(void *ctx, enum table t, struct bytes prefix, struct bytes from,
	base_each_fn *fn, void *fn_ctx)
{
	(void)ctx;
	(void)t;
	(void)prefix;
	(void)from;
	(void)fn;
	(void)fn_ctx;
	return ERR_OK;
}

/* One entry, committed. value NULL: deleted. */
static void commit(struct directory *d, enum table t, struct key key, const struct buf *value)
{
	const struct base base = {.get = get_nothing, .each = each_nothing};
	struct batch *b = batch_create(&base);

	assert_non_null(b);
	if (value)
		batch_put(b, t, key_bytes(&key), (struct bytes){value->data, value->len});
	else
		batch_delete(b, t, key_bytes(&key));
	assert_err(directory_write(d, b, place_why, sizeof(place_why)), ERR_OK);
	batch_destroy(b);
}

void book_user(struct directory *d, const char *name, const struct user *u)
{
	struct buf b = {0};

	user_encode(&b, u);
	commit(d, TABLE_USERS, key_user(bytes_of_text(name)), &b);
	buf_free(&b);
}

void book_forget_user(struct directory *d, const char *name)
{
	commit(d, TABLE_USERS, key_user(bytes_of_text(name)), NULL);
}

void book_chat(struct directory *d, const char *name, enum group_kind kind)
{
	struct chat c = {.kind = kind, .by = bytes_of_text("alice")};
	struct buf b = {0};

	chat_encode(&b, &c);
	commit(d, TABLE_CHATS, key_chat(bytes_of_text(name)), &b);
	buf_free(&b);
}

void book_member(struct directory *d, const char *chat, const char *user, bool admin)
{
	struct member m = {.admin = admin};
	struct buf b = {0};

	member_encode(&b, &m);
	commit(d, TABLE_MEMBERS, key_member(bytes_of_text(chat), bytes_of_text(user)), &b);
	buf_free(&b);
}

void book_forget_member(struct directory *d, const char *chat, const char *user)
{
	commit(d, TABLE_MEMBERS, key_member(bytes_of_text(chat), bytes_of_text(user)), NULL);
}

void book_contact(struct directory *d, const char *user, const char *contact, uint64_t since)
{
	struct contact c = {.since = since};
	struct buf b = {0};

	contact_encode(&b, &c);
	commit(d, TABLE_CONTACTS, key_contact(bytes_of_text(user), bytes_of_text(contact)), &b);
	buf_free(&b);
}

void book_forget_contact(struct directory *d, const char *user, const char *contact)
{
	commit(d, TABLE_CONTACTS, key_contact(bytes_of_text(user), bytes_of_text(contact)), NULL);
}

void book_block(struct directory *d, const char *user, const char *blocked, uint64_t since)
{
	struct buf b = {0};

	buf_u64(&b, since);
	commit(d, TABLE_BLOCKS, key_block(bytes_of_text(user), bytes_of_text(blocked)), &b);
	buf_free(&b);
}

void book_forget_block(struct directory *d, const char *user, const char *blocked)
{
	commit(d, TABLE_BLOCKS, key_block(bytes_of_text(user), bytes_of_text(blocked)), NULL);
}

void book_remove_device(
	struct directory *d, const char *user, const char *device, uint64_t at, bool back)
{
	struct revoked r = {.at = at, .back = back};
	struct buf b = {0};

	revoked_encode(&b, &r);
	commit(d, TABLE_REVOKED, key_revoked(bytes_of_text(user), bytes_of_text(device)), &b);
	buf_free(&b);
}

void book_damage(struct directory *d, enum table t, struct key key)
{
	struct buf b = {0};

	buf_u8(&b, 0xff);
	commit(d, t, key, &b);
	buf_free(&b);
}

struct directory *book_make(void)
{
	struct directory *d;

	assert_int_equal(mkdir(in_place("data"), 0755), 0);
	assert_err(directory_open(&d, in_place("data/directory"), 16u << 20, DIRECTORY_CREATE,
			   place_why, sizeof(place_why)),
		ERR_OK);
	book_user(d, "alice", &(struct user){0});
	book_user(d, "bob", &(struct user){0});
	book_user(d, "carol", &(struct user){0});
	book_user(d, "dave", &(struct user){.disabled = true});
	book_user(d, "root", &(struct user){.role = ROLE_ADMIN});
	book_chat(d, "lobby", KIND_GROUP);
	book_member(d, "lobby", "alice", true);
	book_member(d, "lobby", "bob", false);
	book_member(d, "lobby", "dave", false);
	book_chat(d, "news", KIND_CHANNEL);
	book_member(d, "news", "alice", true);
	book_member(d, "news", "bob", false);
	return d;
}
