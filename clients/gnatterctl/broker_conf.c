/* broker_conf.c
 *
 * The text is conf/mosquitto.conf.in, which the assembler takes into the program, so that what
 * operators read in conf/ is what they get. Words between two @ are replaced.
 */
#include "clients/gnatterctl/broker_conf.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "clients/gnatterctl/say.h"

__asm__(".pushsection .rodata\n"
	".globl broker_conf_template\n"
	".hidden broker_conf_template\n"
	"broker_conf_template:\n"
	".incbin \"conf/mosquitto.conf.in\"\n"
	".byte 0\n"
	".popsection\n");
extern const char broker_conf_template[];

static void put_value(
	struct buf *out, const char *name, size_t len, const struct broker_conf_values *v)
{
	const struct {
		const char *name, *value;
	} strings[] = {{"DIR", v->dir}, {"USER", v->user}, {"PLUGIN", v->plugin}};

	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		if (strlen(strings[i].name) == len && strncmp(strings[i].name, name, len) == 0)
			buf_str(out, strings[i].value);
	if (len == 4 && strncmp(name, "PORT", len) == 0)
		buf_decimal(out, v->port);
	if (len == 10 && strncmp(name, "WEBSOCKETS", len) == 0 && v->ws_port)
		buf_printf(out,
			"\n# The same for browsers: MQTT over WebSocket.\n"
			"listener %u 127.0.0.1\nprotocol websockets\n",
			v->ws_port);
	if (len == 6 && strncmp(name, "BRIDGE", len) == 0) {
		if (v->bridge_port)
			buf_printf(out, "%u 127.0.0.1", v->bridge_port);
		else
			buf_printf(out, "0 %s/run/broker.sock", v->dir);
	}
}

void broker_conf_write(struct buf *out, const struct broker_conf_values *v)
{
	const char *at = broker_conf_template, *mark, *end;

	while ((mark = strchr(at, '@')) && (end = strchr(mark + 1, '@'))) {
		buf_put(out, at, (size_t)(mark - at));
		put_value(out, mark + 1, (size_t)(end - mark - 1), v);
		at = end + 1;
	}
	buf_str(out, at);
}

bool broker_conf_socket_ok(const char *path)
{
	return strlen(path) < sizeof(((struct sockaddr_un *)NULL)->sun_path) &&
	       !strpbrk(path, " \t");
}

/* `listener PORT [ADDRESS]` of a TCP port; a unix socket's has the port 0. */
static void read_listener(struct broker_conf *c, char *value)
{
	char *rest, *port = strtok_r(value, " ", &rest), *address = strtok_r(NULL, " ", &rest);
	long number = port ? strtol(port, NULL, 10) : 0;
	struct broker_listener *l = &c->listeners[c->count];

	if (c->count == BROKER_LISTENERS_MAX || number <= 0 || number > UINT16_MAX)
		return;
	*l = (struct broker_listener){.port = (uint16_t)number};
	if (address && *address != '#')
		snprintf(l->address, sizeof(l->address), "%s", address);
	c->count++;
}

static void read_option(struct broker_conf *c, const char *key, char *value)
{
	if (strcmp(key, "listener") == 0)
		read_listener(c, value);
	else if (strcmp(key, "protocol") == 0 && strcmp(value, "websockets") == 0 && c->count > 0)
		c->listeners[c->count - 1].websockets = true;
	else if (strcmp(key, "plugin") == 0)
		snprintf(c->plugin, sizeof(c->plugin), "%s", value);
	else if (strcmp(key, "persistence_location") == 0)
		snprintf(c->persistence, sizeof(c->persistence), "%s", value);
}

bool broker_conf_read(struct broker_conf *c, const char *path)
{
	FILE *in = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	*c = (struct broker_conf){0};
	if (!in) {
		fail("cannot read %s: %s", path, strerror(errno));
		return false;
	}
	while ((len = getline(&line, &size, in)) > 0) {
		char *value, *key = line;

		while (len > 0 && strchr(" \t\r\n", line[len - 1]))
			line[--len] = '\0';
		value = strchr(line, ' ');
		if (line[0] == '#' || !value)
			continue;
		*value++ = '\0';
		read_option(c, key, value + strspn(value, " "));
	}
	free(line);
	fclose(in);
	return true;
}

const struct broker_listener *broker_conf_mqtt(const struct broker_conf *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!c->listeners[i].websockets)
			return &c->listeners[i];
	return NULL;
}

bool port_free(const char *address, uint16_t port)
{
	struct addrinfo hints = {
		.ai_flags = AI_PASSIVE | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM};
	struct addrinfo *list, *a;
	char service[8];
	bool taken = false;

	snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(*address ? address : NULL, service, &hints, &list) != 0)
		return true;
	for (a = list; a && !taken; a = a->ai_next) {
		int one = 1, s = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (s < 0)
			continue;
		setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		if (a->ai_family == AF_INET6)
			setsockopt(s, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
		taken = bind(s, a->ai_addr, a->ai_addrlen) != 0 && errno == EADDRINUSE;
		close(s);
	}
	freeaddrinfo(list);
	return !taken;
}

const struct broker_listener *broker_conf_port_taken(const struct broker_conf *c)
{
	for (size_t i = 0; i < c->count; i++)
		if (!port_free(c->listeners[i].address, c->listeners[i].port))
			return &c->listeners[i];
	return NULL;
}
