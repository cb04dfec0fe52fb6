/* password.c — see password.h.
 *
 * The cache holds keyed hashes of what was right, never a password. Its key is random and dies with
 * the process. Like every table here it is bounded: sets of a few places, the oldest is replaced.
 */
#include "password.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "throttle.h"
#include "wire/hashmap.h"

#define PLACES 16384 /* of addresses, and of users: 400 kB each */
#define SETS   1024  /* of remembered passwords: 320 kB */
#define WAYS   8

struct known {
	unsigned char proof[32];
	int64_t until_ms; /* 0: free */
};

struct passwords {
	const struct conf *conf;
	struct throttle *addresses, *users;
	struct bucket work; /* ms of checking; below zero it is paid off before the next */
	unsigned char key[crypto_generichash_KEYBYTES];
	struct known known[SETS][WAYS];
};

struct passwords *passwords_create(const struct conf *conf)
{
	struct passwords *p = calloc(1, sizeof(*p));

	if (!p)
		return NULL;
	p->conf = conf;
	p->addresses = throttle_create(PLACES);
	p->users = throttle_create(PLACES);
	randombytes_buf(p->key, sizeof(p->key));
	if (p->addresses && p->users)
		return p;
	passwords_destroy(p);
	return NULL;
}

void passwords_destroy(struct passwords *p)
{
	if (!p)
		return;
	throttle_destroy(p->addresses);
	throttle_destroy(p->users);
	sodium_memzero(p, sizeof(*p));
	free(p);
}

/* What proves that this password fits this stored hash: nobody can make it without the key. */
static void prove(
	const struct passwords *p, const struct password_attempt *try, unsigned char proof[32])
{
	crypto_generichash_state s;
	uint32_t len = (uint32_t)try->hash.len;

	crypto_generichash_init(&s, p->key, sizeof(p->key), 32);
	crypto_generichash_update(&s, (const unsigned char *)&len, sizeof(len));
	crypto_generichash_update(&s, (const unsigned char *)try->hash.data, try->hash.len);
	crypto_generichash_update(&s, (const unsigned char *)try->user, strlen(try->user) + 1);
	crypto_generichash_update(&s, (const unsigned char *)try->password, strlen(try->password));
	crypto_generichash_final(&s, proof, 32);
	sodium_memzero(&s, sizeof(s));
}

static struct known *set_of(struct passwords *p, const unsigned char proof[32])
{
	uint64_t at;

	memcpy(&at, proof, sizeof(at));
	return p->known[at % SETS];
}

static bool is_known(struct passwords *p, const unsigned char proof[32], int64_t now_ms)
{
	struct known *set = set_of(p, proof);

	for (size_t i = 0; i < WAYS; i++) {
		if (set[i].until_ms > now_ms && sodium_memcmp(set[i].proof, proof, 32) == 0)
			return true;
	}
	return false;
}

static void remember(struct passwords *p, const unsigned char proof[32], int64_t now_ms)
{
	struct known *set = set_of(p, proof), *place = set;

	if (p->conf->password_cache_ttl_ms <= 0)
		return;
	for (size_t i = 1; i < WAYS; i++) {
		if (set[i].until_ms < place->until_ms)
			place = &set[i];
	}
	memcpy(place->proof, proof, 32);
	place->until_ms = now_ms + p->conf->password_cache_ttl_ms;
}

/* Would checking against this string take far more than a password set now would? */
static bool bearable(const struct conf *conf, const char *hash)
{
	unsigned long long kib, passes, limit = (unsigned long long)conf->password_memory / 1024;
	unsigned lanes;

	if (sscanf(hash, "$argon2id$v=19$m=%9llu,t=%9llu,p=%9u$", &kib, &passes, &lanes) != 3)
		return false;
	limit *= PASSWORD_COSTLIER;
	return lanes == 1 && kib <= limit &&
	       kib * passes <= limit * (unsigned long long)conf->password_passes;
}

static int64_t clock_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* The work itself. Its time is paid from the bucket, whose rate is a share of a second a second. */
static bool compute(struct passwords *p, const char *hash, const char *password, int64_t now_ms)
{
	int64_t began = clock_us();
	int wrong = crypto_pwhash_str_verify(hash, password, strlen(password));

	bucket_owe(&p->work, PASSWORD_SHARE * 10, PASSWORD_BURST_MS, now_ms,
		(clock_us() - began + 999) / 1000);
	return wrong == 0;
}

static enum err refuse(enum err e, const char *because, const char **why)
{
	*why = because;
	return e;
}

static enum err check(
	struct passwords *p, const struct password_attempt *try, int64_t now_ms, const char **why)
{
	char hash[crypto_pwhash_STRBYTES] = {0};
	unsigned char proof[32];

	if (try->hash.len == 0)
		return refuse(ERR_UNAUTHORIZED, "the account has no password", why);
	prove(p, try, proof);
	if (is_known(p, proof, now_ms))
		return ERR_OK;
	if (try->hash.len >= sizeof(hash))
		return refuse(ERR_UNAUTHORIZED, "the account's password is damaged", why);
	memcpy(hash, try->hash.data, try->hash.len);
	if (!bearable(p->conf, hash))
		return refuse(ERR_UNAUTHORIZED,
			"the account's password would take too long to check; set it again", why);
	if (bucket_level(&p->work, PASSWORD_SHARE * 10, PASSWORD_BURST_MS, now_ms) < 1)
		return refuse(ERR_RATE_LIMITED, "too many passwords to check at this time", why);
	if (!compute(p, hash, try->password, now_ms))
		return refuse(ERR_UNAUTHORIZED, "the password is wrong", why);
	remember(p, proof, now_ms);
	return ERR_OK;
}

enum err passwords_check(
	struct passwords *p, const struct password_attempt *try, int64_t now_ms, const char **why)
{
	uint64_t address = throttle_address(try->address);
	uint64_t user = hash_bytes(try->user, strlen(try->user));
	enum err e;

	if (!throttle_open(p->addresses, address, p->conf->password_failures_per_address, now_ms))
		return refuse(ERR_RATE_LIMITED, "too many failures from this address", why);
	if (!throttle_open(p->users, user, p->conf->password_failures_per_user, now_ms))
		return refuse(ERR_RATE_LIMITED, "too many failures of this user", why);
	e = check(p, try, now_ms, why);
	if (e == ERR_UNAUTHORIZED) {
		throttle_failed(
			p->addresses, address, p->conf->password_failures_per_address, now_ms);
		throttle_failed(p->users, user, p->conf->password_failures_per_user, now_ms);
	}
	return e;
}

bool passwords_may_try(struct passwords *p, const char *address, int64_t now_ms)
{
	return throttle_open(p->addresses, throttle_address(address),
		p->conf->password_failures_per_address, now_ms);
}

void passwords_wrong_user(struct passwords *p, const char *address, int64_t now_ms)
{
	throttle_failed(p->addresses, throttle_address(address),
		p->conf->password_failures_per_address, now_ms);
}
