/* signin.h — who is it that connects? Client id, user, password or token; docs/protocol.md,
 * "Signing in". Decides; changes nothing but what password.h counts. */
#ifndef GNATTER_PLUGIN_SIGNIN_H
#define GNATTER_PLUGIN_SIGNIN_H

#include <stdbool.h>
#include <stdint.h>

#include "facts.h"
#include "identity.h"
#include "password.h"
#include "wire/jwt.h"

struct signin {
	const char *client, *user, *password, *address; /* any but client may be NULL */
	bool clean;                                     /* asks for a new session */
};

struct signin_result {
	struct identity id; /* its names are lent from the signin and from `device` */
	char device[NAME_DEVICE_MAX + 1];
	bool by_token;
	const char *why; /* if refused: a static sentence */
};

struct doorkeeper {
	struct facts *facts;
	struct passwords *passwords;
	struct jwt_keys keys;
};

/* ERR_OK, ERR_UNAUTHORIZED, or ERR_RATE_LIMITED if it was not even looked at. now_ms: since 1970;
 * clock_ms: of a clock that never runs backwards. */
enum err signin_check(const struct doorkeeper *d, const struct signin *s, int64_t now_ms,
	int64_t clock_ms, struct signin_result *out);

/* The rules of names alone (4.1): may this user have this client id? For those whom the broker lets
 * in by itself. */
bool signin_names(const struct signin *s, struct signin_result *out);

#endif
