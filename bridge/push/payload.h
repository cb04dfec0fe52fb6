/* payload.h — the JSON that clients get, and making it as long as it may be.
 *
 *   {"chat","from","title","text","type","seq","n","ts","count","unread","badge"[,"mention":true]}
 *   {"badge"}                                       without preview: only that there is something
 *
 * "title" and "text" are left out when they are empty.
 */
#ifndef GNATTER_BRIDGE_PUSH_PAYLOAD_H
#define GNATTER_BRIDGE_PUSH_PAYLOAD_H

#include "bridge/push/note.h"

#define PAYLOAD_BADGE_MAX INT32_MAX

/* Which members payload_put_members() leaves out, and how it writes them. */
enum payload_style {
	PAYLOAD_JSON,    /* all, as they are */
	PAYLOAD_BRIEF,   /* without title and text, which stand elsewhere */
	PAYLOAD_STRINGS, /* all as strings, and "from" named "sender": what FCM wants */
};

/* The note as it may be told: with preview off, stripped of what tells anything; a string
 * that is not UTF-8 (our own bug) becomes empty. Lent from n. */
struct push_note payload_view(const struct push_note *n, bool preview);

/* Append the members, without braces. The view is one of payload_view(). */
void payload_put_members(struct buf *out, const struct push_note *view, enum payload_style style);

/* What a notification shows when no app's code is asked: title (may be empty: none), subtitle (may
 * be empty), and body (never empty). English where the note has no words of its own. Lent. */
struct payload_alert {
	struct bytes title, subtitle, body;
};

struct payload_alert payload_alert_of(const struct push_note *view);

/* Seconds from now until the note expires, from 1 to 28 days. The note has not expired. */
int64_t payload_ttl_s(const struct push_note *n, int64_t now_ms);

/* Writes a whole payload. */
typedef void payload_write_fn(struct buf *out, const struct push_note *view, const void *ctx);

/* Append to out what `write` makes of the view, with as much of the text, and if that is not enough
 * of the title, as fits into max bytes; both are cut between characters. False if it does not fit
 * without either. Memory that runs out shows in out->failed. */
bool payload_fit(struct buf *out, const struct push_note *view, size_t max, payload_write_fn *write,
	const void *ctx);

#endif
