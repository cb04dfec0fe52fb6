/* checks.c */
#include "bench/checks.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "bench/die.h"

#define SEQS_FIRST 1024

void checks_init(
	struct checks *k, unsigned groups, unsigned members, unsigned senders, bool numbered)
{
	size_t connections = (size_t)groups * members;

	*k = (struct checks){
		.groups = groups, .members = members, .senders = senders, .numbered = numbered};
	k->by_sender = die_alloc((size_t)groups * senders, sizeof(*k->by_sender));
	k->next = die_alloc(connections * senders, sizeof(*k->next));
	k->last_seq = die_alloc(connections, sizeof(*k->last_seq));
	k->first_seq = die_alloc(groups, sizeof(*k->first_seq));
}

void checks_finish(struct checks *k)
{
	for (size_t i = 0; i < (size_t)k->groups * k->senders; i++)
		free(k->by_sender[i].seqs);
	free(k->by_sender);
	free(k->next);
	free(k->last_seq);
	free(k->first_seq);
}

static void grow(struct check_sender *s)
{
	size_t cap = s->seqs_cap ? s->seqs_cap * 2 : SEQS_FIRST;
	uint64_t *seqs = realloc(s->seqs, cap * sizeof(*seqs));

	if (!seqs)
		die("out of memory");
	memset(seqs + s->seqs_cap, 0, (cap - s->seqs_cap) * sizeof(*seqs));
	s->seqs = seqs;
	s->seqs_cap = cap;
}

uint64_t checks_sent(struct checks *k, unsigned sender)
{
	struct check_sender *s = &k->by_sender[sender];

	if (k->numbered && s->sent == s->seqs_cap)
		grow(s);
	k->sent++;
	return s->sent++;
}

/* Is this seq the next of the connection? Counts a gap; false if it was seen before. */
static bool next_seq(struct checks *k, unsigned connection, uint64_t seq)
{
	uint64_t *first = &k->first_seq[connection / k->members];
	uint64_t *last = &k->last_seq[connection];

	if (*first == 0)
		*first = seq;
	if (*last == 0)
		*last = *first - 1;
	if (seq <= *last)
		return false;
	k->seq_gaps += seq - *last - 1;
	*last = seq;
	return true;
}

/* The first to see a message says what its seq is, all others must agree. */
static void compare_seq(
	struct checks *k, const struct check_sender *s, uint64_t counter, uint64_t seq)
{
	uint64_t *known = &s->seqs[counter];

	if (*known == 0)
		*known = seq;
	else if (*known != seq)
		k->seq_differs++;
}

bool checks_delivered(
	struct checks *k, unsigned connection, unsigned sender, uint64_t counter, uint64_t seq)
{
	unsigned group = connection / k->members;
	const struct check_sender *s;
	uint64_t *next;
	bool fresh = true;

	if (sender / k->senders != group || counter >= k->by_sender[sender].sent) {
		k->misdelivered++;
		return false;
	}
	s = &k->by_sender[sender];
	next = &k->next[(size_t)connection * k->senders + sender % k->senders];
	if (k->numbered) {
		fresh = next_seq(k, connection, seq);
		compare_seq(k, s, counter, seq);
	}
	if (counter < *next) {
		if (k->numbered && fresh)
			k->stored_twice++;
		k->repeated++;
		return false;
	}
	if (counter > *next)
		k->out_of_order++;
	*next = counter + 1;
	k->delivered++;
	return true;
}

void checks_foreign(struct checks *k, unsigned connection, uint64_t seq)
{
	if (k->numbered && seq)
		next_seq(k, connection, seq);
}

uint64_t checks_missing(const struct checks *k)
{
	return k->sent * k->members - k->delivered;
}

static bool broken(FILE *out, uint64_t count, const char *what)
{
	if (count && out)
		fprintf(out, "load: CHECK FAILED: %" PRIu64 " %s\n", count, what);
	return count != 0;
}

bool checks_report(const struct checks *k, FILE *out)
{
	bool any = false;

	any |= broken(out, checks_missing(k), "deliveries are missing");
	any |= broken(
		out, k->out_of_order, "deliveries came before an earlier one of the same sender");
	any |= broken(out, k->seq_gaps, "numbers (seq) did not reach a member");
	any |= broken(out, k->seq_differs, "deliveries have another seq than other members saw");
	any |= broken(out, k->stored_twice, "messages came under two numbers (seq)");
	any |= broken(out, k->misdelivered, "messages reached a group they were not sent to");
	return !any;
}
