/* checks.h — was every message delivered to everybody, in order, under one number?
 *
 * Pure. Each sender counts its messages 0, 1, 2, ...; what each member must see from each sender is
 * that count without a gap. With `numbered` (Gnatter) each chat also counts: a member must see seq
 * without a gap, everybody the same seq on the same message, and no message under two. A repeat of
 * what was seen before is allowed (at least once) and counted.
 *
 * Costs one or two cache lines per delivery: a counter per member and sender, and the seq of each
 * message for as long as the measurement lasts (8 bytes).
 */
#ifndef GNATTER_BENCH_CHECKS_H
#define GNATTER_BENCH_CHECKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct check_sender {
	uint64_t sent;
	uint64_t *seqs; /* of each message, 0 while not known; owned; NULL if not numbered */
	size_t seqs_cap;
};

struct checks {
	unsigned groups, members, senders; /* members and senders of each group */
	bool numbered;
	struct check_sender *by_sender; /* groups * senders */
	uint64_t *next;      /* [connection * senders + sender of the group]: counter due */
	uint64_t *last_seq;  /* [connection] */
	uint64_t *first_seq; /* [group] */

	/* results */
	uint64_t sent, delivered; /* repeats not counted */
	uint64_t repeated;
	uint64_t out_of_order; /* deliveries that came before one that was due */
	uint64_t seq_gaps;     /* numbers that a member did not see */
	uint64_t seq_differs;  /* deliveries whose seq is not the one that others saw */
	uint64_t stored_twice; /* messages that came again under a second seq */
	uint64_t misdelivered; /* messages of another group, or never sent */
};

/* Dies without memory. */
void checks_init(
	struct checks *k, unsigned groups, unsigned members, unsigned senders, bool numbered);
void checks_finish(struct checks *k);

/* The sender (numbered through all groups) sends its next message. Returns its counter. */
uint64_t checks_sent(struct checks *k, unsigned sender);

/* The connection received message `counter` of that sender under seq (0 if not numbered). True if
 * it is new to it. */
bool checks_delivered(
	struct checks *k, unsigned connection, unsigned sender, uint64_t counter, uint64_t seq);

/* A message of somebody else arrived with that seq: it counts for the gaps only. */
void checks_foreign(struct checks *k, unsigned connection, uint64_t seq);

/* Deliveries that did not happen (yet). */
uint64_t checks_missing(const struct checks *k);

/* Print a line for each promise that was broken; out may be NULL. True if none was. */
bool checks_report(const struct checks *k, FILE *out);

#endif
