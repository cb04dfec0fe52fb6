/* visible.c — see visible.h. */
#include "persist/visible.h"

#include "persist/keys.h"

/* The value under key in t, if there is one. */
static enum err look(struct directory_reader *r, enum table t, const struct key *k,
	struct bytes *value, bool *found)
{
	enum err e = directory_get(r, t, key_bytes(k), value);

	*found = e == ERR_OK;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

enum err visible_blocked(
	struct directory_reader *r, struct bytes owner, const struct viewer *v, bool *yes)
{
	struct key k = key_block(owner, v->user);
	struct bytes value;
	struct reader rd;
	enum err e = look(r, TABLE_BLOCKS, &k, &value, yes);

	if (e != ERR_OK || !*yes)
		return e;
	rd = reader_of(value.data, value.len);
	*yes = read_u64(&rd) >= v->created;
	return rd.failed || rd.at != rd.end ? ERR_CORRUPT : ERR_OK;
}

static enum err is_contact(
	struct directory_reader *r, struct bytes owner, const struct viewer *v, bool *yes)
{
	struct key k = key_contact(owner, v->user);
	struct bytes value;
	struct contact c;
	enum err e = look(r, TABLE_CONTACTS, &k, &value, yes);

	if (e != ERR_OK || !*yes)
		return e;
	e = contact_decode(&c, value);
	*yes = e == ERR_OK && c.since >= v->created;
	return e;
}

enum err visible(struct directory_reader *r, struct bytes owner, const struct user *u,
	enum privacy what, const struct viewer *v, bool *yes)
{
	enum visibility level = (enum visibility)u->privacy[what];
	bool blocked = false;
	enum err e;

	*yes = bytes_equal(owner, v->user.data, v->user.len);
	if (*yes || u->disabled || level == VISIBLE_NOBODY)
		return ERR_OK;
	e = visible_blocked(r, owner, v, &blocked);
	if (e != ERR_OK || blocked)
		return e;
	if (level == VISIBLE_CONTACTS)
		return is_contact(r, owner, v, yes);
	*yes = true;
	return ERR_OK;
}

const char *privacy_name(enum privacy what)
{
	static const char *const names[PRIVACY_COUNT] = {[PRIVACY_PRESENCE] = "presence",
		[PRIVACY_LAST_SEEN] = "last_seen",
		[PRIVACY_PROFILE] = "profile",
		[PRIVACY_STATUS] = "status"};

	return names[what];
}

const char *visibility_name(enum visibility level)
{
	static const char *const names[VISIBLE_COUNT] = {[VISIBLE_EVERYONE] = "everyone",
		[VISIBLE_CONTACTS] = "contacts",
		[VISIBLE_NOBODY] = "nobody"};

	return names[level];
}
