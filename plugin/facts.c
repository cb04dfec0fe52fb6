/* facts.c — see facts.h. Measured by the unit test: an answer from the memo some nanoseconds, one
 * from the directory 0.4 us. */
#include "facts.h"

#include <stdlib.h>
#include <string.h>

struct facts {
	struct directory *directory;
	struct directory_reader *reader;
	struct counters *counters;
};

void identity_init(struct identity *id, const char *user, const char *device)
{
	size_t len = strnlen(user, NAME_USER_MAX);

	*id = (struct identity){.user_len = (unsigned char)len};
	memcpy(id->user, user, len);
	memcpy(id->device, device, strnlen(device, NAME_DEVICE_MAX));
}

/* What the directory says. */

static bool failed(struct facts *f, enum err e)
{
	if (e == ERR_OK || e == ERR_NOT_FOUND)
		return false;
	f->counters->directory_failures++;
	return true;
}

/* Let the reader look at the newest state. Returns its number; 0 if that fails. While a commit is
 * being synced it may be behind directory_version(); see there. */
static uint64_t look(struct facts *f)
{
	if (directory_reader_version(f->reader) != directory_version(f->directory) &&
		failed(f, directory_refresh(f->reader)))
		return 0;
	return directory_reader_version(f->reader);
}

enum err facts_account(struct facts *f, struct bytes user, struct user *u)
{
	struct key key = key_user(user);
	struct bytes value;
	enum err e;

	*u = (struct user){0};
	if (look(f) == 0)
		return ERR_IO;
	e = directory_get(f->reader, TABLE_USERS, key_bytes(&key), &value);
	if (e == ERR_OK)
		e = user_decode(u, value);
	failed(f, e);
	return e;
}

/* Forget, and begin anew with the account, on the state with that number. */
static bool learn(struct facts *f, struct identity *id, uint64_t version)
{
	struct user u;
	enum err e;

	id->memo = (struct memo){0};
	if (id->system) {
		id->memo.account_ok = true;
	} else {
		e = facts_account(f, (struct bytes){id->user, id->user_len}, &u);
		if (e != ERR_OK && e != ERR_NOT_FOUND)
			return false;
		id->memo.account_ok = e == ERR_OK && !u.disabled &&
				      (id->created == 0 || id->created == u.created);
		if (!id->role_fixed)
			id->role = u.role;
	}
	id->memo.version = version;
	return id->memo.account_ok;
}

bool facts_account_ok(struct facts *f, struct identity *id)
{
	uint64_t version;

	if (id->memo.version == directory_version(f->directory))
		return id->memo.account_ok;
	version = look(f);
	if (version == 0)
		return false;
	if (id->memo.version == version)
		return id->memo.account_ok;
	return learn(f, id, version);
}

/* The two users of a pair may read and send while both exist. */
static enum err ask_pair(
	struct facts *f, const struct identity *id, struct bytes chat, size_t split, bool *yes)
{
	struct bytes first = {chat.data, split};
	struct bytes second = {chat.data + split + 1, chat.len - split - 1};
	bool is_first = bytes_equal(first, id->user, id->user_len);
	struct user other;
	enum err e;

	*yes = false;
	if (!is_first && !bytes_equal(second, id->user, id->user_len))
		return ERR_OK;
	e = facts_account(f, is_first ? second : first, &other);
	*yes = e == ERR_OK;
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

/* Is the user a member of the group and, to send to a channel, its admin? */
static enum err ask_group(
	struct facts *f, const struct identity *id, struct bytes chat, bool send, bool *yes)
{
	struct key key = key_member(chat, (struct bytes){id->user, id->user_len});
	struct bytes value;
	struct member m;
	bool channel;
	enum err e = directory_get(f->reader, TABLE_MEMBERS, key_bytes(&key), &value);

	*yes = false;
	if (e == ERR_NOT_FOUND)
		return ERR_OK;
	if (e == ERR_OK)
		e = member_decode(&m, value);
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

void facts_rest(struct facts *f)
{
	uint64_t version = directory_reader_version(f->reader);

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
