/* instance.h — what a process does to work on an instance: load its configuration and keys, become
 * its owner, and be the only one.
 */
#ifndef GNATTER_BRIDGE_INSTANCE_H
#define GNATTER_BRIDGE_INSTANCE_H

#include "persist/directory.h"
#include "persist/store.h"
#include "wire/conf.h"
#include "wire/jwt.h"

struct instance {
	struct conf conf;
	char conf_path[CONF_PATH_MAX];
	struct jwt_keys keys;
	int lock_fd; /* of run/gnatterd.pid, held for life */
	struct store *store;
	struct directory *directory;
};

/* On any failure why (of why_size bytes) has one sentence, and instance_close is still to be
 * called. */

/* Load gnatter.conf. A process of root becomes the owner of the folder that holds it: everything it
 * makes then belongs to the one the broker runs as. */
enum err instance_load(struct instance *i, const char *conf_path, char *why, size_t why_size);

/* Take run/gnatterd.pid: ERR_CONFLICT if another process has it. */
enum err instance_lock(struct instance *i, char *why, size_t why_size);

/* Open store and directory for writing, or make empty ones. */
enum err instance_open(struct instance *i, char *why, size_t why_size);
enum err instance_create(struct instance *i, char *why, size_t why_size);

void instance_close(struct instance *i);

#endif
