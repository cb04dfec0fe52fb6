/* protocol_test.c — docs/protocol.md says what is true: its transcript is replayed word for word,
 * its table of errors is the one in the code, its methods exist.
 *
 * A transcript is a fenced block that begins with ```transcript. Each line is one of
 *
 *   alice > CONNECT alice:phone [3.1.1]     with a token; MQTT 5 unless it says otherwise
 *   alice > SUBSCRIBE filter                at QoS 1
 *   alice > PUBLISH topic payload           at QoS 1, over MQTT 5 with the Response Topic `answer`
 *   alice < topic payload                   what she gets, in any order with what else she gets
 *
 * A number of 13 digits is a time and may be any.
 *
 * Runs from the top of the source tree, as `make test` does.
 */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "wire/err.h"

#define DOCUMENT   "docs/protocol.md"
#define PEOPLE_MAX 8

static char *document(void)
{
	char *text = slurp(DOCUMENT, NULL);

	if (!text)
		case_fail(DOCUMENT " is not there: run the tests from the top of the source tree");
	return text;
}

/* --- the transcript -------------------------------------------------------------------------- */

struct person {
	char name[32];
	struct client *client;
	bool old; /* MQTT 3.1.1 */
};

struct play {
	struct instance *in;
	struct person people[PEOPLE_MAX];
	size_t count;
};

static struct person *person(struct play *p, const char *name)
{
	for (size_t k = 0; k < p->count; k++) {
		if (strcmp(p->people[k].name, name) == 0)
			return &p->people[k];
	}
	assert_true(p->count < PEOPLE_MAX && strlen(name) < sizeof(p->people->name));
	strcpy(p->people[p->count].name, name);
	return &p->people[p->count++];
}

/* Times become zeros, so that texts can be compared. */
static char *timeless(const char *text)
{
	char *copy = case_printf("%s", text);

	for (char *at = copy; *at;) {
		size_t digits = strspn(at, "0123456789");

		if (digits == 13)
			memset(at, '0', digits);
		at += digits ? digits : 1;
	}
	return copy;
}

static void say(struct play *p, struct person *who, char *rest)
{
	char *verb = strsep(&rest, " "), *what = strsep(&rest, " ");

	assert_non_null(what);
	if (strcmp(verb, "CONNECT") == 0) {
		who->old = rest && strcmp(rest, "3.1.1") == 0;
		who->client = client_open(p->in,
			&(struct client_opts){
				.user = who->name, .client_id = what, .version = who->old ? 4 : 5});
		return;
	}
	assert_non_null(who->client);
	if (strcmp(verb, "SUBSCRIBE") == 0) {
		client_subscribe_ok(who->client, what, 1);
	} else if (strcmp(verb, "PUBLISH") == 0) {
		client_publish(who->client, &(struct publish){.topic = what,
						    .payload = rest ? rest : "",
						    .qos = 1,
						    .response = who->old ? NULL : "answer"});
	} else {
		case_fail("a transcript has no verb %s", verb);
	}
}

/* The next message on the topic must be this one. */
static void hear(struct person *who, char *rest)
{
	char *topic = strsep(&rest, " ");
	struct message *m;

	assert_non_null(rest);
	assert_non_null(who->client);
	m = client_take(who->client, topic, NULL);
	if (strcmp(timeless(m->payload), timeless(rest)) != 0)
		case_fail("%s gets on %s\n  %s\nwhere the transcript says\n  %s", who->name, topic,
			m->payload, rest);
}

static void play_line(struct play *p, char *line)
{
	char *at = line + strcspn(line, "<>"), *end;
	struct person *who;
	char way = *at;

	if (line[strspn(line, " \t")] == '\0' || *line == '#')
		return;
	if (!way || at == line)
		case_fail("this is no line of a transcript: %s", line);
	*at = '\0';
	end = at;
	while (end > line && isspace((unsigned char)end[-1]))
		*--end = '\0';
	at += 1 + strspn(at + 1, " ");
	who = person(p, line);
	if (way == '>')
		say(p, who, at);
	else
		hear(who, at);
}

/* The devices of the transcript, known already: that they are new is told only then. */
static void introduce(struct play *p)
{
	static const char *const devices[][2] = {
		{"alice", "phone"}, {"bob", "tab"}, {"carol", "old"}};

	for (size_t i = 0; i < COUNT(devices); i++) {
		struct client *c = client_5(p->in, devices[i][0], devices[i][1]);

		client_barrier(c);
		client_close(c);
	}
}

static void test_transcript(void **state)
{
	static const char open[] = "\n```transcript\n";
	char *text = document(), *at = strstr(text, open), *line;
	struct play *p = case_alloc(sizeof(*p));

	(void)state;
	if (!at) {
		print_message(DOCUMENT " has no transcript to replay\n");
		return;
	}
	at += sizeof(open) - 1;
	p->in = instance_create(instance_people);
	instance_start(p->in);
	introduce(p);
	while ((line = strsep(&at, "\n")) && strcmp(line, "```") != 0)
		play_line(p, line);
}

/* --- tables ---------------------------------------------------------------------------------- */

static void test_table_of_errors(void **state)
{
	char *text = document();
	size_t rows = 0;

	(void)state;
	for (int e = ERR_OK + 1; e < ERR_COUNT; e++) {
		char *row = case_printf("| `%s` | %d | %s |\n", err_code((enum err)e),
			err_status((enum err)e), err_text((enum err)e));

		if (!strstr(text, row))
			case_fail(DOCUMENT " lacks the row %s", row);
	}
	/* and no others: rows whose second column is an HTTP status */
	for (char *at = text; (at = strstr(at, "\n| `")); at++) {
		char *second = strchr(at + 4, '|');

		rows += second && isdigit((unsigned char)second[2]) &&
			isdigit((unsigned char)second[3]) && isdigit((unsigned char)second[4]) &&
			second[5] == ' ';
	}
	assert_int_equal(rows, ERR_COUNT - 1);
}

/* Every method in the two tables of methods is known to the server. */
static void test_methods(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *boss;
	char *text = document(), *at = strstr(text, "### Methods"), *end;
	size_t methods = 0;

	(void)state;
	assert_non_null(at);
	end = strstr(at, "### Coming back");
	assert_non_null(end);
	*end = '\0';
	instance_start(i);
	boss = client_open(
		i, &(struct client_opts){.user = "alice", .device = "d", .role = "admin"});
	while ((at = strstr(at, "\n| `"))) {
		at += 4;
		while (*at && *at != '|') { /* all names in the first column */
			size_t len = strspn(at, "abcdefghijklmnopqrstuvwxyz.");
			char *name = case_printf("%.*s", (int)len, at);
			struct cJSON *a;

			if (len > 1 && at[len] == '`') {
				a = client_call(boss, name, "{\"limit\":\"wrong on purpose\"}");
				if (json_str(a, "error.code") &&
					strcmp(json_str(a, "error.code"), "unknown_method") == 0)
					case_fail("there is no method %s", name);
				methods++;
			}
			at += len ? len : 1;
		}
	}
	assert_true(methods >= 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_transcript),
		SYSTEM(test_table_of_errors),
		SYSTEM(test_methods),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
