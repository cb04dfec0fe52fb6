/* hides_test.c — for whom a message that says nothing is: found whatever else there is, kept for
 * two ticks, and once however often it is asked for.
 */
#include "plugin/hides.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "place.h"

static const struct bytes topic = {"presence/bob", 12}, other = {"user/bob/status", 15};
static const struct audience carol = {{"carol", 5}, VISIBLE_CONTACTS};
static const struct audience contacts = {{NULL, 0}, VISIBLE_CONTACTS};
static const struct audience everyone = {{NULL, 0}, VISIBLE_EVERYONE};

static void test_hides_one_and_all(void **state)
{
	struct audience dave = {{"dave", 4}, VISIBLE_CONTACTS};
	struct audience same = {carol.viewer, VISIBLE_NOBODY};
	struct hides h;

	(void)state;
	assert_true(hides_init(&h));
	assert_false(hides_has(&h, topic, &carol));
	assert_true(hides_add(&h, topic, &carol) && hides_add(&h, topic, &contacts));
	assert_true(hides_has(&h, topic, &carol) && hides_has(&h, topic, &same));
	assert_true(hides_has(&h, topic, &contacts));
	assert_false(hides_has(&h, topic, &everyone));
	assert_false(hides_has(&h, topic, &dave));
	assert_false(hides_has(&h, other, &carol) || hides_has(&h, other, &contacts));
	hides_finish(&h);
}

static void test_hides_tick_drops_after_two(void **state)
{
	struct hides h;

	(void)state;
	assert_true(hides_init(&h));
	assert_true(hides_add(&h, topic, &carol) && hides_add(&h, topic, &contacts));
	hides_tick(&h);
	assert_true(hides_add(&h, topic, &carol)); /* asked for anew: kept for as long again */
	assert_true(hides_has(&h, topic, &carol) && hides_has(&h, topic, &contacts));
	hides_tick(&h);
	assert_true(hides_has(&h, topic, &carol));
	assert_false(hides_has(&h, topic, &contacts));
	hides_tick(&h);
	assert_false(hides_has(&h, topic, &carol));
	assert_int_equal(h.map.count, 0);
	hides_finish(&h);
}

/* One who narrows and widens as fast as he may must not make the broker search for long. */
static void test_hides_add_again_is_kept_once(void **state)
{
	struct hides h;

	(void)state;
	assert_true(hides_init(&h));
	for (int tick = 0; tick < 3; tick++) {
		for (int i = 0; i < 1000; i++) {
			assert_true(hides_add(&h, topic, &carol));
			assert_true(hides_add(&h, topic, &contacts));
			assert_true(hides_add(&h, topic, &everyone));
		}
		assert_int_equal(h.map.count, tick == 0 ? 3 : 6); /* of this tick and the last */
		hides_tick(&h);
	}
	hides_finish(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hides_one_and_all),
		cmocka_unit_test(test_hides_tick_drops_after_two),
		cmocka_unit_test(test_hides_add_again_is_kept_once),
	};

	if (sodium_init() < 0)
		return 1;
	hash_init();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
