/* address.c — see address.h. */
#include "clients/sdk/address.h"

#include <stdlib.h>
#include <string.h>

static const struct scheme {
	const char *name;
	bool secure, path;
} schemes[] = {
	{"tcp://", false, false},
	{"ssl://", true, false},
	{"ws://", false, true},
	{"wss://", true, true},
};

static const struct scheme *scheme_of(const char *address)
{
	for (size_t i = 0; i < sizeof(schemes) / sizeof(*schemes); i++)
		if (strncmp(address, schemes[i].name, strlen(schemes[i].name)) == 0)
			return &schemes[i];
	return NULL;
}

bool address_secure(const char *address)
{
	const struct scheme *s = scheme_of(address);

	return s && s->secure;
}

uint16_t address_port(const char *address)
{
	const char *host = strstr(address, "://"), *bracket = host ? strchr(host, ']') : NULL;
	const char *colon = host ? strchr(bracket ? bracket : host + 3, ':') : NULL;

	return colon ? (uint16_t)strtoul(colon + 1, NULL, 10) : 0;
}

/* ":1883" and nothing behind it; behind a port of a WebSocket a path may stand. */
static bool port_ok(const char *s, bool path)
{
	unsigned long port = 0;
	char *end;

	if (*s != ':' || s[1] < '0' || s[1] > '9')
		return false;
	port = strtoul(s + 1, &end, 10);
	return port > 0 && port <= 65535 && (*end == 0 || (path && *end == '/'));
}

static bool host_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '.' || c == '-' || c == '_';
}

static bool address_ok(const char *address)
{
	const struct scheme *s = scheme_of(address);
	const char *at;
	size_t host = 0;

	if (!s || strlen(address) > ADDRESS_MAX)
		return false;
	at = address + strlen(s->name);
	if (*at == '[') { /* an IPv6 address */
		host = strspn(at + 1, "0123456789abcdefABCDEF:.");
		return host > 0 && at[1 + host] == ']' && port_ok(at + host + 2, s->path);
	}
	while (host_byte(at[host]))
		host++;
	return host > 0 && port_ok(at + host, s->path);
}

enum gnatter_error addresses_init(struct addresses *a, const char *list)
{
	char *rest = NULL;

	*a = (struct addresses){0};
	if (!list)
		return GNATTER_EINVAL;
	a->text = strdup(list);
	if (!a->text)
		return GNATTER_ENOMEM;
	for (char *s = strtok_r(a->text, " \t\n", &rest); s; s = strtok_r(NULL, " \t\n", &rest)) {
		if (a->count == ADDRESSES_MAX || !address_ok(s)) {
			addresses_finish(a);
			return GNATTER_EINVAL;
		}
		a->each[a->count++] = s;
	}
	if (a->count > 0)
		return GNATTER_OK;
	addresses_finish(a);
	return GNATTER_EINVAL;
}

void addresses_finish(struct addresses *a)
{
	free(a->text);
	*a = (struct addresses){0};
}

const char *addresses_now(const struct addresses *a)
{
	return a->each[a->turn];
}

bool addresses_next(struct addresses *a)
{
	a->turn = (a->turn + 1) % a->count;
	return a->turn == 0;
}
