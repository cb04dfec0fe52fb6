/* push_world.h — what the tests of the pusher share: a real store and directory with people, chats
 * and messages in them, as the engine would have put them there, and what waits to be pushed.
 *
 * Rows that are put are seen after world_settle(). Names are C strings; a client id is
 * <user>:<device>.
 */
#ifndef GNATTER_TESTS_PUSH_WORLD_H
#define GNATTER_TESTS_PUSH_WORLD_H

#include "bridge/push_look.h"
#include "bridge/push_waiting.h"
#include "persist/base.h"

#include "tests/unit/persist/scratch.h"

#define WORLD_START UINT64_C(1700000000000) /* ms: w->now at first; long ago by any clock */
#define WORLD_KEY   "0123456789abcdef0123456789abcdef" /* of collapse ids */
#define MINUTE      UINT64_C(60000)
#define HOUR        (60 * MINUTE)

struct world {
	char dir[64];
	struct conf conf;
	struct stats stats;
	struct store *store;
	struct directory *directory;
	struct directory_reader *reader;
	struct disk_base base;
	struct batch *batch;
	struct push_look look;
	struct push_clock clock;
	struct push_waiting_list *list;
	uint64_t now;      /* ms: when what is put happens */
	struct buf pushed; /* said since the last commit: for the outbox */
	size_t pushed_count;
	uint64_t outbox; /* number of the last key in the outbox */
	uint64_t registrations;
};

/* For cmocka: an empty world in a folder of its own. */
int world_setup(void **state);
int world_teardown(void **state);

/* Let go of store and directory, without a commit of what waits, and take them up again. */
void world_close(struct world *w);
void world_open(struct world *w);

/* The world in that folder, closed: for a process of its own. To be freed. */
struct world *world_in(const char *dir);

/* Write down what was put: the store's half of a commit only; all of it; and have the reader look
 * at it. */
void world_commit_store(struct world *w);
void world_commit(struct world *w);
void world_settle(struct world *w);

/* --- people */

/* u NULL: with the defaults. */
void world_user(struct world *w, const char *user, const struct user *u);
void world_contact(
	struct world *w, const char *user, const char *contact, const char *name, uint64_t since);
void world_prefs(struct world *w, const char *user, const struct push_prefs *p);
void world_mute(struct world *w, const char *user, const char *chat, uint64_t until, bool mentions);

/* A device that is registered for pushes of that kind, whose data is {}, or the given JSON. */
void world_register(struct world *w, const char *user, const char *device, enum push_kind_id kind,
	enum push_preview preview);
void world_register_data(struct world *w, const char *user, const char *device,
	enum push_kind_id kind, enum push_preview preview, const char *data);
void world_unregister(struct world *w, const char *user, const char *device);

/* A connection, and with it a device; and its end. */
void world_connect(struct world *w, const char *user, const char *device);
void world_disconnect(struct world *w, const char *user, const char *device);

/* --- chats */

void world_chat(struct world *w, const char *chat, enum group_kind kind, const char *title);
void world_remove_chat(struct world *w, const char *chat);
void world_join(struct world *w, const char *chat, const char *user, bool admin);
void world_leave(struct world *w, const char *chat, const char *user);

/* A one-to-one chat in which something was said. Gives its name, which is static. */
const char *world_pair(struct world *w, const char *a, const char *b);

/* Send a payload of chat/<c>/send at w->now, edits and deletes, too. Gives the seq. */
uint64_t world_say(struct world *w, const char *chat, const char *from, const char *payload);
uint64_t world_sayf(struct world *w, const char *chat, const char *from, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* Have acknowledged: delivered up to that seq, and read. */
void world_ack(
	struct world *w, const char *chat, const char *user, uint64_t delivered, uint64_t read);

/* --- what came of it */

/* What waits for that device; false if nothing does. */
bool world_waits(struct world *w, const char *user, const char *device, const char *chat,
	struct push_waiting *out);

/* Is it the same in all that is kept of it? */
void assert_waiting(const struct push_waiting *got, const struct push_waiting *want);

/* How many entries there are, whatever their state, after a look that each stands once in the order
 * of time, in its lane, that nothing else stands there, and that the list has counted right. */
size_t world_count(struct world *w);

/* Keys in the outbox: one for each commit with messages. */
size_t world_outbox(struct world *w);

#endif
