/* answer.c — see answer.h. */
#include "bridge/engine/answer.h"

#include "wire/json.h"

#include <string.h>

static void put_re(struct buf *b, struct bytes re)
{
	if (re.len == 0)
		return;
	buf_str(b, ",\"re\":");
	buf_put(b, re.data, re.len);
}

void answer_begin(struct buf *b, struct bytes re)
{
	buf_str(b, "{\"ok\":true");
	put_re(b, re);
}

void answer_error_members(struct buf *b, enum err err, const char *why)
{
	if (!why)
		why = err_text(err);
	buf_printf(b, "\"code\":\"%s\",\"message\":", err_code(err));
	json_put_string(b, why, strlen(why));
}

void answer_error(struct buf *b, enum err err, const char *why, struct bytes re)
{
	buf_str(b, "{\"error\":{");
	answer_error_members(b, err, why);
	buf_str(b, "}");
	put_re(b, re);
	buf_str(b, "}");
}

static void put_name(struct buf *b, const char *name)
{
	buf_str(b, ",\"");
	buf_str(b, name);
	buf_str(b, "\":");
}

void answer_string(struct buf *b, const char *name, struct bytes value)
{
	put_name(b, name);
	json_put_string(b, value.data, value.len);
}

void answer_u64(struct buf *b, const char *name, uint64_t value)
{
	put_name(b, name);
	buf_decimal(b, value);
}

void answer_bool(struct buf *b, const char *name, bool value)
{
	put_name(b, name);
	buf_str(b, value ? "true" : "false");
}
