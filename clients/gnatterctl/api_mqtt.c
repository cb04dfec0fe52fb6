/* api_mqtt.c — requests to a running daemon, over MQTT 5 on the daemon's own listener.
 *
 * The Correlation Data of a request is its number. The answer is addressed to this client id, so
 * nothing is subscribed. What was published is never published again: whether a request that was
 * not answered has been carried out, the operator must look.
 */
#include <errno.h>
#include <mosquitto.h>
#include <mqtt_protocol.h>
#include <poll.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatterctl/api_transport.h"
#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/say.h"
#include "wire/jwt.h"
#include "wire/record.h"

#define TOKEN_LIFE_MS 60000
#define KEEPALIVE_S   60
#define RETRY_MS      50 /* between attempts to connect, while the broker may be starting */

struct link {
	struct mosquitto *mosq;
	struct api *api;
	const char *broker;
	int connack; /* reason code; -1 until it came */
	int refusal; /* reason code of a refused publish; 0 if none */
	int arrived; /* answers since `wait` began */
	int lost;    /* the connection ended: MOSQ_ERR_ code */
};

static void on_connect(
	struct mosquitto *m, void *ctx, int reason, int flags, const mosquitto_property *props)
{
	struct link *l = ctx;

	(void)m;
	(void)flags;
	(void)props;
	l->connack = reason;
}

static void on_disconnect(
	struct mosquitto *m, void *ctx, int reason, const mosquitto_property *props)
{
	struct link *l = ctx;

	(void)m;
	(void)props;
	l->lost = reason ? reason : MOSQ_ERR_CONN_LOST;
}

static void on_publish(
	struct mosquitto *m, void *ctx, int mid, int reason, const mosquitto_property *props)
{
	struct link *l = ctx;

	(void)m;
	(void)mid;
	(void)props;
	if (reason >= 0x80)
		l->refusal = reason;
}

static void on_message(struct mosquitto *m, void *ctx, const struct mosquitto_message *msg,
	const mosquitto_property *props)
{
	struct link *l = ctx;
	void *data = NULL;
	uint16_t len = 0;
	uint32_t number = 0;

	(void)m;
	if (mosquitto_property_read_binary(props, MQTT_PROP_CORRELATION_DATA, &data, &len, false) &&
		len == sizeof(number)) {
		memcpy(&number, data, sizeof(number));
		api_arrived(l->api, number, msg->payload, (size_t)msg->payloadlen);
		l->arrived++;
	}
	free(data);
}

static bool mint(const struct instance *in, char token[JWT_MAX])
{
	struct jwt claims = {.sub = CTL_CLIENT, .role = ROLE_ADMIN, .role_set = true};
	struct jwt_keys keys = {0};
	const char *why = NULL;

	if (jwt_load_hs256(&keys, in->conf.token_key_file, &why) != ERR_OK) {
		fail("%s: %s", in->conf.token_key_file, why);
		return false;
	}
	claims.iat_ms = wall_ms();
	claims.exp_ms = claims.iat_ms + TOKEN_LIFE_MS;
	if (jwt_mint(token, JWT_MAX, &claims, &keys) != ERR_OK) {
		fail("cannot make a token");
		return false;
	}
	return true;
}

/* "unix:PATH" or "HOST:PORT" taken apart; a unix socket has the port 0. */
static bool address(const char *broker, char host[CONF_PATH_MAX], int *port)
{
	const char *colon = strrchr(broker, ':');

	if (strncmp(broker, "unix:", 5) == 0) {
		snprintf(host, CONF_PATH_MAX, "%s", broker + 5);
		*port = 0;
		return true;
	}
	if (!colon || colon == broker || atoi(colon + 1) <= 0) {
		fail("the option broker of gnatter.conf is neither unix:PATH nor HOST:PORT");
		return false;
	}
	snprintf(host, CONF_PATH_MAX, "%.*s", (int)(colon - broker), broker);
	*port = atoi(colon + 1);
	return true;
}

/* Connect, again and again while nobody listens: the broker may be on its way up, or what holds the
 * daemon's lock may be no daemon but the work of another gnatterctl, about to end. */
static enum api_opened reach(
	const struct link *l, const struct instance *in, const char *host, int port)
{
	int64_t until = now_ms() + API_PATIENCE_MS;
	int rc;

	while ((rc = mosquitto_connect_bind_v5(l->mosq, host, port, KEEPALIVE_S, NULL, NULL)) !=
		MOSQ_ERR_SUCCESS) {
		int why = errno;

		if (rc != MOSQ_ERR_ERRNO || (why != ECONNREFUSED && why != ENOENT) ||
			now_ms() >= until) {
			fail("the daemon runs, but the broker does not answer at %s: %s", l->broker,
				rc == MOSQ_ERR_ERRNO ? strerror(why) : mosquitto_strerror(rc));
			return API_FAILED;
		}
		poll(NULL, 0, RETRY_MS);
		if (!instance_daemon_runs(in))
			return API_GONE;
	}
	return API_OPENED;
}

static bool sign_in(struct link *l)
{
	int64_t until = now_ms() + API_PATIENCE_MS;

	while (l->connack < 0 && !l->lost && now_ms() < until)
		if (mosquitto_loop(l->mosq, 100, 1) != MOSQ_ERR_SUCCESS)
			break;
	if (l->connack == 0)
		return true;
	if (l->connack > 0)
		fail("the broker refuses the instance's own token (%s); was it started with "
		     "another key?",
			mosquitto_reason_string(l->connack));
	else
		fail("the broker at %s took the connection, but not the sign-in", l->broker);
	return false;
}

static void link_close(void *state)
{
	struct link *l = state;

	if (l->mosq) {
		mosquitto_disconnect_v5(l->mosq, 0, NULL);
		mosquitto_destroy(l->mosq);
	}
	free(l);
	mosquitto_lib_cleanup();
}

static enum api_opened link_open(void **state, struct api *a, const struct instance *in)
{
	struct link *l = need(calloc(1, sizeof(*l)));
	enum api_opened opened = API_FAILED;
	char token[JWT_MAX], host[CONF_PATH_MAX], id[64];
	int port = 0;

	*l = (struct link){.api = a, .broker = in->conf.broker, .connack = -1};
	mosquitto_lib_init();
	snprintf(
		id, sizeof(id), CTL_CLIENT "-%08x%08x", randombytes_random(), randombytes_random());
	l->mosq = need(mosquitto_new(id, true, l));
	mosquitto_int_option(l->mosq, MOSQ_OPT_PROTOCOL_VERSION, MQTT_PROTOCOL_V5);
	mosquitto_connect_v5_callback_set(l->mosq, on_connect);
	mosquitto_disconnect_v5_callback_set(l->mosq, on_disconnect);
	mosquitto_publish_v5_callback_set(l->mosq, on_publish);
	mosquitto_message_v5_callback_set(l->mosq, on_message);
	if (mint(in, token) && address(in->conf.broker, host, &port) &&
		mosquitto_username_pw_set(l->mosq, CTL_CLIENT, token) == MOSQ_ERR_SUCCESS)
		opened = reach(l, in, host, port);
	if (opened == API_OPENED && !sign_in(l))
		opened = API_FAILED;
	sodium_memzero(token, sizeof(token));
	if (opened != API_OPENED) {
		link_close(l);
		l = NULL;
	}
	*state = l;
	return opened;
}

static bool link_ask(
	void *state, uint32_t number, const char *method, const char *params, size_t len)
{
	struct link *l = state;
	mosquitto_property *props = NULL;
	char topic[64], reply[64];
	int rc;

	snprintf(topic, sizeof(topic), "api/%s", method);
	snprintf(reply, sizeof(reply), "reply/%s", method);
	rc = mosquitto_property_add_string(&props, MQTT_PROP_RESPONSE_TOPIC, reply);
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_property_add_binary(
			&props, MQTT_PROP_CORRELATION_DATA, &number, sizeof(number));
	if (rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_publish_v5(l->mosq, NULL, topic, (int)len, params, 1, false, props);
	mosquitto_property_free_all(&props);
	if (rc != MOSQ_ERR_SUCCESS)
		fail("cannot send the request to the broker: %s", mosquitto_strerror(rc));
	return rc == MOSQ_ERR_SUCCESS;
}

static bool link_wait(void *state)
{
	struct link *l = state;
	int64_t until = now_ms() + API_PATIENCE_MS;
	int rc = MOSQ_ERR_SUCCESS;

	l->arrived = 0;
	while (!l->arrived && !l->refusal && !l->lost && now_ms() < until && rc == MOSQ_ERR_SUCCESS)
		rc = mosquitto_loop(l->mosq, 100, 1);
	if (l->arrived)
		return true;
	if (l->refusal)
		fail("the broker refused the request (%s): too large, too many at once, or the "
		     "spool is full",
			mosquitto_reason_string(l->refusal));
	else if (l->lost || rc != MOSQ_ERR_SUCCESS)
		fail("the connection to the broker ended before the answer came (%s); the request "
		     "may have "
		     "been carried out",
			mosquitto_strerror(rc != MOSQ_ERR_SUCCESS ? rc : l->lost));
	else
		fail("the daemon did not answer within %d seconds; the request may yet be carried "
		     "out",
			API_PATIENCE_MS / 1000);
	return false;
}

const struct api_transport api_mqtt = {link_open, link_ask, link_wait, link_close};
