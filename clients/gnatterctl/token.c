/* token.c — mint a token with the instance's key. */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatterctl/command.h"
#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/instance.h"
#include "clients/gnatterctl/say.h"
#include "wire/jwt.h"

#define TTL_MAX_MS (100LL * 365 * 86400 * 1000)

/* "30d", "12h", "15m", "90s". */
static bool parse_ttl(const char *text, int64_t *out)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = {{'s', 1000}, {'m', 60000}, {'h', 3600000}, {'d', 86400000}};
	char *end;
	long long n = strtoll(text, &end, 10);

	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (end != text && end[0] == units[i].unit && end[1] == '\0' && n > 0 &&
			n <= TTL_MAX_MS / units[i].ms) {
			*out = n * units[i].ms;
			return true;
		}
	fail("--ttl takes a time like 90s, 15m, 12h or 30d, at most 100 years, not '%s'", text);
	return false;
}

static bool claims_of(const struct args *a, struct jwt *j)
{
	const char *user = a->operand[0], *device = args_value(a, "device"),
		   *role = args_value(a, "role");

	*j = (struct jwt){0};
	if (!name_user_ok(user, strlen(user))) {
		fail("token: '%s' is no user name", user);
		return false;
	}
	memcpy(j->sub, user, strlen(user) + 1);
	if (device) {
		if (!name_device_ok(device, strlen(device))) {
			fail("token: '%s' is no device name: A-Z, a-z, 0-9, '_', '-', at most 32",
				device);
			return false;
		}
		memcpy(j->dev, device, strlen(device) + 1);
	}
	if (role) {
		j->role = role_of(role, strlen(role));
		j->role_set = true;
		if (j->role != ROLE_USER && j->role != ROLE_ADMIN) {
			fail("token: --role takes user or admin, not '%s'", role);
			return false;
		}
	}
	return true;
}

int command_token(const struct args *a)
{
	struct jwt_keys keys = {0};
	char token[JWT_MAX];
	struct instance in;
	struct jwt claims;
	const char *why = NULL;
	int64_t ttl_ms;
	enum err e;

	if (!claims_of(a, &claims) || !instance_open(&in, a->dir))
		return 1;
	ttl_ms = in.conf.token_ttl_ms;
	if (args_has(a, "ttl") && !parse_ttl(args_value(a, "ttl"), &ttl_ms))
		return 1;
	if (jwt_load_hs256(&keys, in.conf.token_key_file, &why) != ERR_OK)
		return fail("%s: %s", in.conf.token_key_file, why);
	claims.iat_ms = wall_ms();
	claims.exp_ms = claims.iat_ms + ttl_ms;
	e = jwt_mint(token, sizeof(token), &claims, &keys);
	sodium_memzero(&keys, sizeof(keys));
	if (e != ERR_OK)
		return fail("token: %s", err_text(e));
	puts(token);
	return 0;
}
