/* password.h — a password from a person or a pipe, never from the command line, and its hash. */
#ifndef GNATTERCTL_PASSWORD_H
#define GNATTERCTL_PASSWORD_H

#include <sodium.h>
#include <stdbool.h>

#include "clients/gnatterctl/command.h"
#include "wire/conf.h"

#define PASSWORD_MAX 128 /* bytes */

/* As --password (asks on the terminal, twice) or --password-stdin (one line) says. False if it
 * could not be had, said on stderr. */
bool password_read(const struct args *a, char out[PASSWORD_MAX + 1]);

/* Why this is no password; NULL if it is one. */
const char *password_wrong(const char *password);

/* argon2id with the instance's parameters. False if there is not enough memory. */
bool password_hash(const char *password, const struct conf *c, char out[crypto_pwhash_STRBYTES]);

#endif
