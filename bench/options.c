/* options.c — parser, ranges, defaults and help all walk one table. */
#include "bench/options.h"

#include <math.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/clock.h"
#include "bench/die.h"
#include "bench/net.h"
#include "bench/payload.h"

#define CONNECTIONS_MAX 1000000
#define CONTACTS_MAX    (CONN_FILTERS_MAX - 1)

enum kind { TEXT, NUMBER, SECONDS, FLAG };

static const struct option {
	const char *name;
	enum kind kind;
	size_t at;
	double min, max;
	const char *def; /* NULL: none, or the target's */
	const char *help;
} table[] = {
#define AT(member) offsetof(struct options, member)
	{"host", TEXT, AT(host), 0, 0, "127.0.0.1", "broker"},
	{"port", NUMBER, AT(port), 1, 65535, "1883", "its port"},
	{"mqtt", NUMBER, AT(version), 4, 5, "4", "protocol: 4 is MQTT 3.1.1, 5 is MQTT 5"},
	{"target", TEXT, AT(target), 0, 0, "raw",
		"raw (a bare broker) or gnatter; sets patterns, checks seq"},
	{"user", TEXT, AT(user), 0, 0, NULL, "pattern of user names"},
	{"client", TEXT, AT(client), 0, 0, NULL, "pattern of client ids"},
	{"password", TEXT, AT(password), 0, 0, NULL, "one password for all"},
	{"credentials", TEXT, AT(credentials), 0, 0, NULL,
		"file of lines user<TAB>password, one a connection, instead of --user"},
	{"token-key", TEXT, AT(token_key), 0, 0, NULL,
		"file of a key: each user gets a token as password"},
	{"chat", TEXT, AT(chat), 0, 0, NULL, "pattern of chat names"},
	{"publish", TEXT, AT(publish), 0, 0, NULL, "pattern of topics to send to"},
	{"subscribe", TEXT, AT(subscribe), 0, 0, NULL, "pattern of topics to receive from"},
	{"errors", TEXT, AT(errors), 0, 0, NULL,
		"pattern of a second topic: what comes there is a failure"},
	{"params", TEXT, AT(params), 0, 0, NULL,
		"pattern of what a call asks: JSON without its braces"},
	{"groups", NUMBER, AT(groups), 1, 1000000, "1", "groups (chats)"},
	{"members", NUMBER, AT(members), 1, 1000000, "2", "connections in each group, all receive"},
	{"senders", NUMBER, AT(senders), 1, 1000000, "1", "of those, how many send"},
	{"window", NUMBER, AT(window), 1, 60000, "16",
		"messages (pages) in flight per sender: until its own echo came back"},
	{"rate", NUMBER, AT(rate), 0, 10000000, "0",
		"messages a second in all, instead of a window"},
	{"size", NUMBER, AT(size), PAYLOAD_MARKER, 16777216, "100", "bytes of a text"},
	{"ids", FLAG, AT(ids), 0, 0, NULL, "send JSON with an id of the sender's own"},
	{"qos", NUMBER, AT(qos), 0, 2, "1", "QoS of sending and receiving"},
	{"ack-qos", NUMBER, AT(ack_qos), 0, 2, "1", "QoS of acknowledgements"},
	{"seconds", SECONDS, AT(duration_ns), 0, 86400, "5", "how long to measure"},
	{"warmup", SECONDS, AT(warmup_ns), 0, 3600, "1", "before that, send without measuring"},
	{"count", NUMBER, AT(count), 0, 1e10, "0",
		"messages in all (sign-ins, messages to read) instead of a time"},
	{"page", NUMBER, AT(page), 1, 100000, "100", "messages in a page of history"},
	{"topics", NUMBER, AT(topics), 1, CONN_FILTERS_MAX, "1",
		"topics that each holds: {k} in --subscribe"},
	{"contacts", NUMBER, AT(contacts), 2, CONTACTS_MAX, "20",
		"contacts of each: those next to it in the ring of all"},
	{"first", NUMBER, AT(first), 1, 1e10, "1", "the seq that is acknowledged first"},
	{"patience", SECONDS, AT(patience_ns), 1, 3600, "15",
		"silence after which what is missing is lost"},
	{"gather", SECONDS, AT(gather_ns), 0, 0.5, "0",
		"pause between looks at the sockets: saves our CPU, costs latency"},
	{"json", FLAG, AT(json), 0, 0, NULL, "print one JSON object"},
#undef AT
};

#define OPTIONS (sizeof(table) / sizeof(*table))

/* What a target sets where nothing else is said. */
static const struct preset {
	const char *target, *chat, *user, *client, *publish, *subscribe, *errors;
} presets[] = {
	{"raw", "{g}", NULL, "bench-{i}", "raw/{c}", "raw/{c}", NULL},
	{"gnatter", NULL, NULL, "{u}:bench", "chat/{c}/send", "chat/{c}/msg", "user/{u}/errors"},
};

static void set(struct options *o, const struct option *row, const char *value)
{
	char *place = (char *)o + row->at, *end;
	double number;
	int64_t whole;

	if (row->kind == TEXT) {
		memcpy(place, &value, sizeof(value));
		return;
	}
	number = strtod(value, &end);
	if (end == value || *end || !isfinite(number) || number < row->min || number > row->max)
		die("--%s takes a number from %g to %g, not %s", row->name, row->min, row->max,
			value);
	whole = (int64_t)(row->kind == SECONDS ? number * (double)NS_PER_S : number);
	if (row->kind == NUMBER && (double)whole != number)
		die("--%s takes a whole number, not %s", row->name, value);
	memcpy(place, &whole, sizeof(whole));
}

static const struct option *find(const char *arg)
{
	for (size_t i = 0; i < OPTIONS; i++)
		if (strncmp(arg, "--", 2) == 0 && strcmp(arg + 2, table[i].name) == 0)
			return &table[i];
	die("unknown option %s; `load help` lists them", arg);
}

static void apply_preset(struct options *o)
{
	const struct preset *p = NULL;

	for (size_t i = 0; i < sizeof(presets) / sizeof(*presets); i++)
		if (strcmp(o->target, presets[i].target) == 0)
			p = &presets[i];
	if (!p)
		die("--target takes raw or gnatter, not %s", o->target);
	o->gnatter = strcmp(p->target, "gnatter") == 0;
	o->chat = o->chat ? o->chat : p->chat;
	o->client = o->client ? o->client : p->client;
	o->publish = o->publish ? o->publish : p->publish;
	o->subscribe = o->subscribe ? o->subscribe : p->subscribe;
	o->errors = o->errors ? o->errors : p->errors;
}

void options_parse(struct options *o, int argc, char **argv)
{
	*o = (struct options){0};
	for (size_t i = 0; i < OPTIONS; i++)
		if (table[i].def)
			set(o, &table[i], table[i].def);
	for (int i = 0; i < argc; i++) {
		const struct option *row = find(argv[i]);

		if (row->kind == FLAG) {
			memcpy((char *)o + row->at, &(bool){true}, sizeof(bool));
			continue;
		}
		if (i + 1 == argc)
			die("--%s takes a value", row->name);
		set(o, row, argv[++i]);
	}
	if (o->senders > o->members)
		die("--senders cannot be more than --members");
	if (o->groups * o->members > CONNECTIONS_MAX)
		die("--groups times --members cannot be more than %d", CONNECTIONS_MAX);
	apply_preset(o);
}

void options_help(void)
{
	for (size_t i = 0; i < OPTIONS; i++)
		printf("  --%-12s %s%s%s%s\n", table[i].name, table[i].help,
			table[i].def ? " [" : "", table[i].def ? table[i].def : "",
			table[i].def ? "]" : "");
}
