/* teller.h — what those have in common who tell something in its own time: presence and marks.
 *
 * Effects are gathered and sent in messages of some dozens. They are tied to no record and owed to
 * nobody: what is lost with the connection is told again after the next greeting.
 */
#ifndef GNATTER_BRIDGE_TELLER_H
#define GNATTER_BRIDGE_TELLER_H

#include "bridge/later.h"
#include "bridge/stats.h"
#include "persist/directory.h"
#include "persist/store.h"
#include "persist/values.h"
#include "wire/conf.h"

/* Where it comes from and goes to; everything is borrowed. */
struct teller {
	const struct conf *conf; /* may change on a reload */
	struct store *store;
	struct directory *directory;
	struct stats *stats;
	struct later *later;
	/* Encoded effects (wire/effect.h) on their way to the plugin. */
	void (*send)(void *ctx, const struct buf *effects, uint32_t count);
	void *ctx;
};

/* Effects that gather. {0} is empty. */
struct gathered {
	struct buf effects;
	uint32_t count;
};

struct telling {
	const char *topic;
	uint8_t qos;
	bool retain;
	uint32_t expiry; /* s; 0: none */
	struct bytes payload;
};

/* Everything is copied. */
void teller_publish(const struct teller *t, struct gathered *g, const struct telling *what);

/* Send what has gathered. */
void teller_flush(const struct teller *t, struct gathered *g);

/* The account of that name, as r sees it: strings are lent until r's next refresh. ERR_NOT_FOUND,
 * ERR_IO, ERR_CORRUPT. */
enum err teller_account(struct directory_reader *r, struct bytes user, struct user *out);

#endif
