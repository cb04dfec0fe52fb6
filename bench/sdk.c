/* sdk.c — what the SDK costs, for bench/sdk.sh. Prints one line of JSON.
 *
 *   sdk echo ADDRESS USER SECRET CHAT RATE SECONDS      from gnatter_send() to "stored", RATE a
 * second sdk catch-up ADDRESS USER SECRET STORE [unread]     connect, until everything missed is
 * here sdk screen TEXT PROGRAM ARGUMENT...                 until a program's screen of 80x24 shows
 * TEXT
 *
 * Exit status as of load: 1 if what was measured did not come right, 2 if nothing was measured.
 */
#include "bench/clock.h"
#include "bench/die.h"
#include "bench/hist.h"
#include "clients/sdk/gnatter.h"

#include <linux/tcp.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define WAIT_NS (60 * NS_PER_S)
#define FDS_MAX 1024

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

/* What the callbacks have seen. */
static struct seen {
	enum gnatter_state state;
	uint64_t messages, text_bytes, stored, refused;
	int64_t last_ns;
} seen;

static void on_status(void *ctx, struct gnatter *g, const struct gnatter_status *s)
{
	(void)ctx;
	(void)g;
	pthread_mutex_lock(&lock);
	seen.state = s->state;
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void on_message(void *ctx, struct gnatter *g, const struct gnatter_message *m)
{
	(void)ctx;
	(void)g;
	pthread_mutex_lock(&lock);
	seen.messages++;
	seen.text_bytes += m->text ? strlen(m->text) : 0;
	seen.last_ns = clock_ns();
	pthread_mutex_unlock(&lock);
}

typedef bool reached_fn(uint64_t arg);

/* Wait until it is so, a minute at most. */
static bool wait_for(reached_fn *reached, uint64_t arg)
{
	int64_t until = clock_ns() + WAIT_NS;
	bool is = false;

	pthread_mutex_lock(&lock);
	while (!(is = reached(arg)) && clock_ns() < until) {
		struct timespec t;

		clock_gettime(CLOCK_REALTIME, &t);
		t.tv_sec++;
		pthread_cond_timedwait(&changed, &lock, &t);
	}
	pthread_mutex_unlock(&lock);
	return is;
}

static bool synced(uint64_t arg)
{
	(void)arg;
	return seen.state == GNATTER_SYNCED;
}

static bool all_told(uint64_t count)
{
	return seen.stored + seen.refused >= count;
}

static struct gnatter *make(char **argv, const char *device, struct gnatter_options *o)
{
	struct gnatter *g;
	enum gnatter_error e;

	o->address = argv[0];
	o->user = argv[1];
	o->secret = argv[2];
	o->device = device;
	o->callbacks.on_status = on_status;
	o->callbacks.on_message = on_message;
	e = gnatter_create(&g, o);
	if (e != GNATTER_OK)
		die("the client cannot be made: %s", gnatter_error_text(e));
	return g;
}

/* --- echo
 * ----------------------------------------------------------------------------------------- */

static struct hist echoes;

/* The id says when it was sent. */
static void on_sent(void *ctx, struct gnatter *g, const struct gnatter_sent *s)
{
	int64_t sent = strtoll(s->id, NULL, 10);

	(void)ctx;
	(void)g;
	if (s->tick != GNATTER_TICK_STORED && s->tick != GNATTER_TICK_REFUSED)
		return;
	pthread_mutex_lock(&lock);
	if (s->tick == GNATTER_TICK_STORED) {
		hist_add(&echoes, (uint64_t)(clock_ns() - sent));
		seen.stored++;
	} else {
		seen.refused++;
	}
	pthread_cond_signal(&changed);
	pthread_mutex_unlock(&lock);
}

static void sleep_until(int64_t ns)
{
	struct timespec t = {.tv_sec = ns / NS_PER_S, .tv_nsec = ns % NS_PER_S};

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL);
}

static void send_stamped(struct gnatter *g, const char *chat)
{
	char id[GNATTER_ID_SIZE];
	struct gnatter_draft d = {.id = id,
		.text = "A hundred bytes of text are about what a person writes in one message to "
			"somebody else in a chat."};

	snprintf(id, sizeof(id), "%lld", (long long)clock_ns());
	if (gnatter_send(g, chat, &d, NULL) != GNATTER_OK)
		die("a message could not be queued");
}

static int echo(int argc, char **argv)
{
	struct gnatter_options o;
	struct gnatter *g;
	uint64_t count;
	int64_t start, rate;
	bool all;

	if (argc != 6)
		die("echo ADDRESS USER SECRET CHAT RATE SECONDS");
	gnatter_options_init(&o);
	o.callbacks.on_sent = on_sent;
	g = make(argv, "echo", &o);
	rate = strtoll(argv[4], NULL, 10);
	count = (uint64_t)(rate * strtoll(argv[5], NULL, 10));
	if (rate <= 0 || gnatter_connect(g) != GNATTER_OK || !wait_for(synced, 0))
		die("the client does not connect");
	start = clock_ns();
	for (uint64_t i = 0; i < count; i++) {
		sleep_until(start + (int64_t)i * NS_PER_S / rate);
		send_stamped(g, argv[3]);
	}
	all = wait_for(all_told, count);
	gnatter_destroy(g);
	printf("{\"stored\":%llu,\"p50_ms\":%.2f,\"p99_ms\":%.2f}\n",
		(unsigned long long)seen.stored, (double)hist_quantile(&echoes, 0.5) / 1e6,
		(double)hist_quantile(&echoes, 0.99) / 1e6);
	return all && seen.stored == count ? 0 : 1;
}

/* --- catching up
 * ---------------------------------------------------------------------------------- */

/* Bytes of this process's TCP connections so far, as the kernel has counted them. */
static void count_bytes(uint64_t *in, uint64_t *out)
{
	*in = *out = 0;
	for (int fd = 0; fd < FDS_MAX; fd++) {
		struct sockaddr_storage peer;
		socklen_t peer_size = sizeof(peer), size;
		struct tcp_info info = {0};

		size = sizeof(info);
		if (getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0 ||
			getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size) != 0)
			continue;
		*in += info.tcpi_bytes_received;
		*out += info.tcpi_bytes_acked;
	}
}

static int catch_up(int argc, char **argv)
{
	struct gnatter_options o;
	struct gnatter *g;
	uint64_t in, out;
	int64_t start, took;

	if (argc < 4)
		die("catch-up ADDRESS USER SECRET STORE [unread]");
	gnatter_options_init(&o);
	o.store = argv[3];
	o.from_unread = argc > 4;
	o.cache_bytes_max = (uint64_t)512 << 20;
	g = make(argv, "phone", &o);
	start = clock_ns();
	if (gnatter_connect(g) != GNATTER_OK || !wait_for(synced, 0))
		die("the client does not come up to date");
	took = clock_ns() - start;
	count_bytes(&in, &out);
	gnatter_destroy(g);
	printf("{\"messages\":%llu,\"ms\":%.1f,\"bytes_in\":%llu,\"bytes_out\":%llu,\"text_bytes\":"
	       "%llu}\n",
		(unsigned long long)seen.messages, (double)took / 1e6, (unsigned long long)in,
		(unsigned long long)out, (unsigned long long)seen.text_bytes);
	return 0;
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*run)(int argc, char **argv);
	} commands[] = {{"echo", echo}, {"catch-up", catch_up}};

	for (size_t i = 0; argc > 1 && i < sizeof(commands) / sizeof(*commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 2, argv + 2);
	die("sdk echo|catch-up ...");
}
