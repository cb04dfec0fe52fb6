/* sdk_app.c — an app as a program of its own, for tests that kill it or look at its memory.
 *
 *   sdk_app ADDRESS USER DEVICE TOKEN STORE FROM COUNT CHAT…
 *
 * Queues messages with the ids <device>-<user>-FROM … COUNT-1, in the chats by turns, and says on
 * its standard output, a line for each: "queued K", "told CHAT SEQ" of what comes, and, when all
 * are sent and it is synced, "heap BYTES" and "done". Ends only when it is killed. STORE "-" is
 * memory; the environment's CA is the file of the trusted authorities.
 */
#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "clients/sdk/gnatter.h"

static void say(const char *line, int len)
{
	if (write(STDOUT_FILENO, line, (size_t)len) != len)
		_exit(1);
}

static void on_message(void *ctx, struct gnatter *g, const struct gnatter_message *m)
{
	char line[256];

	(void)ctx;
	say(line, snprintf(line, sizeof(line), "told %s %llu\n", m->chat,
			  (unsigned long long)m->seq));
	gnatter_mark_read(g, m->chat, m->seq);
}

static bool on_waiting(void *ctx, const struct gnatter_message *m)
{
	*(int *)ctx += m->tick != GNATTER_TICK_REFUSED;
	return true;
}

static bool done(struct gnatter *g)
{
	struct gnatter_status st;
	int waiting = 0;

	gnatter_status(g, &st);
	return st.state == GNATTER_SYNCED &&
	       gnatter_outbox(g, NULL, on_waiting, &waiting) == GNATTER_OK && waiting == 0;
}

static void queue(struct gnatter *g, const char *chat, int k)
{
	char id[GNATTER_ID_SIZE], line[64];
	struct gnatter_draft d = {.id = id, .text = id};
	enum gnatter_error e;

	snprintf(id, sizeof(id), "%s-%s-%d", gnatter_device(g), gnatter_user(g), k);
	e = gnatter_send(g, chat, &d, NULL);
	if (e != GNATTER_OK && e != GNATTER_EINVAL) { /* EINVAL: the one before it had queued it */
		fprintf(stderr, "%s: %s\n", id, gnatter_error_text(e));
		_exit(1);
	}
	say(line, snprintf(line, sizeof(line), "queued %d\n", k));
}

static void say_heap(void)
{
	struct mallinfo2 m = mallinfo2();
	char line[64];

	say(line, snprintf(line, sizeof(line), "heap %zu\n", m.uordblks + m.hblkhd));
}

int main(int argc, char **argv)
{
	struct gnatter_options o;
	struct gnatter *g;
	enum gnatter_error e;

	if (argc < 9)
		return 2;
	mallopt(M_ARENA_MAX, 1); /* mallinfo2() sees only one */
	gnatter_options_init(&o);
	o.address = argv[1];
	o.user = argv[2];
	o.device = argv[3];
	o.secret = argv[4];
	o.store = strcmp(argv[5], "-") == 0 ? NULL : argv[5];
	o.ca_file = getenv("CA");
	o.retry_min_ms = 50;
	o.retry_max_ms = 500;
	o.from_unread = true;
	o.callbacks.on_message = on_message;
	e = gnatter_create(&g, &o);
	if (e == GNATTER_OK)
		e = gnatter_connect(g);
	if (e != GNATTER_OK) {
		fprintf(stderr, "sdk_app: %s\n", gnatter_error_text(e));
		return 1;
	}
	for (int k = atoi(argv[6]); k < atoi(argv[7]); k++) {
		queue(g, argv[8 + k % (argc - 8)], k);
		poll(NULL, 0, 5);
	}
	while (!done(g))
		poll(NULL, 0, 10);
	say_heap();
	say("done\n", 5);
	for (;;)
		pause();
}
