/* import.c — accounts and chats from JSON lines, many to a request, several requests in flight.
 *
 * A line goes to the daemon as it was written. Only a line with a password is written anew, with
 * the hash in its place, and one about a chat with very many members is cut into several. The
 * daemon says which lines of a request failed; here they get their numbers back.
 *
 * 100,000 accounts without passwords take about two seconds. With passwords the hashing decides:
 * count cores / (time of one hash) lines a second.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/hasher.h"
#include "clients/gnatterctl/import_split.h"
#include "clients/gnatterctl/password.h"
#include "clients/gnatterctl/say.h"
#include "wire/json.h"

#define BATCH_LINES_MAX 1000
#define BYTES_TARGET \
	(64u << 10) /* a request is sent when it has grown to this: others want answers, too */
#define PASSWORDS_MAX  64 /* so that a slow hash does not hold up the connection for long */
#define LINE_BYTES_MAX (API_REQUEST_MAX - 1024)
#define HASH_ROOM      256
#define LINE_DEPTH_MAX (JSON_DEPTH_MAX - 2) /* the request is two levels itself */

/* A line that waits for its hash. */
struct pending {
	cJSON *object;
	size_t line; /* in the batch */
};

struct batch {
	struct bytes lines[BATCH_LINES_MAX]; /* owned */
	size_t numbers[BATCH_LINES_MAX];     /* in the file, from 1 */
	size_t count, bytes;
	struct pending pending[PASSWORDS_MAX];
	size_t pending_count;
};

/* Which lines a request in flight had. */
struct sent {
	size_t numbers[BATCH_LINES_MAX];
	size_t count;
};

struct import {
	struct instance in;
	struct api *api;
	struct batch batch;
	struct sent sent[API_IN_FLIGHT_MAX]; /* oldest first */
	size_t in_flight;
	size_t done, failed;
	bool broken; /* no use going on; said why */
};

static void line_failed(struct import *m, size_t number, const char *why)
{
	fail("line %zu: %s", number, why);
	m->failed++;
}

/* The answer to the oldest request: count what was done, name what was not. */
static void take_answer(struct import *m)
{
	struct sent *s = &m->sent[0];
	cJSON *answer = api_answer(m->api);
	const cJSON *errors = cJSON_GetObjectItemCaseSensitive(answer, "errors"), *e;
	const char *error = answer ? api_error(answer) : NULL;
	size_t bad = 0;

	if (error)
		fail("import: %s (lines %zu to %zu)", error, s->numbers[0],
			s->numbers[s->count - 1]);
	m->broken = m->broken || !answer || error;
	cJSON_ArrayForEach(e, errors)
	{
		const cJSON *line = cJSON_GetObjectItemCaseSensitive(e, "line");
		const cJSON *message = cJSON_GetObjectItemCaseSensitive(e, "message");
		double at = cJSON_IsNumber(line) ? line->valuedouble : -1;

		if (at < 0 || at >= (double)s->count)
			continue;
		line_failed(m, s->numbers[(size_t)at],
			cJSON_IsString(message) ? message->valuestring : "refused");
		bad++;
	}
	if (!m->broken)
		m->done += s->count - bad;
	cJSON_Delete(answer);
	m->in_flight--;
	memmove(&m->sent[0], &m->sent[1], m->in_flight * sizeof(*s));
}

/* Hash the passwords of the batch and write their lines anew. */
static void hash_pending(struct import *m)
{
	struct batch *b = &m->batch;
	struct hash_job jobs[PASSWORDS_MAX];

	for (size_t i = 0; i < b->pending_count; i++)
		jobs[i].password =
			cJSON_GetObjectItemCaseSensitive(b->pending[i].object, "password")
				->valuestring;
	hash_all(jobs, b->pending_count, &m->in.conf);
	for (size_t i = 0; i < b->pending_count; i++) {
		cJSON *object = b->pending[i].object;
		struct bytes *line = &b->lines[b->pending[i].line];
		char *text;

		if (!jobs[i].ok) {
			fail("not enough memory to hash a password (password_memory of "
			     "gnatter.conf)");
			m->broken = true;
		}
		cJSON_DeleteItemFromObjectCaseSensitive(object, "password");
		need(cJSON_AddStringToObject(object, "hash", jobs[i].ok ? jobs[i].hash : ""));
		text = need(cJSON_PrintUnformatted(object));
		*line = (struct bytes){text, strlen(text)};
		cJSON_Delete(object);
	}
	b->pending_count = 0;
}

static void forget_lines(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		free((char *)b->lines[i].data);
	for (size_t i = 0; i < b->pending_count; i++)
		cJSON_Delete(b->pending[i].object);
	b->count = b->bytes = b->pending_count = 0;
}

static void send_batch(struct import *m)
{
	struct batch *b = &m->batch;
	struct buf request = {0};

	if (b->count == 0 || m->broken)
		return;
	hash_pending(m);
	if (m->broken)
		return;
	if (m->in_flight == API_IN_FLIGHT_MAX)
		take_answer(m);
	if (m->broken)
		return;
	buf_str(&request, "{\"lines\":[");
	for (size_t i = 0; i < b->count; i++) {
		if (i > 0)
			buf_str(&request, ",");
		buf_put(&request, b->lines[i].data, b->lines[i].len);
	}
	buf_str(&request, "]}");
	if (request.failed)
		need(NULL);
	memcpy(m->sent[m->in_flight].numbers, b->numbers, b->count * sizeof(*b->numbers));
	m->sent[m->in_flight].count = b->count;
	m->in_flight++;
	if (!api_ask(m->api, "import", request.data, request.len)) {
		m->broken = true;
		m->in_flight--;
	}
	buf_free(&request);
	forget_lines(b);
}

/* A password member: the line waits for its hash. False if it is no password; said why. */
static bool take_password(struct import *m, const char *text, size_t len, size_t number)
{
	struct batch *b = &m->batch;
	cJSON *object = cJSON_ParseWithLength(text, len);
	const cJSON *password = cJSON_GetObjectItemCaseSensitive(object, "password");
	const char *wrong = cJSON_IsString(password) ? password_wrong(password->valuestring)
						     : "\"password\" must be a string";

	if (!wrong && cJSON_GetObjectItemCaseSensitive(object, "hash"))
		wrong = "\"password\" and \"hash\" in one line";
	if (wrong) {
		line_failed(m, number, wrong);
		cJSON_Delete(object);
		return false;
	}
	b->lines[b->count] = (struct bytes){NULL, 0};
	b->pending[b->pending_count++] = (struct pending){object, b->count};
	return true;
}

/* The error's text without its subject: here it is a line, not a payload. */
static const char *text_of(enum err e)
{
	static const char subject[] = "the payload is ";
	const char *text = err_text(e);

	return strncmp(text, subject, strlen(subject)) == 0 ? text + strlen(subject) : text;
}

/* How many levels of arrays and objects. */
static int depth(const cJSON *item)
{
	const cJSON *child;
	int deepest = 0;

	cJSON_ArrayForEach(child, item)
	{
		int d = depth(child);

		deepest = d > deepest ? d : deepest;
	}
	return deepest + 1;
}

/* Add a good line to the batch; its bytes are kept as they are. */
static void add_line(struct import *m, const char *text, size_t len, size_t number, bool password)
{
	struct batch *b = &m->batch;
	char *copy;

	if (b->count == BATCH_LINES_MAX || b->pending_count == PASSWORDS_MAX ||
		b->bytes + len + HASH_ROOM > LINE_BYTES_MAX)
		send_batch(m);
	if (m->broken)
		return;
	if (password) {
		if (!take_password(m, text, len, number))
			return;
		len += HASH_ROOM;
	} else {
		copy = need(malloc(len));
		memcpy(copy, text, len);
		b->lines[b->count] = (struct bytes){copy, len};
	}
	b->numbers[b->count++] = number;
	b->bytes += len + 1;
	if (b->bytes >= BYTES_TARGET)
		send_batch(m);
}

/* Wait until everything sent is answered. */
static void drain(struct import *m)
{
	send_batch(m);
	while (m->in_flight > 0 && !m->broken)
		take_answer(m);
}

struct piece {
	struct import *m;
	size_t number, done; /* of the line; lines done before it */
};

/* Each piece is carried out before the next is sent: where the chat cannot be made, its name may be
 * another chat's, which must not get these members. */
static bool take_piece(void *ctx, const char *text, size_t len, bool first)
{
	struct piece *p = ctx;
	struct import *m = p->m;
	size_t failed;

	if (first) {
		drain(m);
		p->done = m->done;
	}
	failed = m->failed;
	add_line(m, text, len, p->number, false);
	drain(m);
	m->done = p->done;
	return !m->broken && m->failed == failed;
}

/* One line, however many pieces. */
static void take_large(struct import *m, const struct json_object *line, size_t number)
{
	struct piece p = {.m = m, .number = number};

	if (split_line(line, take_piece, &p))
		m->done++;
}

static void take_line(struct import *m, const char *text, size_t len, size_t number)
{
	bool password, deep, large;
	struct json_object o;
	enum err e = json_parse(&o, text, len);

	if (e != ERR_OK) {
		line_failed(m, number, text_of(e));
		return;
	}
	password = json_get(&o, "password") != NULL;
	deep = depth(o.root) > LINE_DEPTH_MAX;
	large = len > LINE_BYTES_MAX;
	if (deep)
		line_failed(m, number, "nested too deeply");
	else if (large && !split_possible(&o))
		line_failed(m, number, "longer than a request may be (480 kB)");
	else if (large)
		take_large(m, &o, number);
	else
		add_line(m, text, len, number, password);
	json_finish(&o);
}

static void read_lines(struct import *m, FILE *in, const char *name)
{
	char *line = NULL;
	size_t size = 0, number = 0;
	ssize_t len;

	while (!m->broken && (len = getline(&line, &size, in)) >= 0) {
		number++;
		while (len > 0 && strchr(" \t\r\n", line[len - 1]) && line[len - 1])
			len--;
		if (len > 0)
			take_line(m, line, (size_t)len, number);
	}
	if (ferror(in)) {
		fail("cannot read %s: %s", name, strerror(errno));
		m->broken = true;
	}
	drain(m);
	if (line)
		sodium_memzero(line, size);
	free(line);
}

int command_import(const struct args *a)
{
	const char *name = a->operand[0];
	bool is_stdin = strcmp(name, "-") == 0;
	FILE *in = is_stdin ? stdin : fopen(name, "re"); /* before we become the instance's owner */
	struct import *m;
	int code = 1;

	if (!in)
		return fail("cannot read %s: %s", name, strerror(errno));
	m = need(calloc(1, sizeof(*m)));
	if (instance_open(&m->in, a->dir) && api_open(&m->api, &m->in)) {
		read_lines(m, in, is_stdin ? "standard input" : name);
		forget_lines(&m->batch);
		code = m->broken || m->failed > 0 ? 1 : 0;
		printf("%zu lines imported", m->done);
		if (m->failed > 0)
			printf(", %zu failed", m->failed);
		puts(m->broken ? ", then stopped" : "");
	}
	api_close(m->api);
	free(m);
	if (!is_stdin)
		fclose(in);
	return code;
}
