/* fake_bridge.c — see fake_bridge.h. */
#include "tests/support/fake_bridge.h"

#include <string.h>

#include "tests/support/case.h"
#include "tests/support/instance.h"
#include "tests/support/token.h"

void fake_bridge_open(struct fake_bridge *b, struct instance *i)
{
	const char *token =
		token_mint(&i->keys, &(struct token){.sub = BRIDGE_CLIENT, .role = "service"});
	struct raw_connect c = {
		.client = BRIDGE_CLIENT, .user = BRIDGE_CLIENT, .password = token, .version = 5};
	char *path = instance_path(i, "run/broker.sock");
	int code;

	if (!raw_open_unix(&b->raw, path))
		case_fail("cannot connect to %s", path);
	code = raw_connect(&b->raw, &c, case_patience_ms());
	if (code != 0)
		case_fail("the broker refuses $gnatterd with %d", code);
}

void fake_bridge_close(struct fake_bridge *b)
{
	raw_close(&b->raw);
}

bool fake_bridge_send(struct fake_bridge *b, const void *data, size_t len)
{
	struct buf p = {0};
	bool ok;

	raw_publish(&p, 5, CONTROL_TOPIC, data, len, 0, 0, false);
	ok = raw_write(&b->raw, p.data, p.len);
	buf_free(&p);
	return ok;
}

static void send_control(struct fake_bridge *b, const struct control *c, const struct buf *effects)
{
	struct buf m = {0};
	char header[CONTROL_HEADER];

	control_encode_header(c, header);
	buf_put(&m, header, sizeof(header));
	if (effects)
		buf_put(&m, effects->data, effects->len);
	assert_true(fake_bridge_send(b, m.data, m.len));
	buf_free(&m);
}

void fake_bridge_hello(struct fake_bridge *b, uint64_t epoch, uint64_t number)
{
	send_control(b,
		&(struct control){
			.kind = CONTROL_HELLO, .last = true, .epoch = epoch, .number = number},
		NULL);
}

void fake_bridge_effects(struct fake_bridge *b, uint64_t epoch, uint64_t number, uint32_t count,
	const struct buf *effects)
{
	struct control c = {.kind = CONTROL_EFFECTS,
		.last = true,
		.epoch = epoch,
		.number = number,
		.count = count};

	send_control(b, &c, effects);
}

struct frame fake_bridge_frame(struct fake_bridge *b)
{
	struct raw_packet p;
	struct raw_message m;
	struct frame f;

	while (raw_read(&b->raw, &p, case_patience_ms()) == 1) {
		if (!raw_message(&b->raw, &p, &m) ||
			!bytes_equal(m.topic, FRAME_TOPIC, strlen(FRAME_TOPIC)))
			continue;
		if (frame_decode(&f, m.payload.data, m.payload.len) != ERR_OK)
			case_fail("the plugin sent a frame that is none");
		return f;
	}
	case_fail("no frame came from the plugin");
}

bool fake_bridge_alive(struct fake_bridge *b)
{
	static const char ping[] = {(char)0xc0, 0};
	struct raw_packet p;

	if (!raw_write(&b->raw, ping, sizeof(ping)))
		return false;
	while (raw_read(&b->raw, &p, case_patience_ms()) == 1) {
		if (p.type == RAW_PINGRESP)
			return true;
	}
	return false;
}
