/* show.c — see show.h. */
#include "clients/gnatter/show.h"

#include <cjson/cJSON.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "clients/gnatter/say.h"
#include "wire/json.h"

const char *show_time(int64_t ms)
{
	static char text[32];
	time_t t = (time_t)(ms / 1000);
	struct tm local;

	if (ms <= 0 || !localtime_r(&t, &local) ||
		strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &local) == 0)
		return "";
	return text;
}

/* --- JSON ----------------------------------------------------------------------------------- */

void show_begin(struct buf *b)
{
	buf_reset(b);
	buf_str(b, "{");
}

static void name_of(struct buf *b, const char *name)
{
	if (b->len > 1)
		buf_str(b, ",");
	json_put_string(b, name, strlen(name));
	buf_str(b, ":");
}

void show_string(struct buf *b, const char *name, const char *value)
{
	name_of(b, name);
	json_put_string(b, value, strlen(value));
}

void show_number(struct buf *b, const char *name, uint64_t value)
{
	name_of(b, name);
	buf_printf(b, "%" PRIu64, value);
}

void show_bool(struct buf *b, const char *name, bool value)
{
	name_of(b, name);
	buf_str(b, value ? "true" : "false");
}

void show_end(struct buf *b)
{
	buf_str(b, "}\n");
	if (b->failed)
		need(NULL);
	fwrite(b->data, 1, b->len, stdout);
}

/* What is JSON already: it came from the server, whose own JSON has no control characters in it;
 * all the same it is read and written anew. */
static void put_json(struct buf *b, const char *name, const char *json)
{
	cJSON *value = json ? cJSON_Parse(json) : NULL;
	char *text = value ? cJSON_PrintUnformatted(value) : NULL;

	if (text) {
		name_of(b, name);
		buf_str(b, text);
	}
	cJSON_free(text);
	cJSON_Delete(value);
}

static void optional(struct buf *b, const char *name, const char *value)
{
	if (value && *value)
		show_string(b, name, value);
}

static void optional_number(struct buf *b, const char *name, uint64_t value)
{
	if (value)
		show_number(b, name, value);
}

static void show_json(const struct gnatter_message *m)
{
	struct buf b = {0};

	show_begin(&b);
	show_string(&b, "chat", m->chat);
	show_number(&b, "seq", m->seq);
	show_number(&b, "n", m->n);
	show_string(&b, "from", m->from);
	optional(&b, "device", m->device);
	show_number(&b, "ts", (uint64_t)m->ts_ms);
	optional(&b, "id", m->id);
	show_string(&b, "type", m->type);
	optional_number(&b, "ref", m->ref);
	if (m->text)
		show_string(&b, "text", m->text);
	put_json(&b, "media", m->media);
	put_json(&b, "body", m->body);
	optional_number(&b, "edited", m->edited);
	optional_number(&b, "deleted", m->deleted);
	show_bool(&b, "mine", m->mine);
	show_end(&b);
	buf_free(&b);
}

/* --- for people ----------------------------------------------------------------------------- */

void show_padded(const char *text, size_t width)
{
	size_t n = say_line(stdout, text);

	while (n++ < width)
		putchar(' ');
}

static void show_head(const struct gnatter_message *m)
{
	const char *dim = say_in_colour() ? "\033[2m" : "", *bold = *dim ? "\033[1m" : "",
		   *plain = *dim ? "\033[0m" : "";

	printf("%s%s%s %s", dim, show_time(m->ts_ms), plain, bold);
	say_line(stdout, m->from);
	printf("%s: ", plain);
}

/* What a message without text, or with more than text, is. */
static void show_kind(const struct gnatter_message *m)
{
	if (strcmp(m->type, "text") != 0) {
		putchar('[');
		say_line(stdout, m->type);
		printf("]%s", m->text ? " " : "");
	}
	if (m->ref)
		printf("(to #%" PRIu64 ") ", m->ref);
}

static void show_line(const struct gnatter_message *m)
{
	bool reaction = strcmp(m->type, "reaction") == 0;

	show_head(m);
	if (m->deleted || strcmp(m->type, "deleted") == 0) {
		puts("(deleted)");
		return;
	}
	if (reaction && (!m->text || !*m->text)) {
		printf("takes back the reaction to #%" PRIu64 "\n", m->ref);
		return;
	}
	show_kind(m);
	if (m->text)
		say_text(stdout, m->text, 4);
	else if (m->body && strcmp(m->type, "system") == 0)
		say_line(stdout, m->body);
	puts(m->edited ? " (edited)" : "");
}

void show_message(const struct gnatter_message *m, bool json)
{
	if (json)
		show_json(m);
	else if (strcmp(m->type, "edit") != 0 && strcmp(m->type, "delete") != 0)
		show_line(m);
}
