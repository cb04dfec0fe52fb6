/* arrivals.h — connections coming and going. */
#ifndef GNATTER_PLUGIN_ARRIVALS_H
#define GNATTER_PLUGIN_ARRIVALS_H

struct conn;
struct mosquitto;
struct plugin;

/* MOSQ_EVT_BASIC_AUTH: MOSQ_ERR_AUTH, or MOSQ_ERR_SUCCESS and the connection is known. */
int arrivals_signin(
	struct plugin *p, struct mosquitto *client, const char *user, const char *password);

/* A connection that the broker let in by itself, by its certificate (use_identity_as_username):
 * taken as that user's if the names fit and the account may sign in. Only for a client that is
 * doing something now: there is then an event for its end. NULL: refuse everything. */
struct conn *arrivals_adopt(struct plugin *p, struct mosquitto *client);

void arrivals_gone(struct plugin *p, struct conn *conn);

#endif
