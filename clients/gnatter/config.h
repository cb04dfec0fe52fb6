/* config.h — an account of a person on this machine: where the server is, who they are there, and
 * the secret, which nobody else may read.
 *
 *   $XDG_CONFIG_HOME/gnatter/config   "key value" lines, see config_keys
 *   $XDG_CONFIG_HOME/gnatter/token    the token or password, one line, mode 0600
 *   $XDG_STATE_HOME/gnatter/          what the SDK stores: cache and outbox are one file. It must
 *                                     not get lost, so it does not lie among caches
 *
 * Further accounts (--account NAME) have the same below accounts/NAME/ in both places. Main thread.
 */
#ifndef GNATTER_CONFIG_H
#define GNATTER_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#define CONFIG_DEVICE_MAX 27 /* bytes: names of further devices are made of it */
#define CONFIG_SECRET_MAX 8192

struct account {
	const char *name; /* "" is the usual one; lent */
	char *config_dir, *state_dir;
	char *address, *user, *device, *ca_file; /* NULL: not set */
	char *secret;                            /* NULL: not read */
};

struct config_key {
	const char *name;
	size_t offset; /* of its char * in struct account */
	const char *help;
};
extern const struct config_key config_keys[]; /* ends in a row without a name */

/* Read the configuration, if there is one. GN_OK, or what was said. *a is to be finished in any
 * case. */
int account_load(struct account *a, const char *name);
void account_finish(struct account *a);

/* Read the token file into a->secret. GN_SIGNED_OUT if there is none, or others can read it. */
int account_load_secret(struct account *a);

/* What is still missing for a connection? GN_OK, or GN_SIGNED_OUT with a sentence. */
int account_complete(const struct account *a);

/* Write configuration and token, each whole or not at all. Folders are made. */
int account_save(const struct account *a);

/* Remove the token. False if there was none. */
bool account_forget_secret(const struct account *a);

/* Make the folder for what is stored. */
int account_make_state(const struct account *a);

/* Where the store of one device lies. Owned by the caller. */
char *account_store(const struct account *a, const char *device);

#endif
