/* link.c — connected or not.
 *
 * One attempt after the other: the next address at each, and after each a wait that doubles, with
 * jitter. The wait begins anew only after a connection on which everything was fetched (sync.c) and
 * that lasted a while, so that a server that lets in and throws out at once is not asked twice a
 * second for ever. Nor do two programs that are the same device throw each other out for ever:
 * brokers before Mosquitto 2.0.13 do not say that this is why a connection has ended.
 */
#include "clients/sdk/client.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TAKEN_OVER     0x8e /* reasons of MQTT 5 */
#define BAD_LOGIN      0x86
#define NOT_AUTHORIZED 0x87
#define LASTING_MS     10000

uint64_t link_number(struct gnatter *g)
{
	uint64_t number;

	pthread_mutex_lock(&g->lock);
	number = ++g->last_number;
	pthread_mutex_unlock(&g->lock);
	return number;
}

void link_status(
	struct gnatter *g, enum gnatter_state state, const char *reason, int64_t retry_in_ms)
{
	struct gnatter_status s;
	bool same;

	pthread_mutex_lock(&g->lock);
	same = g->status.state == state && strcmp(g->reason, reason) == 0 && retry_in_ms == 0;
	snprintf(g->reason, sizeof(g->reason), "%s", reason);
	snprintf(g->address, sizeof(g->address), "%s", addresses_now(&g->addresses));
	g->status = (struct gnatter_status){.state = state,
		.address = g->address,
		.reason = g->reason,
		.unauthorized = state == GNATTER_OFFLINE && g->unauthorized,
		.retry_in_ms = retry_in_ms};
	s = g->status;
	pthread_mutex_unlock(&g->lock);
	if (!same && g->o.callbacks.on_status)
		g->o.callbacks.on_status(g->o.ctx, g, &s);
}

/* --- connecting
 * ----------------------------------------------------------------------------------- */

void link_offline(struct gnatter *g)
{
	g->online = false;
	g->connecting = false;
	g->synced_ms = 0;
	rooms_offline(g);
	request_offline(g);
	outbox_offline(g);
	ticks_offline(g);
}

static void try_later(struct gnatter *g, const char *reason, bool long_wait)
{
	uint32_t wait = backoff_next(&g->backoff, random_bits());

	if (long_wait)
		wait = g->o.retry_max_ms;
	g->connect_ms = now_ms() + wait;
	client_log(g, "offline: %s; next attempt in %" PRIu32 " ms", reason, wait);
	link_status(g, GNATTER_OFFLINE, reason, wait);
}

void link_ended(struct gnatter *g, const struct net_event *e)
{
	bool tried = g->connecting;

	if (!g->connecting && !g->online)
		return; /* said twice */
	net_close(g->net);
	if (g->synced_ms > 0 && now_ms() - g->synced_ms >= LASTING_MS)
		backoff_reset(&g->backoff);
	link_offline(g);
	g->unauthorized = tried && (e->reason == BAD_LOGIN || e->reason == NOT_AUTHORIZED);
	g->token_again = g->unauthorized;
	if (tried && !g->unauthorized)
		addresses_next(&g->addresses);
	/* Another program is this device, too: the two must not throw each other out for ever. */
	try_later(g, e->text, e->reason == TAKEN_OVER);
}

static void forget_secret(struct gnatter *g)
{
	if (g->secret) {
		explicit_bzero(g->secret, strlen(g->secret));
		free(g->secret);
	}
	g->secret = NULL;
}

/* A token, if one is needed. False if there is none. */
static bool have_secret(struct gnatter *g)
{
	bool fixed = g->o.secret != NULL;

	if (g->o.callbacks.on_token && (!fixed || g->token_again)) {
		char *fresh = g->o.callbacks.on_token(g->o.ctx, g);

		if (fresh || !fixed) {
			forget_secret(g);
			g->secret = fresh;
		}
	}
	return g->secret != NULL;
}

static void attempt(struct gnatter *g)
{
	char topic[sizeof("presence//") + NAME_USER_MAX + NAME_DEVICE_MAX];
	struct net_connect c = {.address = addresses_now(&g->addresses),
		.user = g->user,
		.ca_file = g->ca_file,
		.will_topic = topic,
		.will = "offline",
		.keep_alive_s = g->o.keep_alive_s,
		.will_delay_s = g->o.will_delay_s,
		.session_expiry_s = g->o.session_expiry_s,
		.timeout_s = (g->o.connect_timeout_ms + 999) / 1000};
	const char *why;

	if (!have_secret(g)) {
		g->unauthorized = true;
		try_later(g, "there is no token", false);
		return;
	}
	c.secret = g->secret;
	snprintf(topic, sizeof(topic), "presence/%s/%s", g->user, g->device);
	g->connecting = true;
	link_status(g, GNATTER_CONNECTING, "", 0);
	if (net_connect(g->net, &c, &why) != GNATTER_OK) {
		struct net_event e = {.kind = NET_FAILED};

		snprintf(e.text, sizeof(e.text), "%s", why);
		link_ended(g, &e);
	}
}

void link_run(struct gnatter *g, int64_t now)
{
	if (!g->online && !g->connecting && now >= g->connect_ms)
		attempt(g);
}

int64_t link_due(const struct gnatter *g)
{
	return g->online || g->connecting ? NEVER : g->connect_ms;
}

void link_connected(struct gnatter *g)
{
	if (!g->connecting)
		return;
	g->connecting = false;
	g->online = true;
	g->unauthorized = false;
	g->token_again = false;
	link_status(g, GNATTER_ONLINE, "", 0);
	link_presence(g);
	people_subscribe(g, true);
	sync_start(g);
	g->outbox_ms = 0;
	g->marks_ms = 0;
}

/* --- publishing
 * ----------------------------------------------------------------------------------- */

bool link_publish(struct gnatter *g, const struct net_publish *p)
{
	return g->online && net_publish(g->net, p) == GNATTER_OK;
}

static void say_presence(struct gnatter *g, struct bytes payload, uint64_t number)
{
	char topic[sizeof("presence//") + NAME_USER_MAX + NAME_DEVICE_MAX];

	snprintf(topic, sizeof(topic), "presence/%s/%s", g->user, g->device);
	link_publish(g, &(struct net_publish){.topic = topic,
				.payload = payload,
				.qos = 1,
				.retain = true,
				.number = number});
}

void link_presence(struct gnatter *g)
{
	char state[sizeof(g->state)], text[sizeof(g->text)];
	struct buf b = {0};

	pthread_mutex_lock(&g->lock);
	memcpy(state, g->state, sizeof(state));
	memcpy(text, g->text, sizeof(text));
	pthread_mutex_unlock(&g->lock);
	if (strcmp(state, "offline") == 0) {
		buf_str(&b, state);
	} else {
		buf_printf(&b, "{\"state\":\"%s\"", state);
		if (*text) {
			buf_str(&b, ",\"text\":");
			json_put_string(&b, text, strlen(text));
		}
		buf_str(&b, "}");
	}
	if (!b.failed)
		say_presence(g, (struct bytes){b.data, b.len}, 0);
	buf_free(&b);
}

void link_goodbye(struct gnatter *g)
{
	g->goodbye_taken = false;
	g->said_goodbye = link_number(g);
	say_presence(g, (struct bytes){"offline", 7}, g->said_goodbye);
}
