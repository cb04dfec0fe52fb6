/* push_check.c — fuzz what devices register: the first byte chooses the kind, the rest is the
 * request.
 *
 * What is taken becomes data of no more than 2,048 bytes that can be read, and checked again
 * without a change; strings that go into headers and URLs have no space or control character.
 */
#include <sodium.h>
#include <string.h>

#include "bridge/push/check.h"
#include "bridge/push/target.h"
#include "fuzz.h"

#define DATA_MAX 2048

static void check_visible(struct bytes s)
{
	for (size_t i = 0; i < s.len; i++)
		must(s.data[i] > 0x20 && s.data[i] < 0x7f);
}

static void check_target(enum push_kind_id kind, struct bytes data)
{
	struct push_target t;

	must(push_target_read(&t, kind, data) == ERR_OK);
	check_visible(t.token);
	check_visible(t.fid);
	check_visible(t.topic);
	check_visible(t.url);
	check_visible(t.secret);
	push_target_finish(&t);
}

static enum err check(enum push_kind_id kind, const char *text, size_t len, struct buf *data)
{
	const char *why = NULL;
	struct json_object o;
	enum err e;

	if (json_parse(&o, text, len) != ERR_OK)
		return ERR_BAD_JSON;
	e = push_check(kind, &o, data, &why);
	must(e == ERR_OK || (e == ERR_BAD_REQUEST && why && *why));
	json_finish(&o);
	return e;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf first = {0}, second = {0};
	enum push_kind_id kind;
	struct push_target t;

	if (size == 0 || sodium_init() < 0)
		return 0;
	kind = (enum push_kind_id)(data[0] % (PUSH_KIND_COUNT + 1));
	if (check(kind, (const char *)data + 1, size - 1, &first) == ERR_OK) {
		must(!first.failed && first.len <= DATA_MAX);
		check_target(kind, (struct bytes){first.data, first.len});
		must(check(kind, first.data, first.len, &second) == ERR_OK);
		must(bytes_equal((struct bytes){first.data, first.len}, second.data, second.len));
	}
	/* what lies in the store may be anything, too */
	if (push_target_read(&t, kind, (struct bytes){(const char *)data + 1, size - 1}) == ERR_OK)
		push_target_finish(&t);
	buf_free(&first);
	buf_free(&second);
	return 0;
}
