/* keys.c
 *
 * A key is built left to right by put_*; a part that does not fit makes the whole key empty, and an
 * empty key is found nowhere.
 */
#include "persist/keys.h"

#include <string.h>

#define TOO_LONG (KEY_MAX + 1u) /* len while building, after a part that did not fit */

static void put_raw(struct key *k, const void *data, size_t len)
{
	if (k->len > KEY_MAX || len > KEY_MAX - k->len) {
		k->len = TOO_LONG;
		return;
	}
	if (len)
		memcpy(k->data + k->len, data, len);
	k->len += len;
}

static void put_string(struct key *k, struct bytes s)
{
	unsigned char len = (unsigned char)s.len;

	if (s.len > UINT8_MAX) {
		k->len = TOO_LONG;
		return;
	}
	put_raw(k, &len, 1);
	put_raw(k, s.data, s.len);
}

static void put_number(struct key *k, uint64_t v)
{
	unsigned char be[8];

	for (int i = 0; i < 8; i++)
		be[i] = (unsigned char)(v >> (56 - 8 * i));
	put_raw(k, be, sizeof(be));
}

static void seal(struct key *k)
{
	if (k->len > KEY_MAX)
		k->len = 0;
}

/* A key of the store: a letter, then up to three strings (data NULL: no such part). */
static void build(struct key *k, char letter, struct bytes a, struct bytes b, struct bytes c)
{
	k->len = 0;
	if (letter)
		put_raw(k, &letter, 1);
	if (a.data)
		put_string(k, a);
	if (b.data)
		put_string(k, b);
	if (c.data)
		put_string(k, c);
}

static const struct bytes none = {NULL, 0};

/* A part that is there though empty: data must not be NULL then. */
static struct bytes part(struct bytes b)
{
	return b.data ? b : (struct bytes){"", 0};
}

struct key key_message(struct bytes chat, uint64_t seq)
{
	struct key k;

	build(&k, 'm', part(chat), none, none);
	put_number(&k, seq);
	seal(&k);
	return k;
}

struct key key_messages(struct bytes chat)
{
	struct key k;

	build(&k, 'm', part(chat), none, none);
	seal(&k);
	return k;
}

struct key key_state(struct bytes chat)
{
	struct key k;

	build(&k, 's', part(chat), none, none);
	seal(&k);
	return k;
}

struct key key_dedupe(struct bytes chat, struct bytes user, struct bytes id)
{
	struct key k;

	build(&k, 'd', part(chat), part(user), part(id));
	seal(&k);
	return k;
}

struct bytes key_dedupe_writer(struct bytes key)
{
	struct reader r = reader_of(key.data, key.len);

	if (read_u8(&r) != 'd')
		return (struct bytes){NULL, 0};
	read_bytes(&r, read_u8(&r)); /* chat */
	read_bytes(&r, read_u8(&r)); /* user */
	return (struct bytes){key.data, r.failed ? 0 : (size_t)(r.at - key.data)};
}

struct key key_mark(struct bytes chat, struct bytes user)
{
	struct key k;

	build(&k, 'k', part(chat), part(user), none);
	seal(&k);
	return k;
}

bool key_is_asked_often(struct bytes key)
{
	return key.len > 0 && memchr("skvltrw", key.data[0], 7) != NULL;
}

struct key key_marks(struct bytes chat)
{
	struct key k;

	build(&k, 'k', part(chat), none, none);
	seal(&k);
	return k;
}

struct key key_owed(uint64_t number, uint32_t part_number)
{
	struct key k;

	build(&k, 'o', none, none, none);
	put_number(&k, number);
	put_number(&k, part_number);
	return k;
}

struct key key_owed_all(void)
{
	struct key k;

	build(&k, 'o', none, none, none);
	return k;
}

struct key key_removed(struct bytes user)
{
	struct key k;

	build(&k, 'r', part(user), none, none);
	seal(&k);
	return k;
}

struct key key_edits(struct bytes chat, uint64_t seq)
{
	struct key k;

	build(&k, 'e', part(chat), none, none);
	put_number(&k, seq);
	seal(&k);
	return k;
}

/* A letter and up to two strings; b.data NULL: one, a.data NULL: none. */
static struct key two_names(char letter, struct bytes a, struct bytes b)
{
	struct key k;

	build(&k, letter, a, b, none);
	seal(&k);
	return k;
}

struct key key_session(struct bytes user, struct bytes client)
{
	return two_names('w', user, client);
}

struct key key_sessions(struct bytes user)
{
	return two_names('w', user, none);
}

struct key key_sessions_all(void)
{
	return two_names('w', none, none);
}

/* LevelDB walks over every key that was deleted lately to find the next that was not. Where ten
 * thousand users have gone at once, a look at one's sessions would walk over those of all behind
 * him. This key is never deleted while there is the account, and ends the walk. */
struct key key_sessions_end(struct bytes user)
{
	static const unsigned char last = 0xff;
	struct key k = key_sessions(user);

	put_raw(&k, &last, 1);
	return k;
}

struct key key_device(struct bytes user, struct bytes device)
{
	return two_names('v', user, device);
}

struct key key_devices(struct bytes user)
{
	return two_names('v', user, none);
}

struct key key_devices_all(void)
{
	return two_names('v', none, none);
}

struct key key_seen(struct bytes user)
{
	return two_names('l', user, none);
}

struct key key_seen_all(void)
{
	return two_names('l', none, none);
}

struct key key_shown(struct bytes user)
{
	return two_names('t', user, none);
}

struct key key_shown_all(void)
{
	return two_names('t', none, none);
}

struct key key_story(struct bytes user)
{
	return two_names('j', user, none);
}

struct key key_stories_all(void)
{
	return two_names('j', none, none);
}

struct key key_mute(struct bytes user, struct bytes chat)
{
	return two_names('q', user, chat);
}

struct key key_mutes(struct bytes user)
{
	return two_names('q', user, none);
}

struct key key_pending(struct bytes chat, struct bytes user)
{
	return two_names('h', chat, user);
}

struct key key_pending_all(void)
{
	return two_names('h', none, none);
}

struct key key_registration(struct bytes user, struct bytes device)
{
	return two_names('g', user, device);
}

struct key key_registrations(struct bytes user)
{
	return two_names('g', user, none);
}

struct key key_registrations_all(void)
{
	return two_names('g', none, none);
}

struct key key_push_owner(const unsigned char hash[PUSH_HASH_BYTES])
{
	struct key k;

	build(&k, 'y', none, none, none);
	put_raw(&k, hash, PUSH_HASH_BYTES);
	return k;
}

struct key key_push_prefs(struct bytes user)
{
	return two_names('u', user, none);
}

struct key key_push(uint64_t number)
{
	struct key k;

	build(&k, 'p', none, none, none);
	put_number(&k, number);
	return k;
}

struct key key_push_all(void)
{
	return two_names('p', none, none);
}

struct key key_meta(const char *name)
{
	struct key k;

	build(&k, 'x', (struct bytes){name, strlen(name)}, none, none);
	seal(&k);
	return k;
}

/* Bare, as nothing follows: so they stand in the order of the alphabet. */
struct key key_user(struct bytes user)
{
	struct key k;

	k.len = 0;
	put_raw(&k, user.data, user.len);
	seal(&k);
	return k;
}

/* A name that others follow. */
static struct key key_first(struct bytes name)
{
	struct key k;

	build(&k, 0, part(name), none, none);
	seal(&k);
	return k;
}

struct key key_chat(struct bytes chat)
{
	return key_user(chat);
}

struct key key_member(struct bytes chat, struct bytes user)
{
	struct key k;

	build(&k, 0, part(chat), part(user), none);
	seal(&k);
	return k;
}

struct key key_members(struct bytes chat)
{
	return key_first(chat);
}

struct key key_list(struct bytes user, struct bytes chat)
{
	return key_member(user, chat);
}

struct key key_lists(struct bytes user)
{
	return key_first(user);
}

struct key key_contact(struct bytes user, struct bytes contact)
{
	return key_member(user, contact);
}

struct key key_contacts(struct bytes user)
{
	return key_first(user);
}

struct key key_block(struct bytes user, struct bytes blocked)
{
	return key_member(user, blocked);
}

struct key key_blocks(struct bytes user)
{
	return key_first(user);
}

struct key key_revoked(struct bytes user, struct bytes device)
{
	return key_member(user, device);
}

struct key key_revoked_all(struct bytes user)
{
	return key_first(user);
}

void key_names(struct bytes key, struct bytes *a, struct bytes *b)
{
	struct reader r = reader_of(key.data, key.len);

	read_u8(&r);
	*a = read_bytes(&r, read_u8(&r));
	*b = (struct bytes){"", 0};
	if (!r.failed && r.at != r.end)
		*b = read_bytes(&r, read_u8(&r));
	if (r.failed || r.at != r.end)
		*a = *b = (struct bytes){"", 0};
}

struct bytes key_last_name(struct bytes key)
{
	struct reader r = reader_of(key.data, key.len);
	struct bytes name;

	read_bytes(&r, read_u8(&r));
	name = read_bytes(&r, read_u8(&r));
	if (r.failed || r.at != r.end)
		return (struct bytes){"", 0};
	return name;
}

uint64_t key_message_seq(struct bytes key)
{
	struct reader r;

	if (key.len < 8)
		return 0;
	r = reader_of(key.data + key.len - 8, 8);
	return read_u64_be(&r);
}

uint64_t key_push_number(struct bytes key)
{
	return key_message_seq(key);
}

void key_owed_parts(struct bytes key, uint64_t *number, uint32_t *part_number)
{
	struct reader r = reader_of(key.data, key.len);

	read_u8(&r);
	*number = read_u64_be(&r);
	*part_number = (uint32_t)read_u64_be(&r);
}
