/* plugin.h — gnatter.so: what runs inside the broker, and how its parts hang together.
 *
 *   plugin.c     the broker's entry points: build everything, register, take it down again
 *   hooks.c      what the broker tells and asks, handed to the parts
 *   signin.c, password.c, throttle.c      who is it?
 *   access.c, facts.c, chat_numbers.c     may they?
 *   hides.c                               who is shown that he may see something no longer
 *   intake.c, refuse.c                    what is published, into the spool or back
 *   roll.c                                who is there, for the bridge
 *   spool.c, spool_file.c                 what was accepted and is not stored yet
 *   link.c, effects.c, expel.c            frames to the bridge, and what it asks for
 *   conn.c                                connections
 *   broker.c                              the broker's interface
 *
 * Everything runs on the broker's one thread and never waits. Works with per_listener_settings
 * false (the default), where one plugin serves all listeners.
 */
#ifndef GNATTER_PLUGIN_PLUGIN_H
#define GNATTER_PLUGIN_PLUGIN_H

#include "access.h"
#include "broker.h"
#include "conn.h"
#include "facts.h"
#include "link.h"
#include "persist/directory.h"
#include "roll.h"
#include "signin.h"
#include "spool.h"
#include "wire/conf.h"

struct plugin {
	mosquitto_plugin_id_t *broker;
	size_t hooks; /* registered */
	char conf_path[CONF_PATH_MAX];
	struct conf conf;
	struct directory *directory;
	struct spool *spool;
	struct counters *counters; /* in the spool */
	struct facts *facts;
	struct access *access;
	struct doorkeeper door;
	struct conns *conns;
	struct roll roll;
	struct link link;
	struct conn *doomed;   /* connections to be closed: expel.h */
	struct conn *answered; /* last, by this control message; only to be compared: effects.h */
	struct conn *resuming; /* signed in just now: the broker looks through its queue; expel.h */
	uint32_t period;       /* of the clock: expel.h */
	struct bucket log;     /* sentences about refused sign-ins */
	bool reloading;        /* the broker is checking its clients again: hooks.c */
	bool ticked;           /* the broker ticks */
};

#endif
