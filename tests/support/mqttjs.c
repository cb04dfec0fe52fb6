/* mqttjs.c — see mqttjs.h. The program is tests/npm/mqttjs.js: it is told by a FIFO and answers
 * into a file. */
#include "tests/support/mqttjs.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <mosquitto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/token.h"

#define MESSAGES_MAX 10000

struct mqttjs {
	struct proc node;
	char dir[32];
	int told;    /* the FIFO, -1: closed */
	size_t read; /* bytes of what it said */
	unsigned requests;
	int reason; /* of the newest request; -1: not answered yet */
	const char *error;
	bool closed;
	size_t count;
	struct cJSON *messages[MESSAGES_MAX]; /* NULL: taken */
};

static const char *path_in(const struct mqttjs *m, const char *name)
{
	return case_printf("%s/%s", m->dir, name);
}

static void report_mqttjs(void *arg)
{
	const struct mqttjs *m = arg;

	print_tail(path_in(m, "said"), 25);
}

static void stop_telling(struct mqttjs *m)
{
	if (m->told >= 0)
		close(m->told);
	m->told = -1;
}

static void undo_mqttjs(void *arg, bool failed)
{
	struct mqttjs *m = arg;

	(void)failed;
	stop_telling(m);
	proc_kill(&m->node);
	case_forget_report(m);
	run((const char *const[]){"rm", "-rf", m->dir, NULL});
}

static struct mqttjs *start(void)
{
	const char *argv[] = {"node", "tests/npm/mqttjs.js", NULL};
	struct mqttjs *m = case_alloc(sizeof(*m));

	snprintf(m->dir, sizeof(m->dir), "/tmp/gn-node-XXXXXX");
	if (!mkdtemp(m->dir) || mkfifo(path_in(m, "told"), 0600) != 0)
		case_fail("cannot make %s: %s", m->dir, strerror(errno));
	/* For both directions, so that neither side waits for the other to open it. */
	m->told = open(path_in(m, "told"), O_RDWR | O_CLOEXEC);
	case_defer(undo_mqttjs, m);
	case_on_failure(report_mqttjs, m);
	proc_start(&m->node, argv,
		&(struct proc_spec){.log = path_in(m, "said"), .in = path_in(m, "told")});
	return m;
}

/* --- what it says --------------------------------------------------------------------------- */

static void take_line(struct mqttjs *m, const char *line, size_t len)
{
	struct cJSON *j = json_of(line, len);
	const struct cJSON *message = json_at(j, "message");

	if (message && m->count == MESSAGES_MAX)
		case_fail("MQTT.js has received too much");
	if (message)
		m->messages[m->count++] = json_at(j, "message");
	m->closed |= json_has(j, "closed");
	if (json_num(j, "n") != (int64_t)m->requests)
		return;
	m->reason = (int)json_num(j, "reason");
	m->error = json_str(j, "error");
}

/* All whole lines that are new. */
static void hear(struct mqttjs *m)
{
	int fd = open(path_in(m, "said"), O_RDONLY | O_CLOEXEC);
	char block[65536];
	ssize_t n = fd < 0 ? 0 : pread(fd, block, sizeof(block), (off_t)m->read);
	char *at = block, *end;

	for (; n > 0 && (end = memchr(at, '\n', (size_t)(block + n - at))); at = end + 1)
		take_line(m, at, (size_t)(end - at));
	if (at == block && n == (ssize_t)sizeof(block))
		case_fail("MQTT.js said too long a line");
	m->read += (size_t)(at - block);
	if (fd >= 0)
		close(fd);
	if (m->told >= 0 && proc_ended(&m->node))
		case_fail("MQTT.js has ended with %d", proc_code(&m->node));
}

static bool is_answered(void *arg)
{
	struct mqttjs *m = arg;

	hear(m);
	return m->reason >= 0;
}

/* Takes the request. */
static int ask(struct mqttjs *m, const char *what, struct cJSON *request)
{
	char *text;

	cJSON_AddStringToObject(request, "do", what);
	cJSON_AddNumberToObject(request, "n", ++m->requests);
	m->reason = -1;
	text = cJSON_PrintUnformatted(request);
	if (dprintf(m->told, "%s\n", text) < 0)
		case_fail("MQTT.js cannot be told anything");
	cJSON_free(text);
	cJSON_Delete(request);
	if (!case_wait(is_answered, m))
		case_fail("MQTT.js has not done it: %s", what);
	return m->reason;
}

/* --- connections ---------------------------------------------------------------------------- */

static struct cJSON *connect_options(struct instance *i, const struct mqttjs_opts *o)
{
	struct cJSON *c = cJSON_CreateObject(), *p = cJSON_CreateObject();
	int version = o->version ? o->version : 5;
	const char *password =
		o->password ? o->password : token_mint(&i->keys, &(struct token){.sub = o->user});

	cJSON_AddNumberToObject(c, "protocolVersion", version);
	cJSON_AddStringToObject(c, "clientId", case_printf("%s:%s", o->user, o->device));
	cJSON_AddStringToObject(c, "username", o->user);
	cJSON_AddStringToObject(c, "password", password);
	cJSON_AddBoolToObject(c, "clean", !o->persistent);
	if (version == 5 && o->persistent)
		cJSON_AddNumberToObject(p, "sessionExpiryInterval", 3600);
	if (version == 5)
		cJSON_AddItemToObject(c, "properties", p);
	else
		cJSON_Delete(p);
	return c;
}

int mqttjs_try(struct mqttjs **out, struct instance *i, const struct mqttjs_opts *o)
{
	struct mqttjs *m = start();
	struct cJSON *request = cJSON_CreateObject();
	int reason;

	cJSON_AddStringToObject(
		request, "url", o->url ? o->url : case_printf("ws://127.0.0.1:%d/", i->ws_port));
	cJSON_AddItemToObject(request, "options", connect_options(i, o));
	reason = ask(m, "connect", request);
	*out = reason == 0 ? m : NULL;
	return reason;
}

struct mqttjs *mqttjs_open(struct instance *i, const struct mqttjs_opts *o)
{
	struct mqttjs *m;
	int reason = mqttjs_try(&m, i, o);

	if (reason != 0)
		case_fail("MQTT.js cannot connect: %d", reason);
	return m;
}

static bool is_closed(void *arg)
{
	struct mqttjs *m = arg;

	hear(m);
	return m->closed;
}

void mqttjs_wait_closed(struct mqttjs *m)
{
	if (!case_wait(is_closed, m))
		case_fail("the connection of MQTT.js should have ended");
}

void mqttjs_close(struct mqttjs *m)
{
	ask(m, "end", cJSON_CreateObject());
	stop_telling(m);
	if (!proc_wait(&m->node, case_patience_ms()) || proc_code(&m->node) != 0)
		case_fail("MQTT.js should end with 0");
}

void mqttjs_kill(struct mqttjs *m)
{
	stop_telling(m);
	proc_kill(&m->node);
}

/* --- messages ------------------------------------------------------------------------------- */

int mqttjs_subscribe(struct mqttjs *m, const char *filter, int qos)
{
	struct cJSON *request = cJSON_CreateObject();

	cJSON_AddStringToObject(request, "topic", filter);
	cJSON_AddNumberToObject(request, "qos", qos);
	return ask(m, "subscribe", request);
}

/* properties NULL: none; taken. */
static int publish(
	struct mqttjs *m, const char *topic, const char *payload, int qos, struct cJSON *properties)
{
	struct cJSON *request = cJSON_CreateObject(),
		     *options = cJSON_AddObjectToObject(request, "options");

	cJSON_AddStringToObject(request, "topic", topic);
	cJSON_AddStringToObject(request, "payload", payload);
	cJSON_AddNumberToObject(options, "qos", qos);
	if (properties)
		cJSON_AddItemToObject(options, "properties", properties);
	return ask(m, "publish", request);
}

int mqttjs_publish(struct mqttjs *m, const char *topic, const char *payload, int qos)
{
	return publish(m, topic, payload, qos, NULL);
}

/* 0x10: there is nobody who subscribes to it but the plugin. */
static void expect_taken(const struct mqttjs *m, const char *topic, int reason)
{
	if (reason != 0 && reason != 0x10)
		case_fail("%s is answered %d %s", topic, reason, m->error ? m->error : "");
}

void mqttjs_send(struct mqttjs *m, const char *chat, const char *payload)
{
	const char *topic = case_printf("chat/%s/send", chat);

	expect_taken(m, topic, mqttjs_publish(m, topic, payload, 1));
}

struct wanted {
	struct mqttjs *mqttjs;
	const char *filter, *text, *correlation;
	struct cJSON *found;
};

static bool is_wanted(const struct wanted *w, const struct cJSON *message)
{
	const char *correlation = json_str(message, "correlation");
	bool hit = false;

	return message &&
	       mosquitto_topic_matches_sub(w->filter, json_str(message, "topic"), &hit) ==
		       MOSQ_ERR_SUCCESS &&
	       hit && (!w->text || strstr(json_str(message, "payload"), w->text)) &&
	       (!w->correlation || (correlation && strcmp(correlation, w->correlation) == 0));
}

static bool has_come(void *arg)
{
	struct wanted *w = arg;

	hear(w->mqttjs);
	for (size_t k = 0; k < w->mqttjs->count && !w->found; k++) {
		if (!is_wanted(w, w->mqttjs->messages[k]))
			continue;
		w->found = w->mqttjs->messages[k];
		w->mqttjs->messages[k] = NULL;
	}
	return w->found != NULL;
}

static struct mqttjs_message take(struct wanted *w)
{
	if (!case_wait(has_come, w))
		case_fail("MQTT.js should receive '%s' on %s", w->text ? w->text : "", w->filter);
	return (struct mqttjs_message){.topic = json_str(w->found, "topic"),
		.payload = json_str(w->found, "payload"),
		.correlation = json_str(w->found, "correlation"),
		.qos = (int)json_num(w->found, "qos"),
		.retain = cJSON_IsTrue(json_at(w->found, "retain"))};
}

struct mqttjs_message mqttjs_take(struct mqttjs *m, const char *filter, const char *text)
{
	return take(&(struct wanted){.mqttjs = m, .filter = filter, .text = text});
}

struct cJSON *mqttjs_call(struct mqttjs *m, const char *method, const char *params)
{
	const char *topic = case_printf("api/%s", method),
		   *correlation = case_printf("c%u", m->requests);
	struct cJSON *properties = cJSON_CreateObject();

	cJSON_AddStringToObject(properties, "responseTopic", "answers");
	cJSON_AddStringToObject(properties, "correlationData", correlation);
	expect_taken(m, topic, publish(m, topic, params, 1, properties));
	return json_from(
		take(&(struct wanted){.mqttjs = m, .filter = "answers", .correlation = correlation})
			.payload);
}
