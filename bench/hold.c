/* hold.c
 *
 * Everybody connects and subscribes to --topics topics, made from --subscribe with {k} from 0 on. A
 * line says when that is done; then nothing happens but pings until SIGTERM.
 */
#include "bench/hold.h"

#include <stdio.h>
#include <stdlib.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/net.h"
#include "bench/people.h"
#include "bench/stop.h"

static void on_message(void *ctx, struct conn *c, const struct mqtt_in *m)
{
	(void)ctx;
	(void)c;
	(void)m;
}

int hold_run(const struct options *o)
{
	struct net net = {.on_message = on_message};
	struct people people = {0};
	unsigned topics = (unsigned)o->topics;
	char **filters;

	if (!o->subscribe)
		die("holding connections needs --subscribe");
	stop_on_sigterm();
	people_make(&people, o, (unsigned)o->groups, (unsigned)o->members);
	filters = die_alloc((size_t)people.count * topics, sizeof(*filters));
	net.address = net_resolve(o->host, o->port);
	net.version = (enum mqtt_version)o->version;
	net.qos = (unsigned)o->qos;
	net_init(&net, people.count);
	for (unsigned i = 0; i < people.count; i++) {
		struct person *p = &people.list[i];
		struct conn *c = &net.conns[i];

		c->login = (struct mqtt_login){p->client, p->user, p->password, 0};
		c->filter_count = topics;
		for (unsigned k = 0; k < topics; k++)
			c->filters[k] = filters[i * topics + k] =
				people_topic(&people, o->subscribe, i, k);
	}
	if (!net_connect(&net))
		die("%s", net.why);
	printf("holding %u connections\n", net.ready);
	fflush(stdout);
	while (!stop_wanted() && net_wait(&net, clock_ns() + NS_PER_S))
		;
	if (net.failed)
		fprintf(stderr, "load: CHECK FAILED: %s\n", net.why);
	net_finish(&net);
	for (size_t i = 0; i < (size_t)people.count * topics; i++)
		free(filters[i]);
	free(filters);
	people_finish(&people);
	return net.failed ? 1 : 0;
}
