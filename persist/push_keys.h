/* push_keys.h — keys and values of pushes that wait to be sent. Beside keys.h, which has the
 * others.
 *
 *   store   i user device chat            struct push_waiting
 *           z lane due user device chat   empty: the same, in the order in which they are due
 *
 * There is one for each chat and device, however many messages it stands for: what it says is read
 * when it is sent. While a device has none, nothing waits for it, and nothing was sent just now.
 */
#ifndef GNATTER_PERSIST_PUSH_KEYS_H
#define GNATTER_PERSIST_PUSH_KEYS_H

#include "persist/keys.h"
#include "wire/err.h"
#include "wire/name.h"

#define PUSH_LANES 72 /* numbers from 0; bridge/push_waiting.h says what they are for */

/* Whose, about which chat. Lent. */
struct push_whose {
	struct bytes user, device, chat;
};

enum push_state {
	PUSH_RESTING, /* one was sent just now; nothing waits */
	PUSH_HELD,    /* the device was connected when the message came */
	PUSH_WAITING, /* to be sent when it is due */
	PUSH_STATES
};

struct push_waiting {
	enum push_state state;
	uint8_t lane;      /* below PUSH_LANES */
	uint32_t attempts; /* that failed */
	uint64_t due;      /* ms since 1970 */
	uint64_t since;    /* of the first message it stands for, ms since 1970 */
	uint64_t before;   /* n of the chat before that message */
	uint64_t mention;  /* seq of a message that breaks through a mute or quiet hours; 0: none */
};

/* Empty if the names are longer than names may be: such a key is found nowhere. */
struct key key_push_waiting(const struct push_whose *w);
struct key key_push_waiting_user(struct bytes user); /* prefix */
struct key key_push_waiting_all(void);               /* prefix */
struct key key_push_due(uint8_t lane, uint64_t due, const struct push_whose *w);
struct key key_push_due_at(uint8_t lane, uint64_t due); /* prefix */
struct key key_push_lane(uint8_t lane);                 /* prefix */
struct key key_push_due_all(void);                      /* prefix */

/* ERR_CORRUPT if it is no such key. Lent from key. */
enum err key_push_waiting_parts(struct bytes key, struct push_whose *w);
enum err key_push_due_parts(struct bytes key, uint8_t *lane, uint64_t *due, struct push_whose *w);

void push_waiting_encode(struct buf *b, const struct push_waiting *p);
enum err push_waiting_decode(struct push_waiting *p, struct bytes v);

#endif
