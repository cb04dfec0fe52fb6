/* arrivals.c — see arrivals.h.
 *
 * When a client takes over from another with the same client id, the broker asks for the new one
 * before it tells that the old one is gone. The bridge is told in the order in which it makes
 * sense: at that moment the old one ends for it, and what the broker says of it later is no news.
 *
 * On a reload the broker asks again for everybody, with the passwords of then. Tokens may have
 * expired since, and passwords would be hashed all at once, so the answer is only whether the
 * account is still there. That it is such a question 2.1 tells by knowing the client's connection
 * already. In 2.0 the question comes between RELOAD and the next tick, when no new connection is
 * read, but of WebSockets: those count only if they are known here.
 */
#include "arrivals.h"

#include <ctype.h>
#include <string.h>

#include "expel.h"
#include "plugin.h"

#define LOG_PER_SECOND 5
#define LOG_BURST      50
#define LOG_NAME_MAX   64

/* A name from a stranger, as it may stand in a log. */
static void printable(char out[LOG_NAME_MAX + 1], const char *s)
{
	size_t i;

	for (i = 0; s && s[i] != '\0' && i < LOG_NAME_MAX; i++)
		out[i] = s[i];
	out[i] = '\0';
	for (i = 0; out[i] != '\0'; i++) {
		if (iscntrl((unsigned char)out[i]))
			out[i] = '?';
	}
}

static int refuse_signin(struct plugin *p, const struct signin *s, enum err e, const char *why)
{
	char user[LOG_NAME_MAX + 1], client[LOG_NAME_MAX + 1];

	p->counters->signins_refused++;
	p->counters->signins_throttled += e == ERR_RATE_LIMITED;
	if (bucket_take(&p->log, LOG_PER_SECOND, LOG_BURST, broker_clock_ms(), 1)) {
		printable(user, s->user);
		printable(client, s->client);
		mosquitto_log_printf(MOSQ_LOG_NOTICE,
			"gnatter: sign-in of '%s' as '%s' from %s refused: %s", user, client,
			s->address ? s->address : "?", why);
	}
	return MOSQ_ERR_AUTH;
}

static void replace(struct plugin *p, struct conn *old)
{
	roll_gone(p, old);
	link_gone(p, old);
	old->replaced = true;
	old->id.absent = true;
}

/* Let in who was found to be r->id. NULL with r->why if there is something against it. */
static struct conn *admit(
	struct plugin *p, struct mosquitto *client, const struct signin *s, struct signin_result *r)
{
	struct person *person = conns_person(p->conns, identity_user(&r->id));
	struct conn *old = conns_client(p->conns, s->client), *conn;
	size_t others = person ? person->count : 0;

	if (old && old->person != person) {
		r->why = "the client id is in use by another user";
		return NULL;
	}
	if (!r->id.system && others - (old != NULL) >= (size_t)p->conf.connections_per_user_max) {
		r->why = "the user has too many connections";
		return NULL;
	}
	conn = conns_add(p->conns, client, &r->id, s->client, s->address);
	if (!conn) {
		r->why = "out of memory";
		return NULL;
	}
	conn->mqtt5 = mosquitto_client_protocol_version(client) == 5;
	conn->clean = s->clean;
	conn->queues = !s->clean;
	if (old)
		replace(p, old);
	p->counters->connections = conns_count(p->conns);
	roll_connected(p, conn);
	link_flush(p);
	return conn;
}

static struct signin signin_of(struct mosquitto *client, const char *user, const char *password)
{
	return (struct signin){
		.client = mosquitto_client_id(client),
		.user = user,
		.password = password,
		.address = mosquitto_client_address(client),
		.clean = mosquitto_client_clean_session(client),
	};
}

static bool is_asked_again(
	const struct plugin *p, const struct mosquitto *client, const struct conn *conn)
{
	const char *id = mosquitto_client_id(client);

	if (mosquitto_client)
		return id && mosquitto_client(id) == client;
	return p->reloading && (conn || mosquitto_client_protocol(client) == mp_mqtt);
}

int arrivals_signin(
	struct plugin *p, struct mosquitto *client, const char *user, const char *password)
{
	struct conn *conn = conns_find(p->conns, client);
	struct signin s = signin_of(client, user, password);
	struct signin_result r;
	enum err e;

	if (is_asked_again(p, client, conn))
		return !conn || facts_account_ok(p->facts, &conn->id) ? MOSQ_ERR_SUCCESS
								      : MOSQ_ERR_AUTH;
	/* The broker tells the end of every connection, so there is none; if there were one, it
	 * would be another's that had this memory before. */
	if (conn)
		arrivals_gone(p, conn);
	expel_resumed(p);
	e = signin_check(&p->door, &s, broker_now_ms(), broker_clock_ms(), &r);
	if (e != ERR_OK || !admit(p, client, &s, &r))
		return refuse_signin(p, &s, e, r.why);
	expel_resuming(p, conns_find(p->conns, client));
	if (r.by_token)
		p->counters->signins_token++;
	else
		p->counters->signins_password++;
	return MOSQ_ERR_SUCCESS;
}

struct conn *arrivals_adopt(struct plugin *p, struct mosquitto *client)
{
	struct signin s = signin_of(client, mosquitto_client_username(client), NULL);
	struct signin_result r;

	if (!signin_names(&s, &r) || !facts_account_ok(p->facts, &r.id))
		return NULL;
	return admit(p, client, &s, &r);
}

void arrivals_gone(struct plugin *p, struct conn *conn)
{
	link_gone(p, conn);
	if (!conn->replaced)
		roll_gone(p, conn);
	if (p->resuming == conn)
		p->resuming = NULL;
	conns_remove(p->conns, conn);
	p->counters->connections = conns_count(p->conns);
	link_flush(p);
}
