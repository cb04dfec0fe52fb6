/* contacts.c — whom a user knows, and whom he does not want to know: contact.*, block.*.
 *
 * Both lists name accounts, and a name may be given to somebody else after its account is removed.
 * What is older than the account it names was meant for the one before and counts as not there: the
 * lists of others need not be searched when an account goes.
 *
 * To whom is blocked, the one who blocked looks like an account that is not there. So a refusal for
 * a block is the same, to the letter, as one for a name that nobody has.
 */
#include "bridge/engine/internal.h"

static enum err state_contact(
	struct engine *e, struct bytes owner, struct bytes user, struct contact *out)
{
	struct key k = key_contact(owner, user);
	struct bytes v;
	enum err err = batch_get(e->batch, TABLE_CONTACTS, key_bytes(&k), &v);

	return err == ERR_OK ? contact_decode(out, v) : err;
}

static void put_contact(
	struct engine *e, struct bytes owner, struct bytes user, const struct contact *c)
{
	struct key k = key_contact(owner, user);
	struct buf *v = &e->scratch;

	buf_reset(v);
	contact_encode(v, c);
	if (v->failed)
		e->out->failed = true;
	else
		batch_put(e->batch, TABLE_CONTACTS, key_bytes(&k), (struct bytes){v->data, v->len});
}

static enum err state_block(
	struct engine *e, struct bytes owner, struct bytes user, uint64_t *since)
{
	struct key k = key_block(owner, user);
	struct bytes v;
	struct reader rd;
	enum err err = batch_get(e->batch, TABLE_BLOCKS, key_bytes(&k), &v);

	if (err != ERR_OK)
		return err;
	rd = reader_of(v.data, v.len);
	*since = read_u64(&rd);
	return rd.failed || rd.at != rd.end ? ERR_CORRUPT : ERR_OK;
}

static void put_block(struct engine *e, struct bytes owner, struct bytes user, uint64_t since)
{
	struct key k = key_block(owner, user);
	struct buf *v = &e->scratch;

	buf_reset(v);
	buf_u64(v, since);
	if (v->failed)
		e->out->failed = true;
	else
		batch_put(e->batch, TABLE_BLOCKS, key_bytes(&k), (struct bytes){v->data, v->len});
}

enum err state_has_blocked(struct engine *e, struct bytes owner, struct bytes user, bool *yes)
{
	struct user u;
	uint64_t since = 0;
	enum err err = state_block(e, owner, user, &since);

	if (err == ERR_OK)
		err = state_user(e, user, &u);
	*yes = err == ERR_OK && since >= u.created;
	return absent_is(err, ERR_OK);
}

enum err state_blocked(struct engine *e, struct bytes a, struct bytes b, bool *blocked)
{
	enum err err = state_has_blocked(e, a, b, blocked);

	return err == ERR_OK && !*blocked ? state_has_blocked(e, b, a, blocked) : err;
}

enum err contacts_forget(struct engine *e, struct bytes user)
{
	struct key contacts = key_contacts(user);
	struct key revoked = key_revoked_all(user);
	enum err err = state_forget(e, TABLE_CONTACTS, &contacts);

	return err == ERR_OK ? state_forget(e, TABLE_REVOKED, &revoked) : err;
}

enum err blocks_forget(struct engine *e, struct bytes user)
{
	struct key blocks = key_blocks(user);

	return state_forget(e, TABLE_BLOCKS, &blocks);
}

/* The user that the request names, who is not the caller; and when that account was made. `self`:
 * a sentence for who names himself. */
static enum err find_other(
	struct request *q, const char *self, struct bytes *user, uint64_t *created)
{
	struct user u;
	enum err err = request_user(q, "user", user);

	if (err == ERR_OK && bytes_equal(*user, q->r->user.data, q->r->user.len)) {
		q->why = self;
		return ERR_CONFLICT;
	}
	if (err == ERR_OK)
		err = request_find(q, *user, &u);
	if (err == ERR_OK)
		*created = u.created;
	return err;
}

/* The user that the request names: not the caller, and nobody who has blocked him, who is not there
 * for him. */
static enum err find_visible(
	struct request *q, const char *self, struct bytes *user, uint64_t *created)
{
	bool blocked = false;
	enum err err = find_other(q, self, user, created);

	if (err == ERR_OK)
		err = state_has_blocked(q->e, *user, q->r->user, &blocked);
	if (err == ERR_OK && blocked) {
		q->why = "there is no such user";
		err = ERR_NOT_FOUND;
	}
	return err;
}

/* Is there room for one more in the list of t? */
static enum err check_room(
	struct request *q, enum table t, struct key list, int64_t max, const char *full)
{
	size_t count;
	enum err err = state_count(q->e, t, &list, (size_t)max, &count);

	if (err == ERR_OK && count >= (size_t)max) {
		q->why = full;
		return ERR_LIMIT;
	}
	return err;
}

/* --- contacts
 * ---------------------------------------------------------------------------------------- */

static bool is_for_contacts(const struct user *u, enum privacy what)
{
	return u->privacy[what] == VISIBLE_CONTACTS;
}

/* There is one contact more, who may see more. */
static enum err show_contacts(struct request *q, const struct user *self)
{
	enum err err = ERR_OK;

	if (is_for_contacts(self, PRIVACY_PRESENCE) || is_for_contacts(self, PRIVACY_LAST_SEEN))
		err = presence_tell(q->e, q->r, q->r->user, HINT_AGAIN);
	if (err == ERR_OK && is_for_contacts(self, PRIVACY_STATUS))
		err = story_again(q->e, q->r, q->r->user);
	return err;
}

/* The user sees no longer what is for the caller's contacts, what is for everyone. */
static enum err hide_from(struct request *q, const struct user *self, struct bytes user,
	bool for_contacts, bool for_everyone)
{
	static const enum privacy shown[] = {PRIVACY_PRESENCE, PRIVACY_STATUS};
	enum err err = ERR_OK;

	for (size_t i = 0; i < 2 && err == ERR_OK; i++) {
		enum visibility level = (enum visibility)self->privacy[shown[i]];

		if ((level == VISIBLE_CONTACTS && for_contacts) ||
			(level == VISIBLE_EVERYONE && for_everyone))
			err = hide(q->e, q->r, q->r->user, shown[i], user, level);
	}
	return err;
}

/* Is the user one of the caller's contacts, and the entry not for somebody who had the name before?
 */
static enum err is_contact(struct request *q, struct bytes user, bool *yes)
{
	struct contact c;
	struct user u;
	enum err err = state_contact(q->e, q->r->user, user, &c);

	if (err == ERR_OK)
		err = state_user(q->e, user, &u);
	*yes = err == ERR_OK && c.since >= u.created;
	return absent_is(err, ERR_OK);
}

/* The entry as it is, or is to be. *fresh: there was none for this account. */
static enum err load_contact(
	struct request *q, struct bytes user, uint64_t created, struct contact *c, bool *fresh)
{
	struct bytes self = q->r->user;
	enum err err = state_contact(q->e, self, user, c);

	*fresh = err == ERR_NOT_FOUND || (err == ERR_OK && c->since < created);
	if (err == ERR_NOT_FOUND)
		err = check_room(q, TABLE_CONTACTS, key_contacts(self),
			q->e->conf->contacts_per_user_max, "there are as many contacts as allowed");
	if (*fresh)
		*c = (struct contact){.since = q->r->ts};
	return err;
}

enum err method_contact_add(struct request *q)
{
	struct bytes user = {0};
	struct bytes alias = {0};
	uint64_t created = 0;
	struct contact c;
	struct user self;
	bool fresh;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = find_visible(q, "nobody is a contact of himself", &user, &created);
	if (err == ERR_OK &&
		json_string(&q->json, "alias", 0, DISPLAY_NAME_MAX, &alias) != ERR_OK) {
		q->why = "\"alias\" must be a string of at most 128 bytes";
		err = ERR_BAD_REQUEST;
	}
	if (err == ERR_OK)
		err = load_contact(q, user, created, &c, &fresh);
	if (err != ERR_OK)
		return err;
	if (alias.data)
		c.name = alias;
	put_contact(q->e, q->r->user, user, &c);
	event_own(q->e, q->r, "contact.added", "user", user);
	return fresh ? show_contacts(q, &self) : ERR_OK;
}

enum err method_contact_remove(struct request *q)
{
	struct bytes user = {0};
	struct contact c;
	struct user self;
	struct key k;
	bool counts, blocked;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = request_user(q, "user", &user);
	if (err == ERR_OK) {
		err = state_contact(q->e, q->r->user, user, &c);
		if (err == ERR_NOT_FOUND)
			q->why = "the user is none of the contacts";
	}
	if (err == ERR_OK)
		err = is_contact(q, user, &counts);
	if (err == ERR_OK)
		err = state_has_blocked(q->e, q->r->user, user, &blocked);
	if (err != ERR_OK)
		return err;
	k = key_contact(q->r->user, user);
	batch_delete(q->e->batch, TABLE_CONTACTS, key_bytes(&k));
	event_own(q->e, q->r, "contact.removed", "user", user);
	return hide_from(q, &self, user, counts && !blocked, false);
}

/* --- blocks
 * ------------------------------------------------------------------------------------------ */

/* The name of their one-to-one chat. */
static struct bytes pair_of(char out[NAME_CHAT_MAX + 1], struct bytes user, struct bytes other)
{
	char a[NAME_USER_MAX + 1], b[NAME_USER_MAX + 1];

	snprintf(a, sizeof(a), "%.*s", (int)user.len, user.data);
	snprintf(b, sizeof(b), "%.*s", (int)other.len, other.data);
	return (struct bytes){out, name_pair(out, a, b)};
}

/* Does the caller know the name, as a contact's or from a one-to-one chat? */
static enum err is_known(struct request *q, struct bytes user, bool *yes)
{
	char pair[NAME_CHAT_MAX + 1];
	struct bytes self = q->r->user;
	struct contact c;
	struct member m;
	enum err err = state_contact(q->e, self, user, &c);

	if (err == ERR_NOT_FOUND)
		err = state_member(q->e, pair_of(pair, self, user), self, &m);
	*yes = err == ERR_OK;
	return absent_is(err, ERR_OK);
}

/* Whom one knows may be blocked whether he is there, has blocked the caller, or is gone: so the
 * answer tells none of it. */
static enum err find_to_block(struct request *q, struct bytes *user, uint64_t *created)
{
	enum err err = find_visible(q, "nobody blocks himself", user, created);
	bool known = false;

	if (err != ERR_NOT_FOUND)
		return err;
	err = is_known(q, *user, &known);
	if (err == ERR_OK && !known)
		return ERR_NOT_FOUND;
	q->why = NULL;
	return err;
}

enum err method_block_add(struct request *q)
{
	struct engine *e = q->e;
	struct bytes user = {0};
	uint64_t created = 0;
	uint64_t since = 0;
	struct user self;
	bool contact = false;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = find_to_block(q, &user, &created);
	if (err == ERR_OK)
		err = is_contact(q, user, &contact);
	if (err != ERR_OK)
		return err;
	err = state_block(e, q->r->user, user, &since);
	if (err == ERR_OK && since >= created)
		return ERR_OK;
	if (err == ERR_NOT_FOUND)
		err = check_room(q, TABLE_BLOCKS, key_blocks(q->r->user),
			e->conf->blocks_per_user_max, "there are as many blocks as allowed");
	if (err != ERR_OK)
		return err;
	put_block(e, q->r->user, user, q->r->ts);
	event_own(e, q->r, "block.added", "user", user);
	return hide_from(q, &self, user, contact, true);
}

/* What the two have read in their chat meanwhile was told to nobody else: now it is. */
static void tell_marks_again(struct engine *e, const struct record *r, struct bytes other)
{
	char pair[NAME_CHAT_MAX + 1];
	struct bytes chat = pair_of(pair, r->user, other);

	outbox_hint(e->out, HINT_MARK_AGAIN, r->user, chat, r->ts);
	outbox_hint(e->out, HINT_MARK_AGAIN, other, chat, r->ts);
}

enum err method_block_remove(struct request *q)
{
	struct engine *e = q->e;
	struct bytes user = {0};
	uint64_t since;
	struct user self;
	struct key k;
	enum err err = request_account(q, &self);

	if (err == ERR_OK)
		err = request_user(q, "user", &user);
	if (err == ERR_OK) {
		err = state_block(e, q->r->user, user, &since);
		if (err == ERR_NOT_FOUND)
			q->why = "the user is not blocked";
	}
	if (err != ERR_OK)
		return err;
	k = key_block(q->r->user, user);
	batch_delete(e->batch, TABLE_BLOCKS, key_bytes(&k));
	event_own(e, q->r, "block.removed", "user", user);
	tell_marks_again(e, q->r, user);
	err = presence_tell(e, q->r, q->r->user, HINT_AGAIN);
	return err == ERR_OK ? story_again(e, q->r, q->r->user) : err;
}
