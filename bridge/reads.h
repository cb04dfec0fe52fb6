/* reads.h — a small pool of threads that answers what only asks.
 *
 * Requests are taken in order, answered from a snapshot of the moment (never older than when they
 * were handed in), and the answers collected by the loop. At most conf->reads_waiting_max wait:
 * more are refused, and the caller is told to try again.
 */
#ifndef GNATTER_BRIDGE_READS_H
#define GNATTER_BRIDGE_READS_H

#include "bridge/push/offer.h"
#include "bridge/stats.h"
#include "persist/directory.h"
#include "persist/store.h"
#include "wire/conf.h"

struct reads;

/* wake_fd is an eventfd, written to when answers are there. Everything is borrowed but *conf, of
 * which a copy is kept; offer may be NULL (bridge/push/offer.h). On failure *out is NULL and why
 * has a sentence. */
enum err reads_create(struct reads **out, struct store *s, struct directory *d,
	const struct conf *conf, const struct push_offer *offer, struct stats *stats, int wake_fd,
	char *why, size_t why_size);

/* Waits for what is being answered; what waits is dropped. */
void reads_destroy(struct reads *r);

/* From now on with these limits. */
void reads_reload(struct reads *r, const struct conf *conf);

/* Hand in one encoded record (wire/record.h); copied. ERR_BUSY, ERR_NOMEM. */
enum err reads_submit(struct reads *r, struct bytes record);

/* Take the answers that are there, as encoded effects, appended to *effects: about bytes_max of
 * them. Returns how many effects. */
uint32_t reads_take(struct reads *r, struct buf *effects, size_t bytes_max);

#endif
