/* core.h — frames in, commits, control messages out: what the daemon does, without network. The
 * clock is read for the statistics alone.
 *
 *   frame ─► queue ─► engine (into a batch and an outbox) ─► journal ─► control messages, reads
 *
 * One commit at a time. While one is under way frames gather, and are then applied together: the
 * more load, the larger the commits. Nothing of a commit is told to anybody before it is durable.
 *
 * What is told is owed: it stands in the store, in the same commit, until the plugin says that it
 * has performed it. What was not confirmed is sent again when the plugin has answered the greeting
 * that core_link_up() sends.
 *
 * One thread: the loop's. The journal's does no more than leave how a commit ended, and write to
 * wake_fd.
 */
#ifndef GNATTER_BRIDGE_CORE_H
#define GNATTER_BRIDGE_CORE_H

#include "bridge/engine/outbox.h"
#include "bridge/later.h"
#include "bridge/push/offer.h"
#include "bridge/stats.h"
#include "persist/directory.h"
#include "persist/store.h"
#include "wire/buf.h"
#include "wire/conf.h"

struct core;

struct core_handler {
	bool (*send)(void *ctx, struct bytes control); /* to the plugin; false if it is not there */
	void (*read)(void *ctx, struct bytes record);  /* a request that only asks */
	/* Something that is committed is to be told, or pushed, in its own time: see enum hint. */
	void (*hint)(void *ctx, enum hint hint, struct bytes user, struct bytes chat, uint64_t ts);
	void *ctx;
};

/* Everything is borrowed. wake_fd: an eventfd, written to when core_service() has something to do.
 * Repairs what a crash left, and reads where it stood. On failure *out is NULL and why has a
 * sentence. */
enum err core_create(struct core **out, const struct conf *conf, struct store *s,
	struct directory *d, struct stats *stats, const struct core_handler *handler, int wake_fd,
	char *why, size_t why_size);

/* Waits for the commit under way. */
void core_destroy(struct core *c);

/* The connection to the plugin is there: greet it. It is gone: forget what was not applied yet, the
 * plugin sends it again. */
void core_link_up(struct core *c);
void core_link_down(struct core *c);

/* A frame came. ERR_CORRUPT: not understood; the connection should be given up. */
enum err core_frame(struct core *c, struct bytes payload);

/* Go on: after wake_fd. Anything but ERR_OK ends the daemon: why has the sentence. */
enum err core_service(struct core *c, char *why, size_t why_size);

/* What may be registered to be pushed to with, from now on; borrowed. NULL, as at the start:
 * everything. */
void core_offer(struct core *c, const struct push_offer *offer);

/* What was told in its own time, to be written with the next commit. */
struct later *core_later(struct core *c);

/* Things are quiet: give back the memory that a burst took. Nothing while a commit is under way. */
void core_relieve(struct core *c);

/* Has the plugin answered the greeting of this connection? */
bool core_ready(const struct core *c);

#endif
