/* expel.c — see expel.h. */
#include "expel.h"

#include <stdio.h>
#include <string.h>

#include "plugin.h"

void expel_count(struct conn *conn, bool from_chat, uint32_t period)
{
	if (conn->period != period) {
		conn->recent[1] = conn->period + 1 == period ? conn->recent[0] : 0;
		conn->recent[0] = 0;
		conn->period = period;
	}
	conn->recent[0]++;
	conn->reads += conn->reads < UINT32_MAX;
	conn->chat_reads += from_chat && conn->chat_reads < UINT32_MAX;
}

static uint32_t recently(const struct conn *conn, uint32_t period)
{
	uint32_t age = period - conn->period;

	return age == 0 ? conn->recent[0] + conn->recent[1] : age == 1 ? conn->recent[0] : 0;
}

bool expel_may_have_queued(const struct conn *conn, uint32_t period)
{
	if (conn->chat_reads == 0)
		return false;
	if (!conn->queues)
		return recently(conn, period) > EXPEL_UNDER_WAY;
	return conn->reads > EXPEL_UNDER_WAY;
}

/* The bridge is in the middle of talking to us, and is no user. */
static void choose(struct plugin *p, struct conn *conn)
{
	if (conn->key == p->link.bridge || conn->replaced || conn->closing ||
		conn->in[CONN_DOOMED].from)
		return;
	conn_enter(conn, CONN_DOOMED, &p->doomed);
}

void expel_choose_one(struct plugin *p, struct conn *conn)
{
	choose(p, conn);
}

bool expel_choose_queued(struct plugin *p, struct bytes user)
{
	struct person *person = conns_person(p->conns, user);
	struct conn *conn = person ? person_conns(person) : NULL;

	for (; conn; conn = conn->in[CONN_OF_PERSON].next) {
		if (expel_may_have_queued(conn, p->period))
			choose(p, conn);
	}
	return p->doomed != NULL;
}

bool expel_choose(struct plugin *p, struct bytes user, struct bytes client)
{
	struct person *person = conns_person(p->conns, user);
	struct conn *conn = person ? person_conns(person) : NULL;

	for (; conn; conn = conn->in[CONN_OF_PERSON].next) {
		if (client.len == 0 || bytes_equal(client, conn->client, strlen(conn->client)))
			choose(p, conn);
	}
	return p->doomed != NULL;
}

void expel_resuming(struct plugin *p, struct conn *conn)
{
	p->resuming = conn;
}

void expel_forgot(struct plugin *p, struct conn *conn)
{
	if (conn == p->resuming)
		conn->forgotten++;
}

void expel_resumed(struct plugin *p)
{
	struct conn *conn = p->resuming;

	p->resuming = NULL;
	if (conn && conn->forgotten >= EXPEL_FORGOTTEN)
		choose(p, conn);
}

/* The broker tells us that conn is gone while it closes it, or, of a WebSocket, later. */
static void close_one(struct plugin *p, struct conn *conn)
{
	char client[NAME_CLIENT_MAX + 1];

	snprintf(client, sizeof(client), "%s", conn->client);
	conn_leave(conn, CONN_DOOMED);
	conn->closing = true;
	p->counters->connections_kicked++;
	mosquitto_kick_client_by_clientid(client, true);
}

void expel_close(struct plugin *p)
{
	while (p->doomed)
		close_one(p, p->doomed);
}
