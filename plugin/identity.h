/* identity.h — a user at a device, as far as access is concerned. */
#ifndef GNATTER_PLUGIN_IDENTITY_H
#define GNATTER_PLUGIN_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

#include "wire/jwt.h"
#include "wire/name.h"

#define MEMO_SLOTS 8

/* What is known of an identity in one state of the directory; kept by facts.c. */
struct memo {
	uint64_t version; /* 0: nothing is known */
	uint64_t created; /* of the account, ms */
	bool account_ok;
	bool receipts_hidden;
	bool removed;               /* the device, and it has not come back; only of the absent */
	uint64_t chats[MEMO_SLOTS]; /* chat number << 4 | what is known of it */
};

/* The names are lent: they stay where they are for as long as the identity. */
struct identity {
	const char *user, *device;
	unsigned char user_len, device_len, role; /* enum role */
	bool system;                              /* one of our own programs: no account */
	bool absent;      /* has no connection now, or one that is being replaced */
	bool role_fixed;  /* the token said the role; else it is the account's of now */
	bool ephemeral;   /* a client id without a device of its own */
	bool doubt;       /* what is queued for its session may be older than `floor` */
	uint64_t created; /* of the account that signed in, ms; 0: any of that name */
	uint64_t
		floor; /* ms: what is queued from then or before was not for this user, or device */
	struct memo memo;
};

void identity_init(struct identity *id, const char *user, const char *device);

static inline struct bytes identity_user(const struct identity *id)
{
	return (struct bytes){id->user, id->user_len};
}

static inline struct bytes identity_device(const struct identity *id)
{
	return (struct bytes){id->device, id->device_len};
}

#endif
