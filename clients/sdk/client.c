/* client.c — a client is made, started, stopped and freed. */
#include "clients/sdk/client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}

uint32_t random_bits(void)
{
	uint32_t bits;

	if (getentropy(&bits, sizeof(bits)) != 0)
		bits = (uint32_t)now_ms() * 2654435761u; /* jitter, nothing more, depends on it */
	return bits;
}

const char *gnatter_version(void)
{
	return GNATTER_VERSION;
}

const char *gnatter_error_text(enum gnatter_error e)
{
	static const char *const texts[] = {
		[GNATTER_OK] = "success",
		[GNATTER_EINVAL] = "an argument is missing, malformed or out of range",
		[GNATTER_ENOMEM] = "out of memory",
		[GNATTER_ESTORE] = "the store cannot be read or written",
		[GNATTER_EINUSE] = "the store is in use by another client",
		[GNATTER_EOWNER] = "the store belongs to another user or device",
		[GNATTER_ELIMIT] = "a limit is reached",
		[GNATTER_ENOTFOUND] = "there is no such thing",
	};

	return (size_t)e < sizeof(texts) / sizeof(*texts) ? texts[e] : "an unknown error";
}

void client_wish(struct gnatter *g, unsigned wishes)
{
	pthread_mutex_lock(&g->lock);
	g->wishes |= wishes;
	pthread_cond_broadcast(&g->woken);
	pthread_mutex_unlock(&g->lock);
}

void client_log(struct gnatter *g, const char *fmt, ...)
{
	char sentence[512];
	va_list args;

	if (!g->o.callbacks.on_log)
		return;
	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	g->o.callbacks.on_log(g->o.ctx, g, sentence);
}

void client_store_failed(struct gnatter *g, const char *what, enum gnatter_error e)
{
	client_log(g, "%s: %s%s%s", what, gnatter_error_text(e), e == GNATTER_ESTORE ? ": " : "",
		e == GNATTER_ESTORE ? store_why(g->store) : "");
}

/* --- made and freed
 * ------------------------------------------------------------------------------- */

void gnatter_options_init(struct gnatter_options *o)
{
	*o = (struct gnatter_options){
		.outbox_max = 10000,
		.requests_max = 1000,
		.acknowledge = true,
		.keep_alive_s = 60,
		.will_delay_s = 10,
		.session_expiry_s = 3600,
		.connect_timeout_ms = 10000,
		.retry_min_ms = 500,
		.retry_max_ms = 60000,
		.request_timeout_ms = 30000,
	};
}

static bool options_ok(const struct gnatter_options *o)
{
	return o->user && name_user_ok(o->user, strlen(o->user)) && o->device &&
	       name_device_ok(o->device, strlen(o->device)) &&
	       (!o->secret || strlen(o->secret) <= SECRET_MAX) &&
	       (o->secret || o->callbacks.on_token) && o->outbox_max > 0 && o->requests_max > 0 &&
	       o->keep_alive_s > 0 && o->keep_alive_s <= 65535 && o->connect_timeout_ms > 0 &&
	       o->connect_timeout_ms <= 600000 && o->retry_min_ms > 0 &&
	       o->retry_min_ms <= o->retry_max_ms && o->request_timeout_ms > 0;
}

static bool copy(char **out, const char *s)
{
	*out = s ? strdup(s) : NULL;
	return !s || *out;
}

static bool init_lock(struct gnatter *g)
{
	pthread_condattr_t a;
	bool ok;

	if (pthread_mutex_init(&g->lock, NULL) != 0)
		return false;
	pthread_condattr_init(&a);
	pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
	ok = pthread_cond_init(&g->woken, &a) == 0;
	pthread_condattr_destroy(&a);
	if (!ok)
		pthread_mutex_destroy(&g->lock);
	return ok;
}

static enum gnatter_error copy_options(struct gnatter *g, const struct gnatter_options *o)
{
	size_t size = strlen(o->user) + 1 + strlen(o->device) + 1;

	g->o = *o;
	if (g->o.cache_bytes_max == 0)
		g->o.cache_bytes_max = o->store ? (uint64_t)64 << 20 : (uint64_t)256 << 10;
	g->client_id = malloc(size);
	if (!g->client_id || !copy(&g->user, o->user) || !copy(&g->device, o->device) ||
		!copy(&g->secret, o->secret) || !copy(&g->ca_file, o->ca_file))
		return GNATTER_ENOMEM;
	snprintf(g->client_id, size, "%s:%s", o->user, o->device);
	g->backoff = (struct backoff){o->retry_min_ms, o->retry_max_ms, 0};
	g->outbox_backoff = g->backoff;
	g->page = HISTORY_PAGE;
	snprintf(g->state, sizeof(g->state), "online");
	return GNATTER_OK;
}

static enum gnatter_error open_store(struct gnatter *g)
{
	enum gnatter_error e = store_open(&g->store, &(struct store_options){.path = g->o.store,
							     .user = g->user,
							     .device = g->device,
							     .bytes_max = g->o.cache_bytes_max,
							     .outbox_max = g->o.outbox_max});

	if (e == GNATTER_OK)
		e = outbox_begin(g);
	return e == GNATTER_OK ? rooms_load(g) : e;
}

enum gnatter_error gnatter_create(struct gnatter **out, const struct gnatter_options *o)
{
	struct gnatter *g;
	enum gnatter_error e;

	*out = NULL;
	if (!options_ok(o))
		return GNATTER_EINVAL;
	g = calloc(1, sizeof(*g));
	if (!g || !init_lock(g)) {
		free(g);
		return GNATTER_ENOMEM;
	}
	g->status = (struct gnatter_status){GNATTER_STOPPED, g->address, g->reason, false, 0};
	e = addresses_init(&g->addresses, o->address);
	if (e == GNATTER_OK)
		e = copy_options(g, o);
	if (e == GNATTER_OK)
		e = open_store(g);
	if (e != GNATTER_OK) {
		gnatter_destroy(g);
		return e;
	}
	*out = g;
	return GNATTER_OK;
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void gnatter_destroy(struct gnatter *g)
{
	if (!g)
		return;
	if (gnatter_disconnect(g) != GNATTER_OK)
		abort(); /* from a callback, as the header forbids: there is no way on from here */
	pthread_mutex_lock(&g->lock);
	g->closed = true;
	pthread_mutex_unlock(&g->lock);
	history_close(g);
	request_close(g);
	rooms_free(g);
	store_close(g->store);
	addresses_finish(&g->addresses);
	for (size_t i = 0; i < g->typing_count; i++)
		free(g->typing[i]);
	free(g->outgoing);
	free(g->acks);
	free(g->live);
	free(g->watches);
	free(g->user);
	free(g->device);
	free(g->client_id);
	free(g->ca_file);
	free_secret(g->secret);
	pthread_cond_destroy(&g->woken);
	pthread_mutex_destroy(&g->lock);
	free(g);
}

/* --- started and stopped
 * ----------------------------------------------------------------------------- */

/* With the lock held. */
static enum gnatter_error start(struct gnatter *g)
{
	enum gnatter_error e = net_create(&g->net, g->client_id, loop_sink, g);

	if (e != GNATTER_OK)
		return e;
	g->connect_ms = 0;
	g->running = pthread_create(&g->thread, NULL, loop_run, g) == 0;
	if (g->running)
		return GNATTER_OK;
	net_destroy(g->net);
	g->net = NULL;
	return GNATTER_ENOMEM;
}

enum gnatter_error gnatter_connect(struct gnatter *g)
{
	enum gnatter_error e = GNATTER_EINVAL;

	pthread_mutex_lock(&g->lock);
	if (!g->running)
		e = start(g);
	pthread_mutex_unlock(&g->lock);
	return e;
}

/* With the lock held, which is given up meanwhile. Of several at once one joins the thread. */
static void stop(struct gnatter *g)
{
	if (g->joining) {
		while (g->joining)
			pthread_cond_wait(&g->woken, &g->lock);
		return;
	}
	g->joining = g->stopping = true;
	pthread_cond_broadcast(&g->woken);
	pthread_mutex_unlock(&g->lock);
	pthread_join(g->thread, NULL);
	pthread_mutex_lock(&g->lock);
	g->joining = g->running = false;
	pthread_cond_broadcast(&g->woken);
}

enum gnatter_error gnatter_disconnect(struct gnatter *g)
{
	enum gnatter_error e = GNATTER_OK;

	pthread_mutex_lock(&g->lock);
	if (g->running && pthread_equal(pthread_self(), g->thread))
		e = GNATTER_EINVAL;
	else if (g->running)
		stop(g);
	pthread_mutex_unlock(&g->lock);
	return e;
}

void gnatter_retry(struct gnatter *g)
{
	client_wish(g, WISH_RETRY);
}

const char *gnatter_user(const struct gnatter *g)
{
	return g->user;
}

const char *gnatter_device(const struct gnatter *g)
{
	return g->device;
}

void gnatter_status(struct gnatter *g, struct gnatter_status *out)
{
	static _Thread_local char address[ADDRESS_MAX + 1], reason[sizeof(g->reason)];

	pthread_mutex_lock(&g->lock);
	memcpy(address, g->address, sizeof(address));
	memcpy(reason, g->reason, sizeof(reason));
	*out = g->status;
	if (g->retry_ms > 0)
		out->retry_in_ms = g->retry_ms > now_ms() ? g->retry_ms - now_ms() : 0;
	pthread_mutex_unlock(&g->lock);
	out->address = address;
	out->reason = reason;
}
