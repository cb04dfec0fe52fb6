/* link.c — see link.h. */
#include "bridge/link.h"

#include "bridge/clock.h"
#include "wire/record.h"

#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define KEEPALIVE_S    30
#define PAUSE_FIRST_MS 20
#define PAUSE_MAX_MS   1000
#define MISC_EVERY_MS  1000
#define TOKEN_TTL_MS   (60 * 1000)
#define READS_AT_ONCE  16 /* libmosquitto reads about one packet a call */

/* A publish that is not acknowledged yet. */
struct published {
	int mid;
	uint64_t number;
};

struct link {
	struct mosquitto *m; /* owned */
	struct link_handler handler;
	const struct jwt_keys *keys;
	char host[CONF_PATH_MAX];
	int port;       /* 0: host is the path of a unix socket */
	bool connected; /* CONNACK was good */
	bool trying;    /* a connection is open or being opened */
	int64_t pause_ms, try_at_ms;
	char trouble[CONF_PATH_MAX + 128];
	struct published published[LINK_PUBLISHES_MAX];
	size_t published_count;
};

static void on_connect(
	struct mosquitto *m, void *ctx, int rc, int flags, const mosquitto_property *p)
{
	struct link *l = ctx;

	(void)m;
	(void)flags;
	(void)p;
	if (rc != 0) {
		snprintf(l->trouble, sizeof(l->trouble), "the broker refuses the daemon: %s",
			mosquitto_reason_string(rc));
		return;
	}
	l->trouble[0] = '\0';
	l->connected = true;
	l->pause_ms = PAUSE_FIRST_MS;
	l->handler.up(l->handler.ctx);
}

static void on_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *msg,
	const mosquitto_property *p)
{
	struct link *l = ctx;

	(void)m;
	(void)p;
	if (strcmp(msg->topic, FRAME_TOPIC) == 0 && msg->payloadlen > 0)
		l->handler.frame(
			l->handler.ctx, (struct bytes){msg->payload, (size_t)msg->payloadlen});
}

static void on_publish(
	struct mosquitto *m, void *ctx, int mid, int reason, const mosquitto_property *p)
{
	struct link *l = ctx;

	(void)m;
	(void)p;
	for (size_t i = 0; i < l->published_count; i++) {
		uint64_t number = l->published[i].number;

		if (l->published[i].mid != mid)
			continue;
		l->published[i] = l->published[--l->published_count];
		l->handler.published(l->handler.ctx, number, reason == MQTT_RC_SUCCESS);
		return;
	}
}

static enum err parse_address(struct link *l, const char *address, char *why, size_t why_size)
{
	const char *colon = strrchr(address, ':');

	if (strncmp(address, "unix:", 5) == 0) {
		snprintf(l->host, sizeof(l->host), "%s", address + 5);
		l->port = 0;
		return ERR_OK;
	}
	l->port = colon ? atoi(colon + 1) : 0;
	if (!colon || l->port <= 0 || l->port > 65535) {
		snprintf(why, why_size, "broker: %s is neither unix:PATH nor HOST:PORT", address);
		return ERR_BAD_REQUEST;
	}
	snprintf(l->host, sizeof(l->host), "%.*s", (int)(colon - address), address);
	return ERR_OK;
}

enum err link_create(struct link **out, const struct conf *conf, const struct jwt_keys *keys,
	const struct link_handler *handler, char *why, size_t why_size)
{
	struct link *l = calloc(1, sizeof(*l));
	enum err err;

	*out = NULL;
	if (!l)
		return ERR_NOMEM;
	l->handler = *handler;
	l->keys = keys;
	l->pause_ms = PAUSE_FIRST_MS;
	err = parse_address(l, conf->broker, why, why_size);
	if (err == ERR_OK) {
		mosquitto_lib_init();
		l->m = mosquitto_new(BRIDGE_CLIENT, true, l);
		if (!l->m)
			err = ERR_NOMEM;
	}
	if (err != ERR_OK) {
		link_destroy(l);
		return err;
	}
	mosquitto_int_option(l->m, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	mosquitto_int_option(l->m, MOSQ_OPT_TCP_NODELAY, 1);
	mosquitto_connect_v5_callback_set(l->m, on_connect);
	mosquitto_message_v5_callback_set(l->m, on_message);
	mosquitto_publish_v5_callback_set(l->m, on_publish);
	*out = l;
	return ERR_OK;
}

void link_destroy(struct link *l)
{
	if (!l)
		return;
	if (l->m) {
		mosquitto_disconnect(l->m);
		mosquitto_destroy(l->m);
		mosquitto_lib_cleanup();
	}
	free(l);
}

int link_fd(const struct link *l)
{
	return l->trying ? mosquitto_socket(l->m) : -1;
}

bool link_wants_write(const struct link *l)
{
	return l->trying && mosquitto_want_write(l->m);
}

/* A token that is good for this connection only. */
static enum err sign_in(struct link *l)
{
	struct jwt claims = {.sub = BRIDGE_CLIENT, .role = ROLE_SERVICE, .role_set = true};
	char token[JWT_MAX];
	enum err err;

	claims.iat_ms = clock_wall_ms();
	claims.exp_ms = claims.iat_ms + TOKEN_TTL_MS;
	err = jwt_mint(token, sizeof(token), &claims, l->keys);
	if (err == ERR_OK &&
		mosquitto_username_pw_set(l->m, BRIDGE_CLIENT, token) != MOSQ_ERR_SUCCESS)
		err = ERR_NOMEM;
	return err;
}

static void lost(struct link *l, int rc, int64_t now_ms)
{
	bool was = l->connected;

	if (!was && l->trouble[0] == '\0')
		snprintf(l->trouble, sizeof(l->trouble), "cannot reach the broker at %s: %s",
			l->host, mosquitto_strerror(rc));
	l->connected = false;
	l->trying = false;
	l->published_count = 0;
	l->try_at_ms = now_ms + l->pause_ms;
	l->pause_ms = 2 * l->pause_ms < PAUSE_MAX_MS ? 2 * l->pause_ms : PAUSE_MAX_MS;
	if (was)
		l->handler.down(l->handler.ctx);
}

static void try_connect(struct link *l, int64_t now_ms)
{
	int rc;

	l->trouble[0] = '\0';
	if (sign_in(l) != ERR_OK) {
		lost(l, MOSQ_ERR_NOMEM, now_ms);
		return;
	}
	rc = mosquitto_connect_bind_v5(l->m, l->host, l->port, KEEPALIVE_S, NULL, NULL);
	if (rc != MOSQ_ERR_SUCCESS) {
		lost(l, rc, now_ms);
		return;
	}
	l->trying = true;
}

int link_service(struct link *l, bool readable, bool writable, int64_t now_ms)
{
	int rc = MOSQ_ERR_SUCCESS;

	if (!l->trying) {
		if (now_ms < l->try_at_ms)
			return (int)(l->try_at_ms - now_ms);
		try_connect(l, now_ms);
		return l->trying ? MISC_EVERY_MS : (int)(l->try_at_ms - now_ms);
	}
	if (readable)
		rc = mosquitto_loop_read(l->m, READS_AT_ONCE);
	if (rc == MOSQ_ERR_SUCCESS && (writable || mosquitto_want_write(l->m)))
		rc = mosquitto_loop_write(l->m, 1);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_loop_misc(l->m);
	if (rc != MOSQ_ERR_SUCCESS || mosquitto_socket(l->m) < 0)
		lost(l, rc, now_ms);
	return l->trying ? MISC_EVERY_MS : (int)(l->try_at_ms - now_ms);
}

bool link_send(struct link *l, struct bytes message)
{
	return l->connected && mosquitto_publish_v5(l->m, NULL, CONTROL_TOPIC, (int)message.len,
				       message.data, 0, false, NULL) == MOSQ_ERR_SUCCESS;
}

bool link_publish(struct link *l, uint64_t number, const char *topic, struct bytes payload)
{
	struct published *p = &l->published[l->published_count];

	if (!l->connected || l->published_count == LINK_PUBLISHES_MAX ||
		mosquitto_publish_v5(l->m, &p->mid, topic, (int)payload.len, payload.data, 1, false,
			NULL) != MOSQ_ERR_SUCCESS)
		return false;
	p->number = number;
	l->published_count++;
	return true;
}

void link_drop(struct link *l, int64_t now_ms)
{
	if (!l->trying)
		return;
	mosquitto_disconnect(l->m);
	lost(l, MOSQ_ERR_PROTOCOL, now_ms);
}

const char *link_trouble(const struct link *l)
{
	return l->trouble;
}
