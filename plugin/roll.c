/* roll.c — see roll.h. */
#include "roll.h"

#include <string.h>

#include "plugin.h"
#include "wire/le.h"

static struct bytes text(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

static bool tell(struct plugin *p, enum record_type type, const struct conn *conn)
{
	struct record r = {.type = type};
	char number[8];

	if (conn) {
		r.role = conn->id.role;
		r.flags = (uint8_t)((conn->mqtt5 ? RECORD_MQTT5 : 0) |
				    (conn->clean ? 0 : RECORD_PERSISTS));
		r.user = identity_user(&conn->id);
		r.client = text(conn->client);
		r.device = identity_device(&conn->id);
	}
	if (type == RECORD_CONNECT) {
		le_put64(number, conn->id.floor);
		r.target = text(conn_address(conn));
		r.payload = (struct bytes){number, sizeof(number)};
	}
	if (type == RECORD_BROKER_START && p->roll.started == 0) {
		le_put64(number, spool_ended(p->spool));
		r.payload = (struct bytes){number, sizeof(number)};
	}
	if (spool_append(p->spool, &r, true, (uint64_t)broker_now_ms()) != ERR_OK)
		return false;
	if (type == RECORD_BROKER_START && p->roll.started == 0)
		p->roll.started = r.ts;
	return true;
}

static void untell(void *ctx, struct conn *conn)
{
	struct plugin *p = ctx;

	if (conn->told)
		conn_enter(conn, CONN_UNTOLD, &p->roll.untold);
	conn->told = false;
}

void roll_catch_up(struct plugin *p)
{
	struct conn *conn;

	if (p->roll.anew) {
		if (!tell(p, RECORD_BROKER_START, NULL))
			return;
		p->roll.anew = false;
		conns_each(p->conns, untell, p);
	}
	while ((conn = p->roll.untold)) {
		if (!tell(p, RECORD_CONNECT, conn))
			return;
		conn->told = true;
		conn_leave(conn, CONN_UNTOLD);
	}
}

void roll_start(struct plugin *p)
{
	p->roll.anew = true;
	roll_catch_up(p);
}

void roll_connected(struct plugin *p, struct conn *conn)
{
	if (conn->id.system)
		return;
	conn_enter(conn, CONN_UNTOLD, &p->roll.untold);
	roll_catch_up(p);
}

void roll_gone(struct plugin *p, struct conn *conn)
{
	conn_leave(conn, CONN_UNTOLD);
	if (conn->told && !p->roll.anew && !tell(p, RECORD_DISCONNECT, conn))
		p->roll.anew = true;
	conn->told = false;
}
