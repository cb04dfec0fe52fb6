/* badlink_test.c — bad bytes between plugin and daemon, said by a fake daemon to the real plugin
 * and by a fake plugin to the real daemon: nothing crashes, and what was accepted is stored
 * afterwards.
 */
#include <string.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/fake_bridge.h"
#include "tests/support/fake_broker.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"

#define SENT 10

/* An instance that has accepted ten messages while its daemon was dead. */
static struct instance *with_full_spool(void)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;

	instance_start(i);
	instance_stop_daemon(i);
	alice = client_5(i, "alice", "phone");
	for (int k = 0; k < SENT; k++)
		client_sendf(alice, "lobby", "{\"id\":\"k%d\",\"text\":\"kept\"}", k);
	client_close(alice);
	return i;
}

static void expect_nothing_lost(struct instance *i)
{
	struct client *alice;
	struct history h;

	instance_start_daemon(i);
	instance_wait_ready(i);
	alice = client_5(i, "alice", "phone");
	h = history_all(alice, "lobby");
	history_expect_once(&h, "alice", "k", SENT);
	assert_int_equal(h.count, SENT);
	client_send(alice, "lobby", "and on");
	assert_int_equal(json_num(client_request(alice, "history", "{\"chat\":\"lobby\"}"), "seq"),
		SENT + 1);
}

/* Connect and greet; the first frame with records. If the plugin has closed the connection for what
 * was said before, connect again. */
static struct frame greet(struct fake_bridge *b, struct instance *i)
{
	struct frame f;

	fake_bridge_open(b, i);
	fake_bridge_hello(b, 0, 0);
	do {
		f = fake_bridge_frame(b);
	} while (f.count == 0);
	return f;
}

/* Bytes of a control message: header fields, then whatever. */
static void put_header(struct buf *b, uint32_t magic, uint8_t kind, uint8_t last, uint64_t epoch,
	uint64_t number, uint32_t count)
{
	buf_reset(b);
	buf_u32(b, magic);
	buf_u8(b, kind);
	buf_u8(b, last);
	buf_u64(b, epoch);
	buf_u64(b, number);
	buf_u32(b, count);
}

/* One effect as it should be. */
static void put_good_effect(struct buf *b)
{
	effect_encode(b, &(struct effect){.type = EFFECT_PUBLISH,
				 .topic = {"user/bob/events", 15},
				 .qos = 1,
				 .payload = {"{\"forged\":1}", 12}});
}

/* The n-th of those whose effects are wrong. */
static bool wrong_effects(struct buf *b, size_t n, uint64_t epoch, uint64_t number)
{
	static const uint32_t counts[] = {2, UINT32_MAX, 1, 1, 1, 1};

	if (n >= COUNT(counts))
		return false;
	put_header(b, CONTROL_MAGIC, CONTROL_EFFECTS, 1, epoch, number, counts[n]);
	switch (n) {
	case 0: /* more effects than are there */
	case 1:
		put_good_effect(b);
		break;
	case 2: /* cut short */
		put_good_effect(b);
		b->len--;
		break;
	case 3: /* something behind the last one */
		put_good_effect(b);
		buf_put(b, "more", 4);
		break;
	case 4: /* an unknown one */
		buf_u8(b, EFFECT_TYPE_END);
		break;
	default: /* a topic longer than the message */
		buf_u8(b, EFFECT_PUBLISH);
		buf_u16(b, 0xffff);
	}
	return true;
}

/* Every wrong control message there is, the n-th into b. False after the last. */
static bool wrong_control(struct buf *b, size_t n, uint64_t epoch, uint64_t number)
{
	buf_reset(b);
	switch (n) {
	case 0: /* nothing at all */
		return true;
	case 1: /* shorter than its header */
		buf_put(b, "GNC1\2\1", 6);
		return true;
	case 2: /* of another version */
		put_header(b, CONTROL_MAGIC + (1u << 24), CONTROL_EFFECTS, 1, epoch, number, 0);
		return true;
	case 3: /* of an unknown kind */
		put_header(b, CONTROL_MAGIC, 0, 1, epoch, number, 0);
		return true;
	case 4:
		put_header(b, CONTROL_MAGIC, CONTROL_KIND_END, 1, epoch, number, 0);
		return true;
	case 5: /* tied to no record, with a payload longer than the message */
		put_header(b, CONTROL_MAGIC, CONTROL_LOOSE, 1, 0, 0, 1);
		buf_u8(b, EFFECT_ANSWER);
		buf_bytes16(b, "bob", 3);
		buf_bytes16(b, "bob:witness", 11);
		buf_bytes16(b, "forged", 6);
		buf_bytes16(b, "", 0);
		buf_u32(b, 0xfffffff0);
		return true;
	case 6: /* confirming records that were never sent */
		put_header(b, CONTROL_MAGIC, CONTROL_EFFECTS, 1, epoch, number + 1000, 0);
		return true;
	default:
		return wrong_effects(b, n - 7, epoch, number);
	}
}

static void test_wrong_control_messages(void **state)
{
	struct instance *i = with_full_spool();
	struct client *witness = client_5(i, "bob", "witness");
	struct buf b = {0};

	(void)state;
	client_subscribe_ok(witness, "user/bob/#", 1);
	for (size_t n = 0;; n++) {
		struct fake_bridge bridge;
		struct frame f = greet(&bridge, i);
		uint64_t last = f.first + f.count - 1;
		bool more = wrong_control(&b, n, f.epoch, last);

		if (more)
			fake_bridge_send(&bridge, b.data, b.len);
		fake_bridge_alive(
			&bridge); /* it may have been shown the door; the broker has read it now */
		fake_bridge_close(&bridge);
		if (!more)
			break;
		/* others are served on */
		assert_int_equal(
			client_publish(witness, &(struct publish){.topic = "presence/bob/witness",
							.payload = "online",
							.qos = 1}) &
				0x80,
			0);
	}
	buf_free(&b);
	client_none(witness, 0, "#", "forged");
	expect_nothing_lost(i);
}

/* Well-formed effects that make no sense at the broker: topics with wildcards, of nobody's; users
 * who are not there. They are performed as far as they can be, or not; the broker lives. */
static void test_senseless_effects(void **state)
{
	static const char *const topics[] = {
		"", "#", "a/+/b", "$SYS/forged", "chat/lobby/msg\xff", "a\0b"};
	struct instance *i = with_full_spool();
	struct fake_bridge bridge;
	struct buf b = {0}, effects = {0};
	uint32_t count = 0;

	(void)state;
	greet(&bridge, i);
	for (size_t k = 0; k < COUNT(topics); k++) {
		struct bytes topic = {topics[k], k == 5 ? 3 : strlen(topics[k])};

		effect_encode(&effects, &(struct effect){.type = EFFECT_PUBLISH,
						.topic = topic,
						.qos = 1,
						.payload = {"x", 1}});
		effect_encode(&effects, &(struct effect){.type = EFFECT_ANSWER,
						.topic = topic,
						.user = {"nobody", 6},
						.client = {"nobody:x", 8},
						.payload = {"x", 1}});
		effect_encode(&effects, &(struct effect){.type = EFFECT_MESSAGE,
						.chat = topic,
						.seq = 1,
						.payload = {"x", 1}});
		count += 3;
	}
	effect_encode(&effects,
		&(struct effect){.type = EFFECT_KICK, .user = {"", 0}, .client = {"", 0}});
	effect_encode(&effects, &(struct effect){.type = EFFECT_KICK, .user = {"nobody", 6}});
	effect_encode(&effects, &(struct effect){.type = EFFECT_EXPEL, .user = {"nobody", 6}});
	put_header(&b, CONTROL_MAGIC, CONTROL_LOOSE, 1, 0, 0, count + 3);
	buf_put(&b, effects.data, effects.len);
	fake_bridge_send(&bridge, b.data, b.len);
	fake_bridge_alive(&bridge);
	fake_bridge_close(&bridge);
	buf_free(&b);
	buf_free(&effects);
	expect_nothing_lost(i);
}

/* Effects for another epoch or for records long confirmed release nothing. */
static void test_foreign_epochs_release_nothing(void **state)
{
	struct instance *i = with_full_spool();
	struct fake_bridge bridge;
	struct frame f = greet(&bridge, i);
	uint64_t last = f.first + f.count - 1;

	(void)state;
	fake_bridge_effects(&bridge, f.epoch + 1, last, 0, NULL);
	fake_bridge_effects(&bridge, f.epoch ^ UINT64_MAX, UINT64_MAX / 4, 0, NULL);
	fake_bridge_effects(&bridge, f.epoch, f.first - 1, 0, NULL);
	fake_bridge_effects(&bridge, f.epoch, 0, 0, NULL);
	assert_true(fake_bridge_alive(&bridge));
	fake_bridge_close(&bridge);
	expect_nothing_lost(i);
}

/* Only $gnatterd speaks on the control topic; others are refused, whatever their role. */
static void test_control_is_for_the_daemon_alone(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct client *boss, *ctl_client;
	struct buf b = {0};

	(void)state;
	instance_start(i);
	boss = client_open(
		i, &(struct client_opts){.user = "alice", .device = "d", .role = "admin"});
	ctl_client = client_open(
		i, &(struct client_opts){
			   .user = "$gnatterctl", .client_id = "$gnatterctl-x", .role = "admin"});
	put_header(&b, CONTROL_MAGIC, CONTROL_HELLO, 1, 0, 0, 0);
	for (int qos = 0; qos <= 2; qos++) {
		struct publish p = {
			.topic = CONTROL_TOPIC, .payload = b.data, .len = b.len, .qos = qos};
		int code = client_publish(boss, &p);

		assert_true(qos == 0 || code == 0x87);
		code = client_publish(ctl_client, &p);
		assert_true(qos == 0 || code == 0x87);
	}
	buf_free(&b);
	client_barrier(boss);
	client_send(boss, "lobby", "still here");
}

/* --- frames ---------------------------------------------------------------------------------- */

static void put_frame(struct buf *b, const struct frame *f)
{
	char bytes[FRAME_HEADER];

	buf_reset(b);
	frame_encode_header(f, bytes);
	buf_put(b, bytes, sizeof(bytes));
}

static void put_record(struct buf *b, uint64_t number)
{
	struct record r = {.type = RECORD_SEND,
		.flags = 1,
		.number = number,
		.ts = (uint64_t)case_wall_ms(),
		.role = ROLE_USER,
		.user = {"alice", 5},
		.client = {"alice:x", 7},
		.device = {"x", 1},
		.target = {"lobby", 5},
		.payload = {"forged by a frame", 17}};
	char *room = buf_reserve(b, record_size(&r));

	assert_non_null(room);
	record_encode(&r, room);
	b->len += record_size(&r);
}

/* How to spoil a good frame of one record: set some bytes, or cut or lengthen it. */
static const struct {
	const char *what;
	size_t at;
	const char *bytes;
	size_t count;
	int longer;
} spoilings[] = {
	{"shorter than its header", 0, "", 0, -9999},
	{"of another version", 3, "2", 1, 0},
	{"counting a record that is not there", 20, "\2", 1, 0},
	{"counting millions", 20, "\xff\xff\xff\xff", 4, 0},
	{"cut short", 0, "", 0, -8},
	{"with bytes behind its record", 0, "", 0, 8},
	{"with a record of no size", FRAME_HEADER, "\0\0\0\0", 4, 0},
	{"with a record larger than itself", FRAME_HEADER, "\xf8\xff\xff\xff", 4, 0},
	{"with a record of an odd size", FRAME_HEADER, "\x61", 1, 0},
	{"with a record of no type", FRAME_HEADER + 4, "\0", 1, 0},
	{"with a record of an unknown type", FRAME_HEADER + 4, "\x63", 1, 0},
	{"with something reserved", FRAME_HEADER + 6, "\1", 1, 0},
	{"with an unknown role", FRAME_HEADER + 24, "\x09", 1, 0},
	{"with a user beyond its record", FRAME_HEADER + 25, "\xff\xff", 2, 0},
};

static void spoil(struct buf *b, size_t n)
{
	size_t len = b->len;

	memcpy(b->data + spoilings[n].at, spoilings[n].bytes, spoilings[n].count);
	if (spoilings[n].longer > 0)
		buf_put(b, "trailing", 8);
	else
		b->len = spoilings[n].longer < -999 ? FRAME_HEADER - 1
						    : len - (size_t)-spoilings[n].longer;
}

/* Answer the daemon's greeting as the plugin would; it confirms where it stands. */
static uint64_t be_greeted(struct fake_broker *broker, uint64_t epoch)
{
	uint64_t at = fake_broker_greeting(broker);
	struct frame hello = {.epoch = epoch, .first = at + 1, .performed = at, .hello = true};
	struct buf b = {0};
	struct control c;

	put_frame(&b, &hello);
	fake_broker_frame(broker, b.data, b.len);
	buf_free(&b);
	assert_true(fake_broker_control(broker, &c, case_patience_ms()));
	assert_int_equal(c.kind, CONTROL_EFFECTS);
	assert_int_equal(c.number, at);
	return at;
}

static uint64_t spool_epoch_of(struct instance *i)
{
	struct spool_header *h =
		(struct spool_header *)(void *)slurp(instance_path(i, "data/spool"), NULL);

	return h->epoch;
}

/* A frame as it should be: taken, confirmed. So it is the spoiling that is refused below. */
static void test_right_frame(void **state)
{
	static struct fake_broker broker; /* its undoing outlives this function */
	struct instance *i = with_full_spool();
	uint64_t epoch = spool_epoch_of(i), at;
	struct buf b = {0};
	struct control c;

	(void)state;
	instance_stop_broker(i);
	fake_broker_open(&broker, i);
	instance_start_daemon(i);
	at = be_greeted(&broker, epoch);
	put_frame(
		&b, &(struct frame){.epoch = epoch, .first = at + 1, .count = 1, .performed = at});
	put_record(&b, at + 1);
	fake_broker_frame(&broker, b.data, b.len);
	assert_true(fake_broker_control(&broker, &c, case_patience_ms()));
	assert_int_equal(c.number, at + 1);
	assert_int_equal(c.count, 1); /* the message */
	buf_free(&b);
	fake_broker_close(&broker);
}

struct waited {
	struct instance *i;
	const struct fake_broker *broker;
};

static bool back_or_ended(void *arg)
{
	struct waited *w = arg;

	return fake_broker_called(w->broker) || proc_ended(&w->i->daemon);
}

/* It connects again. Should it have ended, then as it ends on an error, not by a signal: an
 * operator's `run` starts it again, and so do we. */
static void go_on_after(struct instance *i, const struct fake_broker *broker, const char *what)
{
	struct waited w = {i, broker};

	if (!case_wait(back_or_ended, &w))
		case_fail("the daemon does not come back after a frame %s", what);
	if (!proc_ended(&i->daemon))
		return;
	if (proc_code(&i->daemon) != 1)
		case_fail("the daemon ended with %d at a frame %s", proc_code(&i->daemon), what);
	instance_start_daemon(i);
}

static void test_wrong_frames(void **state)
{
	static struct fake_broker broker;
	struct instance *i = with_full_spool();
	uint64_t epoch = spool_epoch_of(i), at;
	struct buf b = {0};
	struct control c;

	(void)state;
	instance_stop_broker(i);
	fake_broker_open(&broker, i);
	instance_start_daemon(i);
	at = be_greeted(&broker, epoch);
	for (size_t n = 0; n < COUNT(spoilings); n++) {
		put_frame(
			&b, &(struct frame){
				    .epoch = epoch, .first = at + 1, .count = 1, .performed = at});
		put_record(&b, at + 1);
		spoil(&b, n);
		fake_broker_frame(&broker, b.data, b.len);
		/* it gives the connection up, or itself, with a sentence; it greets on a new one,
		 * no further than before */
		if (fake_broker_control(&broker, &c, case_patience_ms()))
			case_fail("a frame %s was answered", spoilings[n].what);
		raw_close(&broker.raw);
		go_on_after(i, &broker, spoilings[n].what);
		assert_int_equal(be_greeted(&broker, epoch), at);
	}
	buf_free(&b);
	fake_broker_close(&broker);
	instance_stop_daemon(i);
	instance_start_broker(i);
	expect_nothing_lost(i);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_wrong_control_messages),
		SYSTEM(test_senseless_effects),
		SYSTEM(test_foreign_epochs_release_nothing),
		SYSTEM(test_control_is_for_the_daemon_alone),
		SYSTEM(test_right_frame),
		SYSTEM(test_wrong_frames),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
