/* bulk.c — import: many accounts and chats in one request, for migration and for a first day.
 *
 * {"lines":[{"user":"alice","hash":..,"name":..,"role":..,"disabled":..},
 *           {"chat":"lobby","title":..,"kind":..,"members":[..],"admins":[..]},...]}
 *
 * Each line stands for itself: a wrong one is reported with its place (counted from 0) and changes
 * nothing. Nobody is told by events or system messages: who is imported is not there yet.
 */
#include "bridge/engine/internal.h"

#include <cjson/cJSON.h>
#include <string.h>

#define LINES_MAX 10000

/* A line is carried out by the method it stands for, as a request of its own. */
static enum err apply_line(struct request *q, const cJSON *line, const char **why)
{
	struct request sub = {.e = q->e, .r = q->r, .admin = true};
	struct buf members = {0};
	char *text = cJSON_IsObject(line) ? cJSON_PrintUnformatted(line) : NULL;
	enum err err;

	*why = "a line must be an object with \"user\" or \"chat\"";
	if (!text)
		return ERR_BAD_REQUEST;
	err = json_parse(&sub.json, text, strlen(text));
	if (err == ERR_OK) {
		sub.answer = &members;
		if (json_get(&sub.json, "password")) {
			sub.why = "a line of import has \"hash\", not \"password\"";
			err = ERR_BAD_REQUEST;
		} else if (json_get(&sub.json, "user"))
			err = method_user_add(&sub);
		else if (json_get(&sub.json, "chat"))
			err = method_chat_import(&sub);
		else
			err = ERR_BAD_REQUEST;
		if (sub.why || err != ERR_BAD_REQUEST)
			*why = sub.why;
		json_finish(&sub.json);
	}
	cJSON_free(text);
	buf_free(&members);
	return err;
}

static void report(struct buf *errors, int line, enum err err, const char *why)
{
	buf_printf(errors, "%s{\"line\":%d,", errors->len > 0 ? "," : "", line);
	answer_error_members(errors, err, why);
	buf_str(errors, "}");
}

enum err method_import(struct request *q)
{
	const struct json_member *lines = json_get(&q->json, "lines");
	struct engine *e = q->e;
	struct buf errors = {0};
	const cJSON *line;
	uint64_t done = 0;
	int at = 0;
	enum err err = ERR_OK;

	if (!lines || !cJSON_IsArray(lines->value) ||
		cJSON_GetArraySize(lines->value) > LINES_MAX) {
		q->why = "\"lines\" must be a list of at most 10000 objects";
		return ERR_BAD_REQUEST;
	}
	cJSON_ArrayForEach(line, lines->value)
	{
		size_t mark = batch_mark(e->batch);
		struct outbox_mark out = outbox_mark(e->out);
		const char *why = NULL;

		err = apply_line(q, line, &why);
		if (refusal_is_fatal(err))
			break;
		if (err != ERR_OK) {
			batch_rollback(e->batch, mark);
			outbox_rollback(e->out, out);
			report(&errors, at, err, why);
		} else {
			done++;
		}
		err = ERR_OK;
		at++;
	}
	answer_u64(q->answer, "done", done);
	buf_str(q->answer, ",\"errors\":[");
	buf_put(q->answer, errors.data, errors.len);
	buf_str(q->answer, "]");
	if (errors.failed)
		err = ERR_NOMEM;
	buf_free(&errors);
	return err;
}
