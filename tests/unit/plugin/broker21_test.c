/* broker21_test.c — what is different when the broker is Mosquitto 2.1: it has mosquitto_client(),
 * and tells the end of a connection whose session goes on with an event of its own. */
#include <sodium.h>
#include <string.h>

#include "book.h"
#include "place.h"
#include "stage.h"

struct mosquitto *mosquitto_client(const char *id)
{
	for (size_t i = 0; i < stage_client_count; i++) {
		if (!stage_clients[i]->gone && strcmp(stage_clients[i]->id, id) == 0)
			return stage_clients[i];
	}
	return NULL;
}

static int setup(void **state)
{
	if (place_make(state) != 0 || sodium_init() < 0)
		return -1;
	stage_keys = (struct jwt_keys){0};
	stage_events_max = BROKER_EVT_OFFLINE;
	directory_close(book_make());
	if (stage_load("") != MOSQ_ERR_SUCCESS)
		fail_msg("%s", stage_log);
	return 0;
}

static int teardown(void **state)
{
	stage_unload();
	return place_remove(state);
}

static void test_end_of_a_connection_that_leaves_a_session(void **state)
{
	struct mosquitto a = {.id = "alice:phone", .version = 5};
	struct mosquitto_evt_disconnect e = {.client = &a};
	struct frame f;
	size_t at = 1;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	a.gone = true;
	stage_event(BROKER_EVT_OFFLINE, &e);
	stage_bridge_connect();
	assert_int_equal(stage_hello(0, 0), MOSQ_ERR_SUCCESS);
	assert_true(stage_frame(&f, &at));
	assert_int_equal(f.count, 3);
	assert_int_equal(stage_record(&f, 2).type, RECORD_DISCONNECT);
}

static void test_asked_again(void **state)
{
	struct mosquitto a = {.id = "alice:phone", .version = 5};
	struct mosquitto other = {.id = "alice:phone", .user = "alice", .version = 5};
	struct mosquitto waiting = {.id = "bob:phone", .user = "bob", .version = 5};

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_connect(&a, "expired"), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_connect(&other, "wrong"), MOSQ_ERR_AUTH);
	assert_int_equal(stage_connect(&waiting, "expired"), MOSQ_ERR_AUTH);
	stage_clients[stage_client_count++] = &waiting;
	assert_int_equal(stage_connect(&waiting, "expired"), MOSQ_ERR_SUCCESS);
}

static void test_response_is_freed_as_it_was_made(void **state)
{
	struct mosquitto a = {.id = "alice:phone", .version = 5};
	mosquitto_property *p = NULL;

	(void)state;
	assert_int_equal(stage_signin(&a, "alice"), MOSQ_ERR_SUCCESS);
	mosquitto_property_add_string(&p, MQTT_PROP_RESPONSE_TOPIC, "e");
	mosquitto_property_add_binary(&p, MQTT_PROP_CORRELATION_DATA, "c", 1);
	stage_freed = 0;
	assert_int_equal(
		stage_publish_with(&a, "api/me", bytes_of_text("{}"), p), MOSQ_ERR_SUCCESS);
	assert_int_equal(stage_freed, 2);
	mosquitto_property_free_all(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_end_of_a_connection_that_leaves_a_session, setup, teardown),
		cmocka_unit_test_setup_teardown(test_asked_again, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_response_is_freed_as_it_was_made, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
