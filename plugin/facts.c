/* facts.c — see facts.h. Measured by the unit test: an answer from the memo some nanoseconds, one
 * from the directory 0.4 us, whether somebody may be seen 0.5 us. */
#include "facts.h"
#include "persist/keys.h"

#include <stdlib.h>
#include <string.h>

#include "persist/visible.h"

#define RELIEF_PERIOD_MS 1000
#define RELIEF_QUIET     100  /* lookups in a period */
#define RELIEF_AFTER     1000 /* lookups since the last time */

struct facts {
	struct directory *directory;
	struct directory_reader *reader;
	struct counters *counters;
	int64_t period_ms; /* when the period began in which lookups are counted now */
	uint64_t counted;  /* lookups before it */
	uint64_t relieved; /* lookups before pages were given back last */
};

void identity_init(struct identity *id, const char *user, const char *device)
{
	*id = (struct identity){.user = user,
		.device = device,
		.user_len = (unsigned char)strnlen(user, NAME_USER_MAX),
		.device_len = (unsigned char)strnlen(device, NAME_DEVICE_MAX)};
}

/* What the directory says. */

static bool failed(struct facts *f, enum err e)
{
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		return false;
	f->counters->directory_failures++;
	return true;
}

/* Let the reader look at the newest state. While a commit is being synced it may be behind
 * directory_version(); see there. */
static enum err look(struct facts *f)
{
	if (directory_reader_version(f->reader) == directory_version(f->directory))
		return ERR_OK;
	return directory_refresh(f->reader);
}

static enum err read_account(struct facts *f, struct bytes user, struct user *u)
{
	struct key key = key_user(user);
	struct bytes value;
	enum err e = look(f);

	*u = (struct user){0};
	if (e == ERR_OK)
		e = directory_get(f->reader, TABLE_USERS, key_bytes(&key), &value);
	if (e == ERR_OK)
		e = user_decode(u, value);
	return e;
}

static enum err read_removed(
	struct facts *f, struct bytes user, struct bytes device, struct revoked *out)
{
	struct key key = key_revoked(user, device);
	struct bytes value;
	enum err e = look(f);

	*out = (struct revoked){0};
	if (e == ERR_OK)
		e = directory_get(f->reader, TABLE_REVOKED, key_bytes(&key), &value);
	if (e == ERR_OK)
		e = revoked_decode(out, value);
	return e;
}

enum err facts_account(struct facts *f, struct bytes user, struct user *u)
{
	enum err e = read_account(f, user, u);

	failed(f, e);
	return e;
}

enum err facts_removed(struct facts *f, struct bytes user, struct bytes device, struct revoked *out)
{
	enum err e = read_removed(f, user, device, out);

	failed(f, e);
	return e;
}

static enum err learn_account(struct facts *f, struct identity *id)
{
	struct user u;
	enum err e = read_account(f, identity_user(id), &u);

	if (e != ERR_OK && e != ERR_NOT_FOUND)
		return e;
	id->memo.account_ok =
		e == ERR_OK && !u.disabled && (id->created == 0 || id->created == u.created);
	id->memo.created = u.created;
	id->memo.receipts_hidden = u.receipts_hidden;
	if (!id->role_fixed)
		id->role = (unsigned char)u.role;
	return ERR_OK;
}

/* Whose session waits for a device that was removed: until it has signed in again, for nobody. */
static enum err learn_removed(struct facts *f, struct identity *id)
{
	struct revoked r;
	enum err e;

	if (!id->absent || id->ephemeral)
		return ERR_OK;
	e = read_removed(f, identity_user(id), identity_device(id), &r);
	id->memo.removed = e == ERR_OK && !r.back;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

/* Forget, and begin anew with the account, on the state with that number. */
static bool learn(struct facts *f, struct identity *id, uint64_t version)
{
	enum err e = ERR_OK;

	id->memo = (struct memo){.account_ok = id->system};
	if (!id->system)
		e = learn_account(f, id);
	if (e == ERR_OK && !id->system)
		e = learn_removed(f, id);
	if (failed(f, e)) {
		id->memo = (struct memo){0};
		return false;
	}
	id->memo.version = version;
	return id->memo.account_ok;
}

bool facts_account_ok(struct facts *f, struct identity *id)
{
	uint64_t version;

	if (id->memo.version == directory_version(f->directory))
		return id->memo.account_ok;
	if (failed(f, look(f)))
		return false;
	version = directory_reader_version(f->reader);
	if (id->memo.version == version)
		return id->memo.account_ok;
	return learn(f, id, version);
}

bool facts_visible(struct facts *f, const struct identity *id, struct bytes owner,
	enum privacy what, enum privacy also)
{
	struct viewer viewer = {identity_user(id), id->memo.created};
	struct user u;
	bool yes = false;
	enum err e = read_account(f, owner, &u);

	if (u.privacy[also] > u.privacy[what])
		what = also; /* who sees what is for fewer sees the other, too */
	if (e == ERR_OK && !u.disabled)
		e = visible(f->reader, owner, &u, what, &viewer, &yes);
	return !failed(f, e) && yes;
}

bool facts_could_see(
	struct facts *f, const struct identity *id, struct bytes owner, enum visibility level)
{
	struct viewer viewer = {identity_user(id), id->memo.created};
	struct user u;
	bool yes = false;
	enum err e = read_account(f, owner, &u);

	u.disabled = false;
	u.privacy[PRIVACY_PRESENCE] = (uint8_t)level;
	if (e == ERR_NOT_FOUND && level != VISIBLE_NOBODY) { /* its contacts went with it */
		u.privacy[PRIVACY_PRESENCE] = VISIBLE_EVERYONE;
		e = ERR_OK;
	}
	if (e == ERR_OK)
		e = visible(f->reader, owner, &u, PRIVACY_PRESENCE, &viewer, &yes);
	return !failed(f, e) && yes;
}

/* Has one of the two blocked the other? created: of the other's account. */
static enum err ask_blocked(
	struct facts *f, const struct identity *id, struct bytes other, uint64_t created, bool *yes)
{
	struct viewer me = {identity_user(id), id->memo.created};
	struct viewer them = {other, created};
	enum err e = visible_blocked(f->reader, other, &me, yes);

	if (e == ERR_OK && !*yes)
		e = visible_blocked(f->reader, me.user, &them, yes);
	return e;
}

/* The two users of a pair may read and send while both exist and neither has blocked the other. */
static enum err ask_pair(
	struct facts *f, const struct identity *id, struct bytes chat, size_t split, bool *yes)
{
	struct bytes first = {chat.data, split};
	struct bytes second = {chat.data + split + 1, chat.len - split - 1};
	bool is_first = bytes_equal(first, id->user, id->user_len);
	struct bytes other = is_first ? second : first;
	bool blocked;
	struct user u;
	enum err e;

	*yes = false;
	if (!is_first && !bytes_equal(second, id->user, id->user_len))
		return ERR_OK;
	e = read_account(f, other, &u);
	if (e == ERR_OK)
		e = ask_blocked(f, id, other, u.created, &blocked);
	*yes = e == ERR_OK && !blocked;
	return e == ERR_NOT_FOUND ? ERR_OK : e;
}

static enum err ask_is_channel(struct facts *f, struct bytes chat, bool *yes)
{
	struct key key = key_chat(chat);
	struct bytes value;
	struct chat c;
	enum err e = directory_get(f->reader, TABLE_CHATS, key_bytes(&key), &value);

	if (e == ERR_OK)
		e = chat_decode(&c, value);
	*yes = e == ERR_OK && c.kind == KIND_CHANNEL;
	return e == ERR_NOT_FOUND ? ERR_CORRUPT : e;
}

static enum err read_member(
	struct facts *f, const struct identity *id, struct bytes chat, struct member *m)
{
	struct key key = key_member(chat, identity_user(id));
	struct bytes value;
	enum err e = directory_get(f->reader, TABLE_MEMBERS, key_bytes(&key), &value);

	return e == ERR_OK ? member_decode(m, value) : e;
}

/* Is the user a member of the group and, to send to a channel, its admin? */
static enum err ask_group(
	struct facts *f, const struct identity *id, struct bytes chat, bool send, bool *yes)
{
	struct member m;
	bool channel;
	enum err e = read_member(f, id, chat, &m);

	*yes = false;
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e != ERR_OK)
		return e;
	*yes = true;
	if (!send || m.admin)
		return ERR_OK;
	e = ask_is_channel(f, chat, &channel);
	*yes = e == ERR_OK && !channel;
	return e;
}

/* What an identity remembers of a chat. */

enum {
	READ_KNOWN = 1,
	READ_YES = 2,
	SEND_KNOWN = 4,
	SEND_YES = 8,
	FACTS = 4, /* bits of them */
};

static bool ask(struct facts *f, struct identity *id, struct bytes chat, bool send, uint64_t *fact)
{
	size_t split;
	bool yes = false;
	enum err e = ERR_OK;

	switch (name_chat_kind(chat.data, chat.len, &split)) {
	case CHAT_PAIR:
		e = ask_pair(f, id, chat, split, &yes);
		break;
	case CHAT_GROUP:
		e = ask_group(f, id, chat, send, &yes);
		break;
	case CHAT_NONE:
		break;
	}
	if (failed(f, e))
		return false;
	*fact |= send ? SEND_KNOWN | (yes ? SEND_YES : 0) : READ_KNOWN | (yes ? READ_YES : 0);
	return yes;
}

bool facts_chat(struct facts *f, struct identity *id, uint64_t number, struct bytes chat, bool send)
{
	uint64_t *fact = &id->memo.chats[number % MEMO_SLOTS];

	if (*fact >> FACTS != number)
		*fact = number << FACTS;
	if (*fact & (send ? SEND_KNOWN : READ_KNOWN))
		return *fact & (send ? SEND_YES : READ_YES);
	return !id->system && ask(f, id, chat, send, fact);
}

bool facts_member(struct facts *f, const struct identity *id, struct bytes chat)
{
	struct member m;
	enum err e = ERR_NOT_FOUND;

	if (!id->system && chat.len > 0)
		e = read_member(f, id, chat, &m);
	failed(f, e);
	return e == ERR_OK;
}

/* Ten thousand users who come and subscribe leave megabytes of pages looked at; those of few
 * lookups are not worth it, and while there are many the pages are needed. */
static void relieve(struct facts *f, int64_t clock_ms)
{
	uint64_t lookups = directory_reader_lookups(f->reader);

	if (clock_ms - f->period_ms < RELIEF_PERIOD_MS)
		return;
	if (lookups - f->counted < RELIEF_QUIET && lookups - f->relieved > RELIEF_AFTER) {
		directory_relieve(f->directory);
		f->relieved = lookups;
	}
	f->counted = lookups;
	f->period_ms = clock_ms;
}

void facts_rest(struct facts *f, int64_t clock_ms)
{
	uint64_t version = directory_reader_version(f->reader);

	relieve(f, clock_ms);
	if (version != 0 && version != directory_version(f->directory))
		directory_rest(f->reader);
}

enum err facts_create(struct facts **out, struct directory *directory, struct counters *counters)
{
	struct facts *f = calloc(1, sizeof(*f));
	enum err e;

	*out = NULL;
	if (!f)
		return ERR_NOMEM;
	f->directory = directory;
	f->counters = counters;
	e = directory_reader_create(&f->reader, directory);
	if (e != ERR_OK) {
		free(f);
		return e;
	}
	*out = f;
	return ERR_OK;
}

void facts_destroy(struct facts *f)
{
	if (!f)
		return;
	directory_reader_destroy(f->reader);
	free(f);
}
