/* people.c — see people.h. */
#include "tests/support/people.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"

struct client *people_script(struct instance *i, const char *user)
{
	return client_open(i, &(struct client_opts){.user = user, .client_id = ""});
}

struct instance *people_instance(int pairs, int grace_ms)
{
	const char *lines = "{\"user\":\"boss\",\"role\":\"admin\"}\n";
	struct instance *i;

	for (int k = 0; k < pairs; k++)
		lines = case_printf("%s{\"user\":\"u%d\"}\n{\"user\":\"f%d\"}\n", lines, k, k);
	i = instance_create(lines);
	instance_set(i, "presence_grace", case_printf("%dms", grace_ms));
	instance_start(i);
	for (int k = 0; k < pairs; k++) {
		people_befriend(i, case_printf("u%d", k), case_printf("f%d", k));
		people_befriend(i, case_printf("f%d", k), case_printf("u%d", k));
	}
	return i;
}

void people_befriend(struct instance *i, const char *owner, const char *other)
{
	struct client *c = people_script(i, owner);

	client_requestf(c, "contact.add", "{\"user\":\"%s\"}", other);
	client_close(c);
}

void people_say(struct client *c, const char *user, const char *device, const char *payload)
{
	int code = client_publish(
		c, &(struct publish){.topic = case_printf("presence/%s/%s", user, device),
			   .payload = payload,
			   .qos = 1,
			   .retain = true});

	if (code != 0 && code != 0x10)
		case_fail("%s:%s may not say %s: %d", user, device, payload, code);
}

struct client *people_device(struct instance *i, const char *user, const char *device, int version)
{
	struct client *c =
		client_open(i, &(struct client_opts){.user = user,
				       .device = device,
				       .version = version,
				       .will_topic = case_printf("presence/%s/%s", user, device),
				       .will_payload = "offline",
				       .will_retain = true});

	people_say(c, user, device, "online");
	return c;
}

struct client *people_watch(struct instance *i, const char *viewer, const char *user)
{
	struct client *c = people_script(i, viewer);

	client_subscribe_ok(c, case_printf("presence/%s", user), 1);
	return c;
}

/* What is waited for. devices -1: as many as there are, then state and text do not matter either.
 */
struct wanted {
	struct client *watcher;
	const char *topic, *state, *text;
	bool online;
	int devices;
	struct message *found;
};

static bool same(const char *a, const char *b)
{
	return (!a && !b) || (a && b && strcmp(a, b) == 0);
}

static bool says(void *arg)
{
	struct wanted *w = arg;
	struct message *m = client_last(w->watcher, w->topic);
	const struct cJSON *j;

	if (!m || m == w->found || m->len == 0)
		return false;
	w->found = m;
	j = json_of(m->payload, m->len);
	if (cJSON_IsTrue(json_at(j, "online")) != w->online)
		return false;
	return w->devices < 0 ||
	       (json_num(j, "devices") == w->devices && same(json_str(j, "state"), w->state) &&
		       same(json_str(j, "text"), w->text));
}

static struct message *wait_for(struct wanted *w)
{
	struct message *last;

	if (case_wait(says, w))
		return w->found;
	last = client_last(w->watcher, w->topic);
	case_fail("%s should say online %s, devices %d, state %s, text %s, but says %s", w->topic,
		w->online ? "true" : "false", w->devices, w->state ? w->state : "(none)",
		w->text ? w->text : "(none)", last ? last->payload : "nothing");
}

struct message *people_wait(struct client *watcher, const char *user, bool online)
{
	return wait_for(&(struct wanted){.watcher = watcher,
		.topic = case_printf("presence/%s", user),
		.online = online,
		.devices = -1});
}

struct message *people_wait_says(
	struct client *watcher, const char *user, int devices, const char *state, const char *text)
{
	return wait_for(&(struct wanted){.watcher = watcher,
		.topic = case_printf("presence/%s", user),
		.online = devices > 0,
		.devices = devices,
		.state = state,
		.text = text});
}

struct message *people_retained(struct instance *i, const char *viewer, const char *topic)
{
	struct client *c = people_script(i, viewer);
	struct message *m;

	client_subscribe_ok(c, topic, 1);
	client_barrier(c);
	m = client_last(c, topic);
	client_close(c);
	return m;
}

static void expect_answer_offline(const struct cJSON *answer, const char *where)
{
	if (!answer || !cJSON_IsFalse(json_at(answer, "online")) || json_num(answer, "devices") > 0)
		case_fail("a ghost in %s: %s", where, answer ? json_text(answer) : "nothing");
}

static void expect_devices_offline(struct instance *i, const char *user)
{
	struct client *c = people_script(i, user);

	client_subscribe_ok(c, case_printf("presence/%s/+", user), 1);
	client_barrier(c);
	for (size_t k = 0; k < client_mark(c); k++) {
		const struct message *m = client_at(c, k);

		if (strncmp(m->topic, "presence/", 9) == 0 && strcmp(m->payload, "offline") != 0)
			case_fail("a ghost on %s: %s", m->topic, m->payload);
	}
	client_close(c);
}

void people_expect_gone(struct instance *i, const char *viewer, const char *user)
{
	struct message *m = people_retained(i, viewer, case_printf("presence/%s", user));
	struct client *c = people_script(i, viewer);

	if (!m)
		case_fail("nothing is retained on presence/%s", user);
	expect_answer_offline(json_of(m->payload, m->len), m->topic);
	expect_answer_offline(
		json_find(json_at(client_request(c, "contacts", "{}"), "contacts"), "user", user),
		"api/contacts");
	expect_answer_offline(
		client_requestf(c, "user.get", "{\"user\":\"%s\"}", user), "api/user.get");
	client_close(c);
	expect_devices_offline(i, user);
}

void people_expect_gone_within(struct instance *i, struct client *watcher, const char *viewer,
	const char *user, const char *how, int64_t since_ms, int64_t within_ms)
{
	int64_t took = people_wait(watcher, user, false)->arrived_ms - since_ms;

	printf("presence: %s seen after %.1f s\n", how, (double)took / 1000);
	if (took > within_ms * case_patience_ms() / 20000)
		case_fail("%s was seen after %lld ms only", how, (long long)took);
	people_expect_gone(i, viewer, user);
}

void people_expect_stays(struct client *watcher, const char *user, int devices, int while_ms)
{
	const char *topic = case_printf("presence/%s", user);
	size_t mark;

	people_wait_says(watcher, user, devices, NULL, NULL);
	mark = client_mark(watcher);
	case_pause_ms(while_ms);
	client_barrier(watcher);
	client_none(watcher, mark, topic, "\"online\":false");
	people_wait_says(watcher, user, devices, NULL, NULL);
}
