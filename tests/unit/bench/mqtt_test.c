/* mqtt_test.c — packets as the standards print them; packets cut short and damaged. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "bench/mqtt.h"

#define BYTES(s) (s), sizeof(s) - 1

static void assert_bytes(const struct buf *b, const char *want, size_t len)
{
	assert_int_equal(b->len, len);
	assert_memory_equal(b->data, want, len);
}

/* Scan a packet that fills data, which lies in memory of exactly that size. */
static struct mqtt_packet whole(const char *data, size_t len)
{
	struct mqtt_packet p = {0};
	size_t size = 0;

	assert_int_equal(mqtt_scan(&p, &size, data, len), MQTT_WHOLE);
	assert_int_equal(size, len);
	return p;
}

static void test_mqtt_put_connect_both_versions(void **state)
{
	struct mqtt_login login = {"c", "u", "pw", 60};
	struct buf b = {0};

	(void)state;
	mqtt_put_connect(&b, MQTT_311, &login);
	assert_bytes(&b, BYTES("\x10\x14\0\4MQTT\4\xc2\0\x3c\0\1c\0\1u\0\2pw"));
	buf_reset(&b);
	login.user = login.password = NULL;
	mqtt_put_connect(&b, MQTT_5, &login);
	assert_bytes(&b, BYTES("\x10\x0e\0\4MQTT\5\2\0\x3c\0\0\1c"));
	buf_free(&b);
}

static void test_mqtt_put_subscribe_two_filters(void **state)
{
	static const char *const filters[] = {"a/b", "c"};
	struct buf b = {0};

	(void)state;
	mqtt_put_subscribe(&b, MQTT_5, 7, filters, 2, 1);
	assert_bytes(&b, BYTES("\x82\x0d\0\7\0\0\3a/b\1\0\1c\1"));
	buf_free(&b);
}

static void test_mqtt_put_acks(void **state)
{
	struct buf b = {0};

	(void)state;
	mqtt_put_ack(&b, MQTT_PUBACK, 0x1234);
	mqtt_put_ack(&b, MQTT_PUBREL, 1);
	mqtt_put_empty(&b, MQTT_DISCONNECT);
	assert_bytes(&b, BYTES("\x40\2\x12\x34\x62\2\0\1\xe0\0"));
	buf_free(&b);
}

/* What put_publish writes, get_publish reads, at each side of each length of a length. */
static void test_mqtt_publish_round_trip(void **state)
{
	static const size_t sizes[] = {0, 1, 100, 117, 118, 16369, 16370, 70000, 2097140};

	(void)state;
	for (size_t i = 0; i < 4 * sizeof(sizes) / sizeof(*sizes); i++) {
		enum mqtt_version version = i % 2 ? MQTT_5 : MQTT_311;
		struct mqtt_out out = {.topic = {"chat/lobby", 10},
			.qos = i % 4 < 2 ? 1 : 0,
			.id = 513,
			.payload_len = sizes[i / 4]};
		struct buf b = {0};
		struct mqtt_packet p;
		struct mqtt_in in;
		char *at;

		if (version == MQTT_5) {
			out.response = (struct bytes){"r", 1};
			out.correlation = (struct bytes){"\0\1\2", 3};
		}
		at = mqtt_put_publish(&b, version, &out);
		assert_non_null(at);
		memset(at, 'x', out.payload_len);
		p = whole(b.data, b.len);
		assert_true(mqtt_get_publish(&in, &p, version));
		assert_true(bytes_equal(in.topic, "chat/lobby", 10));
		assert_int_equal(in.qos, out.qos);
		assert_int_equal(in.id, out.qos ? 513 : 0);
		assert_int_equal(in.payload.len, out.payload_len);
		assert_true(in.payload.data == at);
		assert_int_equal(in.correlation.len, out.correlation.len);
		buf_free(&b);
	}
}

static void test_mqtt_put_publish_too_long(void **state)
{
	struct mqtt_out out = {.topic = {"t", 1}, .payload_len = MQTT_BODY_MAX};
	struct buf b = {0};

	(void)state;
	assert_null(mqtt_put_publish(&b, MQTT_311, &out));
	assert_true(b.failed);
	buf_free(&b);
}

/* Every beginning of a packet is partial, and says how much is missing as soon as it can. */
static void test_mqtt_scan_partial(void **state)
{
	char data[200] = "\x30\xc3\x01";
	struct mqtt_packet p;
	size_t size;

	(void)state;
	for (size_t len = 0; len < 198; len++) {
		assert_int_equal(mqtt_scan(&p, &size, data, len), MQTT_PARTIAL);
		assert_int_equal(size, len < 3 ? 0 : 198);
	}
	assert_int_equal(mqtt_scan(&p, &size, data, 200), MQTT_WHOLE);
	assert_int_equal(size, 198);
}

static void test_mqtt_scan_length_too_long(void **state)
{
	struct mqtt_packet p;
	size_t size;

	(void)state;
	assert_int_equal(mqtt_scan(&p, &size, BYTES("\x30\xff\xff\xff\xff\x01")), MQTT_MALFORMED);
}

static void test_mqtt_get_connack(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		enum mqtt_version version;
		bool ok;
		uint8_t reason;
		uint16_t receive_max;
	} cases[] = {
		{BYTES("\x20\2\0\0"), MQTT_311, true, 0, 65535},
		{BYTES("\x20\2\0\5"), MQTT_311, true, 5, 65535},
		{BYTES("\x20\3\0\0\0"), MQTT_5, true, 0, 65535},
		{BYTES("\x20\x09\0\0\6\x21\0\x14\x22\0\x0a"), MQTT_5, true, 0, 20},
		{BYTES("\x20\2\0\1"), MQTT_5, true, 1, 65535},
		{BYTES("\x20\2\0\0"), MQTT_5, false, 0, 0},
		{BYTES("\x20\4\0\0\5\x21"), MQTT_5, false, 0, 0},
		{BYTES("\x20\4\0\0\1\x7f"), MQTT_5, false, 0, 0},
		{BYTES("\x20\1\0"), MQTT_311, false, 0, 0},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct mqtt_packet p = whole(cases[i].data, cases[i].len);
		struct mqtt_connack ack;

		assert_int_equal(mqtt_get_connack(&ack, &p, cases[i].version), cases[i].ok);
		if (!cases[i].ok)
			continue;
		assert_int_equal(ack.reason, cases[i].reason);
		assert_int_equal(ack.receive_max, cases[i].receive_max);
	}
}

/* A SUBACK counts as its worst code. */
static void test_mqtt_get_suback(void **state)
{
	struct mqtt_packet p = whole(BYTES("\x90\4\0\7\1\x80"));
	struct mqtt_ack ack;

	(void)state;
	assert_true(mqtt_get_suback(&ack, &p, MQTT_311));
	assert_int_equal(ack.id, 7);
	assert_int_equal(ack.reason, 0x80);
	p = whole(BYTES("\x90\5\0\7\0\1\0"));
	assert_true(mqtt_get_suback(&ack, &p, MQTT_5));
	assert_int_equal(ack.reason, 1);
	p = whole(BYTES("\x90\2\0\7"));
	assert_false(mqtt_get_suback(&ack, &p, MQTT_311));
}

/* Every cut and every changed byte of a full PUBLISH gives a yes or a no, and nothing is read
 * outside (a copy in memory of exactly that size lets the sanitizer see it). */
static void test_mqtt_get_publish_damaged(void **state)
{
	static const char good[] = "\x32\x19\0\1t\1\2\x10\x08\0\1r\x09\0\2cd\x26\0\1a\0\1b\x01\1hi";
	size_t len = sizeof(good) - 1;

	(void)state;
	for (size_t cut = 0; cut <= len; cut++) {
		for (size_t at = 0; at < cut; at++) {
			char *copy = malloc(cut);
			struct mqtt_packet p;
			struct mqtt_in in;
			size_t size;

			assert_non_null(copy);
			memcpy(copy, good, cut);
			copy[at] = (char)(copy[at] ^ 0xff);
			if (mqtt_scan(&p, &size, copy, cut) == MQTT_WHOLE &&
				mqtt_get_publish(&in, &p, MQTT_5))
				assert_true(in.payload.data + in.payload.len <= copy + cut);
			free(copy);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mqtt_put_connect_both_versions),
		cmocka_unit_test(test_mqtt_put_subscribe_two_filters),
		cmocka_unit_test(test_mqtt_put_acks),
		cmocka_unit_test(test_mqtt_publish_round_trip),
		cmocka_unit_test(test_mqtt_put_publish_too_long),
		cmocka_unit_test(test_mqtt_scan_partial),
		cmocka_unit_test(test_mqtt_scan_length_too_long),
		cmocka_unit_test(test_mqtt_get_connack),
		cmocka_unit_test(test_mqtt_get_suback),
		cmocka_unit_test(test_mqtt_get_publish_damaged),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
