/* spoolfile.h — the file format of the spool, and what others than the plugin read in it.
 *
 * The plugin maps the file, is its only writer, and holds a lock on it (flock) as long as it runs.
 * The counters, which live in the header, may be read with the broker running or not; records only
 * without it.
 *
 *   0      struct spool_header, padded to SPOOL_HEADER_SIZE
 *   4096   the ring: `size` bytes (a multiple of 4096)
 *
 * Positions count bytes since the spool was made and never wrap; a position p lies at ring byte
 * (p - base) % size. Records are contiguous: where one would run over the ring's end, a u32 0 marks
 * the rest as skipped (fewer than 4 bytes left cannot happen: sizes are multiples of 8).
 */
#ifndef GNATTER_WIRE_SPOOLFILE_H
#define GNATTER_WIRE_SPOOLFILE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

#define SPOOL_MAGIC       0x324c4f4f50534e47ull /* "GNSPOOL2" */
#define SPOOL_HEADER_SIZE 4096

/* Counters: name, help. All count up from the making of the spool, but for the last three. */
// clang-format off
#define COUNTER_LIST(X) \
	X(sends_accepted,      "messages taken into the spool") \
	X(acks_accepted,       "acknowledgements taken into the spool") \
	X(api_accepted,        "api requests taken into the spool") \
	X(frames_sent,         "frames handed to the bridge") \
	X(frames_resent,       "of those, sent again after a reconnect") \
	X(effects_performed,   "effects performed") \
	X(effects_repeated,    "control messages skipped, as performed before") \
	X(deliveries_checked,  "deliveries checked") \
	X(deliveries_refused,  "deliveries refused") \
	X(refused_access,      "publishes and wills refused: no access") \
	X(refused_subscribe,   "subscriptions refused") \
	X(refused_size,        "publishes refused: too large") \
	X(refused_rate,        "publishes refused: too many in too short a time") \
	X(refused_spool,       "publishes refused: spool full") \
	X(signins_token,       "sign-ins by token") \
	X(signins_password,    "sign-ins by password") \
	X(signins_refused,     "sign-ins refused") \
	X(signins_throttled,   "of those, throttled unread") \
	X(connections_kicked,  "connections closed by the bridge's order") \
	X(answers_undelivered, "answers whose client was gone") \
	X(directory_failures,  "decisions refused because the directory could not be read") \
	X(presence_accepted,   "presence of devices taken into the spool") \
	X(connections,         "connections now") \
	X(spool_used,          "bytes of the spool in use now") \
	X(bridge_connected,    "1 while the bridge is connected")
// clang-format on

struct counters {
#define X(name, help) uint64_t name;
	COUNTER_LIST(X)
#undef X
};

struct spool_header {
	uint64_t magic;
	uint64_t size;      /* of the ring */
	uint64_t epoch;     /* random, not 0 */
	uint64_t tail;      /* position of the first record kept */
	uint64_t head;      /* position after the last record; written last of all */
	uint64_t released;  /* number of the last record given up; at tail is released + 1 */
	uint64_t performed; /* effects performed up to this record number */
	uint64_t last_ts;   /* ms since 1970 */
	uint64_t base;      /* position that lies at ring byte 0, at most tail */
	struct counters counters;
	uint64_t alive; /* ms since 1970: when the broker ticked last; 0: not known */
};

_Static_assert(sizeof(struct spool_header) <= SPOOL_HEADER_SIZE, "the header has one page");

/* May the header's positions and numbers be believed? Magic and size are not looked at. */
bool spoolfile_positions_ok(const struct spool_header *h);

/* Copy the counters out of the spool at path. ERR_NOT_FOUND, ERR_IO or ERR_CORRUPT. */
enum err spoolfile_counters(struct counters *out, const char *path);

/* Does the spool at path hold a record that a store has not applied whose position is this epoch
 * and number? ERR_CONFLICT: a broker works with it, and may put more there at any time; nothing is
 * read then. ERR_NOT_FOUND, ERR_IO, ERR_CORRUPT. The file is locked, shared, for an instant. */
enum err spoolfile_waits(bool *out, const char *path, uint64_t epoch, uint64_t number);

#endif
