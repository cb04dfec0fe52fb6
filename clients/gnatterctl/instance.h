/* instance.h — the directory that is an instance, found, checked and entered as its owner.
 *
 *   DIR/mosquitto.conf   DIR/gnatter.conf   DIR/keys/token.key
 *   DIR/data/{store,directory,broker}/, DIR/data/spool
 *   DIR/run/broker.sock, mosquitto.pid, gnatterd.pid, gnatterctl.lock
 *   DIR/log/broker.log, daemon.log
 *
 * Started as root, gnatterctl becomes the owner of DIR before it touches anything in it: the plugin
 * and the daemon run as that user and must be able to use whatever is made there.
 */
#ifndef GNATTERCTL_INSTANCE_H
#define GNATTERCTL_INSTANCE_H

#include <stdbool.h>

#include "wire/conf.h"

#define PATH_SIZE (CONF_PATH_MAX + 64)

struct instance {
	char dir[CONF_PATH_MAX]; /* absolute */
	struct conf conf;
};

/* Find the instance (dir, else $GNATTER_DIR, else the current directory), become its owner, read
 * its gnatter.conf. False if it cannot be used, said on stderr. */
bool instance_open(struct instance *in, const char *dir);

/* Path of a part of it. */
bool instance_path(const struct instance *in, const char *name, char out[PATH_SIZE]);

/* Does a daemon serve it at this moment: does anybody hold the lock on run/gnatterd.pid? */
bool instance_daemon_runs(const struct instance *in);

/* Starting a gnatterd of any kind is for one gnatterctl at a time: wait for the turn, which lasts
 * until the returned descriptor is closed. -1 if it does not come within 10 s, said on stderr. */
int instance_take_turn(const struct instance *in);

/* Become the user with that uid and all of the user's groups; root's doing. False said on stderr.
 */
bool become_user(unsigned uid, unsigned gid);

#endif
