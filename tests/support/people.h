/* people.h — who sees what of whom: devices that say that they are there, and those who watch.
 *
 * Main thread only; all that is made here ends with the test.
 */
#ifndef GNATTER_TESTS_PEOPLE_H
#define GNATTER_TESTS_PEOPLE_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct instance;
struct message;

/* A running instance with an admin boss, users u0, u1, ..., and for each a friend f0, f1, ...; the
 * two are in each other's contacts. */
struct instance *people_instance(int pairs, int grace_ms);

/* The owner takes somebody into his contacts, on a script's connection of its own. */
void people_befriend(struct instance *i, const char *owner, const char *other);

/* A connection as a shell script has it: without a device's name, MQTT 5. */
struct client *people_script(struct instance *i, const char *user);

/* A device as an app would be: with a retained last will "offline"; it has said "online". */
struct client *people_device(struct instance *i, const char *user, const char *device, int version);

/* Retained on presence/<user>/<device>, and accepted. */
void people_say(struct client *c, const char *user, const char *device, const char *payload);

/* A new connection of the viewer, subscribed to presence/<user>. */
struct client *people_watch(struct instance *i, const char *viewer, const char *user);

/* Wait until the newest on presence/<user> says so. Lent as by client_take. */
struct message *people_wait(struct client *watcher, const char *user, bool online);

/* The same with how many devices, which state and text (NULL: there is none). */
struct message *people_wait_says(
	struct client *watcher, const char *user, int devices, const char *state, const char *text);

/* Wait until it says offline, which is to come in so many ms after a moment (more is granted with
 * sanitizers), and then as people_expect_gone. Prints how long it took. */
void people_expect_gone_within(struct instance *i, struct client *watcher, const char *viewer,
	const char *user, const char *how, int64_t since_ms, int64_t within_ms);

/* It says so many devices, and goes on without saying offline for a while. */
void people_expect_stays(struct client *watcher, const char *user, int devices, int while_ms);

/* What a new connection of the viewer gets on a topic at once; NULL if nothing. */
struct message *people_retained(struct instance *i, const char *viewer, const char *topic);

/* Fail the test unless nobody is shown a ghost of the user, whose contact is the viewer: not the
 * retained presence, not api/contacts (where the viewer has the user, too), not api/user.get, nor
 * the user himself on any presence/<user>/<device>. Ends with a look as that user, who is online
 * for it. */
void people_expect_gone(struct instance *i, const char *viewer, const char *user);

#endif
