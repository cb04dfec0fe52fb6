/* throttle.h — how often something may happen: token buckets, alone and in a bounded table.
 *
 * Pure: the caller passes the time, ms of a clock that never runs backwards. A bucket holds up to
 * `burst` tokens and gains `rate` of them a second. It starts full.
 *
 * The table keeps one bucket for each key of a fixed number of places. When a place is needed, the
 * fullest bucket of the few that share it is forgotten: it is the one that would be missed least,
 * so a flood of new keys does not wash out those that have misbehaved.
 */
#ifndef GNATTER_PLUGIN_THROTTLE_H
#define GNATTER_PLUGIN_THROTTLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct bucket {
	int64_t milli; /* thousandths of a token */
	int64_t at_ms; /* when that was right; 0: never used, full */
};

/* Bring *b up to now_ms; returns the whole tokens in it. rate and burst >= 0. */
int64_t bucket_level(struct bucket *b, int64_t rate, int64_t burst, int64_t now_ms);

/* Take n if they are there. */
bool bucket_take(struct bucket *b, int64_t rate, int64_t burst, int64_t now_ms, int64_t n);

/* Take n whether they are there or not: the bucket goes below zero, and stays there until paid. */
void bucket_owe(struct bucket *b, int64_t rate, int64_t burst, int64_t now_ms, int64_t n);

struct throttle;

/* A table of `places` buckets (rounded up to a power of two). NULL when out of memory. */
struct throttle *throttle_create(size_t places);
void throttle_destroy(struct throttle *t);

/* Failures per minute, by key: the hash of an address or a user. May this key try again? */
bool throttle_open(struct throttle *t, uint64_t key, int64_t per_minute, int64_t now_ms);
void throttle_failed(struct throttle *t, uint64_t key, int64_t per_minute, int64_t now_ms);

/* The key of an address: of IPv6 the /64 counts, since a host has all of it. NULL is an address. */
uint64_t throttle_address(const char *address);

#endif
