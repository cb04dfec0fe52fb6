/* identity.h — a user at a device, as far as access is concerned. */
#ifndef GNATTER_PLUGIN_IDENTITY_H
#define GNATTER_PLUGIN_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/jwt.h"
#include "wire/name.h"

#define MEMO_SLOTS 16

/* What is known of an identity in one state of the directory; kept by facts.c. */
struct memo {
	uint64_t version; /* 0: nothing is known */
	bool account_ok;
	uint64_t chats[MEMO_SLOTS]; /* chat number << 4 | what is known of it */
};

struct identity {
	char user[NAME_USER_MAX + 1];
	char device[NAME_DEVICE_MAX + 1];
	unsigned char user_len;
	bool system;     /* one of our own programs: no account */
	bool absent;     /* has no connection now, or one that is being replaced */
	bool role_fixed; /* the token said the role; else it is the account's of now */
	enum role role;
	bool reused;      /* the account's name belonged to another one before */
	uint64_t created; /* of the account that signed in, ms; 0: any of that name */
	struct memo memo;
};

/* Copies the names, which must not be longer than names can be. */
void identity_init(struct identity *id, const char *user, const char *device);

#endif
