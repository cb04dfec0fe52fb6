/* hooks.c — see hooks.h.
 *
 * The broker's ACL_CHECK for READ is called for every delivery, so what stands between it and
 * access_read() is a lookup by pointer and a few counters.
 */
#include "hooks.h"

#include <string.h>

#include "arrivals.h"
#include "expel.h"
#include "intake.h"
#include "plugin.h"
#include "refuse.h"
#include "wire/json.h"
#include "wire/record.h"

static const int answers[] = {
	[VERDICT_DENY] = MOSQ_ERR_ACL_DENIED,
	[VERDICT_ALLOW] = MOSQ_ERR_SUCCESS,
	[VERDICT_DEFER] = MOSQ_ERR_PLUGIN_DEFER,
};

static int on_basic_auth(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_basic_auth *e = event_data;

	(void)event;
	return arrivals_signin(userdata, e->client, e->username, e->password);
}

/* Who has no connection that we know: see access_absent(). */
static struct identity *absent(struct plugin *p, const struct mosquitto *client)
{
	return access_absent(
		p->access, mosquitto_client_id(client), mosquitto_client_username(client));
}

/* What the broker has queued for a session that is resumed may be older than the account, or from
 * before the device was removed: then it was for another one who had the name, or the device,
 * before. Everything with a time says it, that of the same millisecond included; of the rest nobody
 * can tell. */
static bool is_anothers(const struct conn *conn, struct bytes payload)
{
	uint64_t ts = payload.len ? json_peek_u64(payload.data, payload.len, "ts") : 0;

	return ts == 0 ? conn->id.doubt : ts <= conn->id.floor;
}

/* Somebody whose account is gone, disabled, or another's by now, has no business here. */
static void close_if_dead(struct plugin *p, struct conn *conn)
{
	bool ok = conn->id.system || facts_account_ok(p->facts, &conn->id);

	if (!ok && conn->id.memo.version != 0) /* 0: the directory could not be read */
		expel_choose_one(p, conn);
}

static bool is_connected(const struct plugin *p, const struct topic *t)
{
	const struct person *person = conns_person(p->conns, t->user);
	const struct conn *conn = person ? person_conns(person) : NULL;

	for (; conn; conn = conn->in[CONN_OF_PERSON].next) {
		struct bytes device = identity_device(&conn->id);

		if (!conn->replaced && bytes_equal(t->device, device.data, device.len))
			return true;
	}
	return false;
}

/* In one of the two forms that a device has for it. */
static bool says_offline(struct bytes word)
{
	static const char json[] = "{\"state\":\"offline\"";

	return bytes_equal(word, "offline", 7) ||
	       (word.len >= sizeof(json) - 1 && memcmp(word.data, json, sizeof(json) - 1) == 0);
}

/* What the broker retained before it was started anew, perhaps long before, may be about somebody
 * who has gone since, or about another one of that name: presence is shown as it was told since, a
 * device's word while it is there, a story if it is of the account that there is. */
static bool is_ghost(struct plugin *p, const char *topic, struct bytes payload)
{
	const struct topic *t = access_topic(p->access, topic);
	struct user owner;
	uint64_t ts;

	if (t->kind == TOPIC_PRESENCE_USER) {
		ts = presence_ts(payload);
		return ts != 0 && ts < p->roll.started;
	}
	if (t->kind == TOPIC_USER_STATUS && payload.len > 0)
		return facts_account(p->facts, t->user, &owner) != ERR_OK ||
		       json_peek_u64(payload.data, payload.len, "ts") < owner.created;
	return t->kind == TOPIC_PRESENCE_DEVICE && payload.len > 0 && !says_offline(payload) &&
	       !is_connected(p, t);
}

static enum verdict check_read(struct plugin *p, const struct mosquitto_evt_acl_check *e)
{
	struct conn *conn = conns_find(p->conns, e->client);
	struct identity *id = conn ? &conn->id : absent(p, e->client);
	struct delivery d = {.topic = e->topic,
		.payload = {e->payload, e->payload ? e->payloadlen : 0},
		.retain = e->retain,
		.queued = conn && conn == p->resuming};
	enum verdict v = VERDICT_DENY;

	p->counters->deliveries_checked++;
	if (id && !(conn && conn->closing))
		v = access_read(p->access, id, &d);
	if (v == VERDICT_ALLOW && !access_was_chat(p->access) && d.retain &&
		is_ghost(p, e->topic, d.payload))
		v = VERDICT_DENY;
	if (v == VERDICT_ALLOW && d.queued && is_anothers(conn, d.payload))
		v = VERDICT_DENY;
	if (v == VERDICT_DENY) {
		p->counters->deliveries_refused++;
		if (conn) {
			expel_forgot(p, conn);
			close_if_dead(p, conn);
		}
	} else if (conn) {
		expel_count(conn, access_was_chat(p->access), p->period);
	}
	return v;
}

static void tell_why(struct plugin *p, struct conn *conn, const char *topic)
{
	bool invalid = access_topic(p->access, topic)->kind == TOPIC_INVALID;

	refuse(p, conn, invalid ? ERR_BAD_NAME : ERR_FORBIDDEN,
		invalid ? "there is no such topic, or a name in it is not valid" : NULL, topic);
}

static enum verdict check_write(struct plugin *p, const struct mosquitto_evt_acl_check *e)
{
	struct conn *conn = conns_find(p->conns, e->client);
	struct identity *id = conn ? &conn->id : absent(p, e->client);
	struct publish publish = {e->topic, e->payloadlen, e->qos, e->retain};
	enum verdict v = VERDICT_DENY;

	if (id && !(conn && conn->closing))
		v = access_write(p->access, id, &publish);
	if (v == VERDICT_DENY)
		p->counters->refused_access++; /* a will is told to nobody */
	if (v == VERDICT_DENY && conn && !id->absent && !conn->closing) {
		tell_why(p, conn, e->topic);
		close_if_dead(p, conn);
	}
	return v;
}

static enum verdict check_subscribe(struct plugin *p, const struct mosquitto_evt_acl_check *e)
{
	struct conn *conn = conns_find(p->conns, e->client);
	enum verdict v = VERDICT_DENY;

	expel_resumed(p);
	if (!conn)
		conn = arrivals_adopt(p, e->client);
	if (conn)
		v = access_subscribe(p->access, &conn->id, e->topic);
	if (v == VERDICT_DENY)
		p->counters->refused_subscribe++;
	else if (e->qos > 0)
		conn->queues = true;
	return v;
}

static int on_acl_check(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_acl_check *e = event_data;

	(void)event;
	switch (e->access) {
	case MOSQ_ACL_READ:
		return answers[check_read(userdata, e)];
	case MOSQ_ACL_WRITE:
		return answers[check_write(userdata, e)];
	case MOSQ_ACL_SUBSCRIBE:
		return answers[check_subscribe(userdata, e)];
	case MOSQ_ACL_UNSUBSCRIBE:
		return MOSQ_ERR_SUCCESS; /* also for one who lost the right to subscribe */
	default:
		return MOSQ_ERR_ACL_DENIED;
	}
}

static int on_message(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_message *e = event_data;
	struct plugin *p = userdata;
	struct conn *conn = conns_find(p->conns, e->client);

	(void)event;
	expel_resumed(p);
	if (!conn)
		conn = arrivals_adopt(p, e->client);
	return conn && !conn->closing ? intake(p, conn, e) : MOSQ_ERR_ACL_DENIED;
}

static int on_control(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_control *e = event_data;
	struct plugin *p = userdata;
	struct conn *conn = conns_find(p->conns, e->client);

	(void)event;
	expel_resumed(p);
	if (!conn || conn->closing)
		return MOSQ_ERR_SUCCESS;
	return link_control(p, conn, e->payload, e->payloadlen);
}

/* Also OFFLINE of 2.1, which is laid out alike. */
static int on_disconnect(int event, void *event_data, void *userdata)
{
	const struct mosquitto_evt_disconnect *e = event_data;
	struct plugin *p = userdata;
	struct conn *conn = conns_find(p->conns, e->client);

	(void)event;
	if (conn)
		arrivals_gone(p, conn);
	return MOSQ_ERR_SUCCESS;
}

static int on_tick(int event, void *event_data, void *userdata)
{
	struct mosquitto_evt_tick *e = event_data;
	struct plugin *p = userdata;
	int64_t now = broker_clock_ms();

	(void)event;
	p->ticked = true;
	p->reloading = false;
	p->period = (uint32_t)(now / EXPEL_PERIOD_MS);
	spool_alive(p->spool, (uint64_t)broker_now_ms());
	facts_rest(p->facts, now);
	roll_catch_up(p);
	expel_resumed(p);
	access_tick(p->access);
	if (p->link.wait_ticks == 0)
		expel_close(p);
	/* 2.1 takes it as ms until the next tick; 2.0 ticks by itself, often enough. */
	e->next_ns = link_tick(p);
	return MOSQ_ERR_SUCCESS;
}

static void reload_keys(struct plugin *p)
{
	struct jwt_keys keys = {0};
	const char *why = NULL;

	if (jwt_load_hs256(&keys, p->conf.token_key_file, &why) != ERR_OK ||
		(p->conf.token_public_key_file[0] != '\0' &&
			jwt_load_eddsa(&keys, p->conf.token_public_key_file, &why) != ERR_OK)) {
		mosquitto_log_printf(
			MOSQ_LOG_ERR, "gnatter: the keys for tokens stay as they were: %s", why);
		return;
	}
	p->door.keys = keys;
}

static int on_reload(int event, void *event_data, void *userdata)
{
	struct plugin *p = userdata;
	struct conf next = p->conf;
	char why[512];

	(void)event;
	(void)event_data;
	p->reloading = p->ticked;
	if (conf_load(&next, p->conf_path, why, sizeof(why)) != ERR_OK)
		mosquitto_log_printf(
			MOSQ_LOG_ERR, "gnatter: the configuration stays as it was: %s", why);
	else if (conf_reload(&p->conf, &next))
		mosquitto_log_printf(MOSQ_LOG_WARNING, "gnatter: some changed options take effect "
						       "when the broker is started anew");
	reload_keys(p);
	return MOSQ_ERR_PLUGIN_DEFER; /* let other plugins reload, too */
}

static const struct hook {
	int event;
	MOSQ_FUNC_generic_callback call;
	const char *topic; /* CONTROL only */
	bool optional;     /* not every broker has it */
} hooks[] = {
	{MOSQ_EVT_BASIC_AUTH, on_basic_auth, NULL, false},
	{MOSQ_EVT_ACL_CHECK, on_acl_check, NULL, false},
	{MOSQ_EVT_MESSAGE, on_message, NULL, false},
	{MOSQ_EVT_CONTROL, on_control, CONTROL_TOPIC, false},
	{MOSQ_EVT_DISCONNECT, on_disconnect, NULL, false},
	{MOSQ_EVT_TICK, on_tick, NULL, false},
	{MOSQ_EVT_RELOAD, on_reload, NULL, false},
	{BROKER_EVT_OFFLINE, on_disconnect, NULL, true},
};

int hooks_register(struct plugin *p)
{
	const struct hook *h;

	for (; p->hooks < sizeof(hooks) / sizeof(*hooks); p->hooks++) {
		int rc;

		h = &hooks[p->hooks];
		rc = mosquitto_callback_register(p->broker, h->event, h->call, h->topic, p);
		if (rc != MOSQ_ERR_SUCCESS && !h->optional)
			return rc;
	}
	return MOSQ_ERR_SUCCESS;
}

void hooks_unregister(struct plugin *p)
{
	while (p->hooks > 0) {
		const struct hook *h = &hooks[--p->hooks];

		mosquitto_callback_unregister(p->broker, h->event, h->call, h->topic);
	}
}
