/* signin.c — see signin.h. The order of the checks is cheap before dear, and nothing that a
 * stranger can make dear before he is throttled. */
#include "signin.h"

#include <string.h>

#include "wire/record.h"

static enum err refuse(struct signin_result *r, const char *why)
{
	r->why = why;
	return ERR_UNAUTHORIZED;
}

bool signin_names(const struct signin *s, struct signin_result *out)
{
	bool ephemeral;

	*out = (struct signin_result){0};
	if (!s->user || !s->client || s->user[0] == '\0') {
		out->why = "a user name is needed";
		return false;
	}
	if (!name_user_ok(s->user, strnlen(s->user, NAME_USER_MAX + 1))) {
		out->why = "this is no user name";
		return false;
	}
	if (!name_client_split(s->client, s->user, out->device, &ephemeral)) {
		out->why =
			"the client id is neither <user>:<device> of this user nor one without ':'";
		return false;
	}
	if (ephemeral && !s->clean) {
		out->why = "a client id without a device needs a clean session";
		return false;
	}
	identity_init(&out->id, s->user, out->device);
	out->id.ephemeral = ephemeral;
	return true;
}

/* The programs of this system: any client id and role that is not exactly theirs is refused. */
static bool is_system_client(const char *user, const char *client, enum role role)
{
	size_t len = sizeof(CTL_CLIENT) - 1;

	if (strcmp(user, BRIDGE_CLIENT) == 0)
		return role == ROLE_SERVICE && strcmp(client, BRIDGE_CLIENT) == 0;
	return strcmp(user, CTL_CLIENT) == 0 && role == ROLE_ADMIN &&
	       strlen(client) <= NAME_CLIENT_MAX && strncmp(client, CTL_CLIENT, len) == 0 &&
	       (client[len] == '\0' || client[len] == '-');
}

static enum err check_system(
	const struct doorkeeper *d, const struct signin *s, int64_t now_ms, struct signin_result *r)
{
	struct jwt token;

	if (jwt_verify(&token, s->password, &d->keys, now_ms, &r->why) != ERR_OK)
		return ERR_UNAUTHORIZED;
	if (!token.by_instance || strcmp(token.sub, s->user) != 0 || !token.role_set ||
		!is_system_client(s->user, s->client, token.role))
		return refuse(r, "the token is not for this program");
	if (!s->clean)
		return refuse(r, "a program of the system needs a clean session");
	identity_init(&r->id, s->user, r->device);
	r->id.system = true;
	r->id.role = (unsigned char)token.role;
	r->id.role_fixed = true;
	r->by_token = true;
	return ERR_OK;
}

/* What the directory says of who signs in. */
struct known {
	struct revoked removed; /* the device; all 0: never */
	struct user account;    /* its strings are lent */
};

static enum err check_token(const struct doorkeeper *d, const struct signin *s,
	const struct known *k, int64_t now_ms, struct signin_result *r)
{
	struct jwt token;

	if (jwt_verify(&token, s->password, &d->keys, now_ms, &r->why) != ERR_OK)
		return ERR_UNAUTHORIZED;
	if (strcmp(token.sub, s->user) != 0)
		return refuse(r, "the token is another user's");
	if (token.dev[0] != '\0' && strcmp(token.dev, r->id.device) != 0)
		return refuse(r, "the token is for another device");
	if (token.iat_ms < 0 || (uint64_t)token.iat_ms < k->account.valid_after_ms)
		return refuse(r, "the token was issued before all of this user's were withdrawn");
	/* A device's own token is dead under any client id. */
	if ((token.dev[0] != '\0' || !r->id.ephemeral) && (uint64_t)token.iat_ms < k->removed.at)
		return refuse(r, "the token was issued before this device was removed");
	if (token.role_set) {
		r->id.role = (unsigned char)token.role;
		r->id.role_fixed = true;
	}
	r->by_token = true;
	return ERR_OK;
}

static enum err check_device(
	const struct doorkeeper *d, struct revoked *removed, struct signin_result *r)
{
	enum err e =
		facts_removed(d->facts, identity_user(&r->id), identity_device(&r->id), removed);

	return e == ERR_OK || e == ERR_NOT_FOUND ? ERR_OK
						 : refuse(r, "the directory cannot be read");
}

static enum err check_account(const struct doorkeeper *d, const struct signin *s, int64_t clock_ms,
	struct user *account, struct signin_result *r)
{
	enum err e = facts_account(d->facts, identity_user(&r->id), account);

	if (e == ERR_OK && !account->disabled)
		return ERR_OK;
	if (e == ERR_OK)
		return refuse(r, "the account is disabled");
	if (e != ERR_NOT_FOUND)
		return refuse(r, "the directory cannot be read");
	if (!passwords_may_try(d->passwords, s->address, clock_ms)) {
		r->why = "too many failures from this address";
		return ERR_RATE_LIMITED;
	}
	passwords_wrong_user(d->passwords, s->address, clock_ms);
	return refuse(r, "there is no such account");
}

/* What was queued before the account was made or the device removed was for others. */
static void take_over(struct identity *id, const struct known *k)
{
	const struct user *u = &k->account;

	id->role = (unsigned char)u->role;
	id->created = u->created;
	id->floor = u->created;
	id->doubt = u->valid_after_ms != 0 && u->valid_after_ms <= u->created;
	if (k->removed.at == 0 || id->ephemeral)
		return;
	id->doubt = true;
	if (k->removed.at > id->floor)
		id->floor = k->removed.at;
}

enum err signin_check(const struct doorkeeper *d, const struct signin *s, int64_t now_ms,
	int64_t clock_ms, struct signin_result *out)
{
	struct known k;
	struct password_attempt attempt;
	enum err e;

	*out = (struct signin_result){0};
	if (!s->password)
		return refuse(out, "a password or token is needed");
	if (s->user && s->client && s->user[0] == '$')
		return check_system(d, s, now_ms, out);
	if (!signin_names(s, out))
		return ERR_UNAUTHORIZED;
	e = check_device(d, &k.removed, out);
	if (e == ERR_OK)
		e = check_account(d, s, clock_ms, &k.account, out);
	if (e != ERR_OK)
		return e;
	take_over(&out->id, &k);
	if (jwt_looks_like(s->password))
		return check_token(d, s, &k, now_ms, out);
	attempt = (struct password_attempt){s->user, s->password, s->address, k.account.hash};
	return passwords_check(d->passwords, &attempt, clock_ms, &out->why);
}
