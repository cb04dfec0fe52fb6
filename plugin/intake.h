/* intake.h — a publish that access allowed: into the spool, or refused with a reason. */
#ifndef GNATTER_PLUGIN_INTAKE_H
#define GNATTER_PLUGIN_INTAKE_H

struct conn;
struct mosquitto_evt_message;
struct plugin;

/* What MOSQ_EVT_MESSAGE is to return. Once this says success for a send, ack or api topic, or
 * for presence/<u>/<d>, the message is in the spool. */
int intake(struct plugin *p, struct conn *conn, struct mosquitto_evt_message *e);

#endif
