/* import_split.c — see import_split.h. The lists are written anew, everything else as it came. */
#include "clients/gnatterctl/import_split.h"

#include <cjson/cJSON.h>
#include <string.h>

#include "clients/gnatterctl/say.h"

static const char *const lists[] = {"admins", "members"};
#define LISTS (sizeof(lists) / sizeof(*lists))

static bool is_list(const struct json_member *m)
{
	for (size_t i = 0; i < LISTS; i++)
		if (strcmp(m->value->string, lists[i]) == 0)
			return true;
	return false;
}

static const cJSON *list_of(const struct json_object *line, const char *name)
{
	const struct json_member *m = json_get(line, name);

	return m && cJSON_IsArray(m->value) ? m->value : NULL;
}

bool split_possible(const struct json_object *line)
{
	return json_get(line, "chat") && list_of(line, "members");
}

/* The beginning of a piece: what the line says beside its lists, or in later pieces of which chat
 * they are. */
static void begin(struct buf *b, const struct json_object *line, bool first)
{
	buf_reset(b);
	buf_str(b, "{");
	for (size_t i = 0; i < line->count; i++) {
		const struct json_member *m = &line->members[i];

		if (is_list(m) || (!first && strcmp(m->value->string, "chat") != 0))
			continue;
		if (b->len > 1)
			buf_str(b, ",");
		json_put_string(b, m->value->string, strlen(m->value->string));
		buf_str(b, ":");
		buf_put(b, m->raw.data, m->raw.len);
	}
	if (!first)
		buf_str(b, ",\"more\":true");
}

/* Append up to *room elements of a list, from *at on. What is no string goes on as it is, and is
 * refused where it arrives. */
static void put_names(struct buf *b, const char *name, const cJSON **at, size_t *room)
{
	if (!*at || *room == 0)
		return;
	buf_printf(b, ",\"%s\":[", name);
	for (bool any = false; *at && *room > 0; *at = (*at)->next, (*room)--, any = true) {
		if (any)
			buf_str(b, ",");
		if (cJSON_IsString(*at))
			json_put_string(b, (*at)->valuestring, strlen((*at)->valuestring));
		else
			buf_str(b, "null");
	}
	buf_str(b, "]");
}

bool split_line(const struct json_object *line, split_fn *fn, void *ctx)
{
	const cJSON *at[LISTS];
	struct buf b = {0};
	bool first = true, wanted = true;

	for (size_t i = 0; i < LISTS; i++) {
		const cJSON *list = list_of(line, lists[i]);

		at[i] = list ? list->child : NULL;
	}
	while (wanted && (first || at[0] || at[1])) {
		size_t room = SPLIT_NAMES;

		begin(&b, line, first);
		for (size_t i = 0; i < LISTS; i++)
			put_names(&b, lists[i], &at[i], &room);
		buf_str(&b, "}");
		if (b.failed)
			need(NULL);
		wanted = fn(ctx, b.data, b.len, first);
		first = false;
	}
	buf_free(&b);
	return wanted;
}
