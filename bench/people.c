/* people.c */
#include "bench/people.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <time.h>

#include "bench/die.h"
#include "bench/template.h"
#include "wire/jwt.h"

#define NAME_SIZE    1024
#define TOKEN_TTL_MS (INT64_C(24) * 3600 * 1000)

static char *copy(const char *s)
{
	char *c = strdup(s);

	if (!c)
		die("out of memory");
	return c;
}

/* The pattern filled in; NULL if there is no pattern. */
static char *fill(const char *pattern, const struct template_values *v)
{
	char out[NAME_SIZE];

	if (!pattern)
		return NULL;
	if (!template_fill(out, sizeof(out), pattern, v))
		die("the pattern %s cannot be filled in", pattern);
	return copy(out);
}

static char *mint(const char *user, const struct jwt_keys *keys)
{
	char token[JWT_MAX + 1];
	struct timespec now;
	struct jwt claims = {0};

	if (strlen(user) >= sizeof(claims.sub))
		die("%s is too long for a user", user);
	clock_gettime(CLOCK_REALTIME, &now);
	strcpy(claims.sub, user);
	claims.iat_ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
	claims.exp_ms = claims.iat_ms + TOKEN_TTL_MS;
	if (jwt_mint(token, sizeof(token), &claims, keys))
		die("cannot make a token for %s", user);
	return copy(token);
}

/* Give each person the user and the password of its line. */
static void read_credentials(struct people *p, const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;

	if (!f)
		die("%s: %s", path, strerror(errno));
	for (unsigned i = 0; i < p->count; i++) {
		ssize_t len = getline(&line, &size, f);
		char *tab = len > 0 ? strchr(line, '\t') : NULL;

		if (!tab)
			die("%s, line %u: expected user<TAB>password", path, i + 1);
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		*tab = '\0';
		p->list[i].user = copy(line);
		p->list[i].password = copy(tab + 1);
	}
	free(line);
	fclose(f);
}

static void read_key(struct jwt_keys *keys, const char *path)
{
	const char *why;

	if (sodium_init() < 0)
		die("libsodium does not start");
	if (jwt_load_hs256(keys, path, &why))
		die("%s: %s", path, why);
}

void people_make(struct people *p, const struct options *o, unsigned groups, unsigned members)
{
	struct jwt_keys keys = {0};

	p->count = groups * members;
	p->members = members;
	p->list = die_alloc(p->count, sizeof(*p->list));
	if (o->credentials)
		read_credentials(p, o->credentials);
	if (o->token_key)
		read_key(&keys, o->token_key);
	for (unsigned i = 0; i < p->count; i++) {
		struct person *one = &p->list[i];
		struct template_values v = {
			.group = i / members, .member = i % members, .index = i};

		if (!one->user)
			one->user = fill(o->user, &v);
		if (!one->password && o->password)
			one->password = copy(o->password);
		if (!one->password && o->token_key && one->user)
			one->password = mint(one->user, &keys);
		v.user = one->user;
		one->chat = fill(o->chat, &v);
		v.chat = one->chat;
		one->client = fill(o->client, &v);
		one->publish = one->chat ? fill(o->publish, &v) : NULL;
		one->subscribe = one->chat ? fill(o->subscribe, &v) : NULL;
		one->errors = fill(o->errors, &v);
	}
}

char *people_topic(const struct people *p, const char *pattern, unsigned index, unsigned k)
{
	struct template_values v = {.group = index / p->members,
		.member = index % p->members,
		.index = index,
		.topic = k,
		.user = p->list[index].user,
		.chat = p->list[index].chat};

	return fill(pattern, &v);
}

void people_finish(struct people *p)
{
	for (unsigned i = 0; i < p->count; i++) {
		struct person *one = &p->list[i];

		free(one->user);
		free(one->password);
		free(one->client);
		free(one->chat);
		free(one->publish);
		free(one->subscribe);
		free(one->errors);
	}
	free(p->list);
}
