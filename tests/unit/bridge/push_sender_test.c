/* push_sender_test.c — from what is due to requests, and back: what becomes of pushes when requests
 * cannot be made, and when endpoints do not answer.
 *
 * In place of libcurl stands this file: it takes requests as bridge/push/http.h says, refuses those
 * that it is told to, and answers when it is told to. With libcurl: tests/system/push_*_test.c.
 */
#include "bridge/push_sender.h"

#include "bridge/push/http.h"
#include "bridge/push/reply.h"
#include "tests/unit/bridge/push_world.h"

#include <fcntl.h>
#include <unistd.h>

#define NET_MAX 256
#define LONG_MS 10000 /* that something takes at most */

/* --- the network
 * ---------------------------------------------------------------------------------- */

struct request {
	char url[128];
	http_done_fn *done; /* NULL: it was answered */
	void *ctx;
};

static struct {
	struct request got[NET_MAX];
	size_t count;
	char refuse[128]; /* a part of the URL */
	enum err with;
	size_t times;
	size_t refused;
	size_t max, under_way;
} net;

enum err http_create(struct http **out, const struct http_conf *conf, char *why_, size_t why_size)
{
	static char nothing;

	(void)why_;
	(void)why_size;
	net.max = conf->in_flight_max;
	*out = (struct http *)&nothing;
	return ERR_OK;
}

enum err http_start(struct http *h, char *why_, size_t why_size)
{
	(void)h;
	(void)why_;
	(void)why_size;
	return ERR_OK;
}

void http_destroy(struct http *h)
{
	(void)h;
}

enum err http_submit(struct http *h, const struct http_request *r, http_done_fn *done, void *ctx)
{
	struct request *q = &net.got[net.count];

	(void)h;
	assert_true(net.count < NET_MAX && r->url.len < sizeof(q->url));
	memcpy(q->url, r->url.data, r->url.len);
	q->url[r->url.len] = '\0';
	if (net.times > 0 && strstr(q->url, net.refuse)) {
		net.times--;
		net.refused++;
		return net.with;
	}
	if (net.under_way == net.max)
		return ERR_BUSY;
	q->done = done;
	q->ctx = ctx;
	net.under_way++;
	net.count++;
	return ERR_OK;
}

enum err http_run(struct http *h, int timeout_ms)
{
	(void)h;
	usleep(1000 * (useconds_t)(timeout_ms > 5 ? 5 : timeout_ms));
	return ERR_OK;
}

void http_wake(struct http *h)
{
	(void)h;
}

struct bytes http_response_header(const struct http_response *r, const char *name)
{
	return reply_find(r->headers, name);
}

static void answer(size_t i, int status)
{
	struct http_response r = {
		.status = status, .retry_after_ms = -1, .date_ms = -1, .error = "no answer"};
	struct request *q = &net.got[i];
	http_done_fn *done = q->done;

	assert_true(i < net.count && done);
	q->done = NULL;
	net.under_way--;
	done(q->ctx, &r);
}

/* --- the sender
 * ----------------------------------------------------------------------------------- */

static struct {
	struct push_sender *sender;
	struct push_kinds *kinds;
} t;

static bool on_publish(void *ctx, uint64_t number, struct bytes topic, struct bytes payload)
{
	(void)ctx;
	(void)number;
	(void)topic;
	(void)payload;
	return false;
}

static void on_unregister(void *ctx, struct bytes user, struct bytes device, uint64_t set_ms)
{
	(void)ctx;
	(void)user;
	(void)device;
	(void)set_ms;
}

static void on_tried(
	void *ctx, void *trial, const struct registration *r, const struct push_result *result)
{
	(void)ctx;
	(void)r;
	snprintf(trial, sizeof(result->reason), "%s", result->reason);
}

static const char *write_key(void)
{
	const char *path = in_scratch("webhook.key");
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	assert_int_equal(write(fd, "dGVzdHMgb2YgR25hdHRlciBzaWduIHdpdGggdGhpcyE=", 44), 44);
	close(fd);
	return path;
}

/* With the options of now. */
static void start_sender(struct world *w)
{
	static const struct push_sender_handler h = {on_publish, on_unregister, on_tried, NULL};

	push_sender_destroy(t.sender);
	assert_err(push_sender_create(
			   &t.sender, &w->look, w->list, t.kinds, &w->clock, &h, why, sizeof(why)),
		ERR_OK);
}

static int setup(void **state)
{
	struct world *w;

	t.sender = NULL;
	assert_int_equal(world_setup(state), 0);
	w = *state;
	memset(&net, 0, sizeof(net));
	w->now = push_clock_now(&w->clock);
	w->conf.push_coalesce_ms = 0;
	w->conf.push_webhook_own = 1;

	strcpy(w->conf.push_webhook_url, "https://hook.example/all");
	snprintf(w->conf.push_webhook_key, sizeof(w->conf.push_webhook_key), "%s", write_key());
	assert_err(push_kinds_create(&t.kinds, &w->conf, why, sizeof(why)), ERR_OK);
	start_sender(w);
	world_chat(w, "lobby", KIND_GROUP, "The lobby");
	world_user(w, "alice", NULL);
	world_user(w, "bob", NULL);
	world_join(w, "lobby", "alice", true);
	world_join(w, "lobby", "bob", false);
	world_say(w, "lobby", "alice", "hi");
	return 0;
}

static int teardown(void **state)
{
	push_sender_destroy(t.sender);
	push_kinds_destroy(t.kinds);
	return world_teardown(state);
}

static void run_once(void)
{
	uint64_t next;

	assert_err(push_sender_run(t.sender, &next, why, sizeof(why)), ERR_OK);
	assert_err(push_sender_wait(t.sender, 1, why, sizeof(why)), ERR_OK);
}

static void run_for(int ms)
{
	for (int64_t until = clock_now_ms() + ms; clock_now_ms() < until;)
		run_once();
}

/* Until so many requests have been made. Gives how long it took. */
static int64_t run_until(size_t count)
{
	int64_t start = clock_now_ms();

	while (net.count < count) {
		if (clock_now_ms() > start + LONG_MS)
			fail_msg("%zu requests, not %zu", net.count, count);
		run_once();
	}
	return clock_now_ms() - start;
}

static struct push_whose whose_of(const char *device)
{
	return (struct push_whose){text("bob"), text(device), text("lobby")};
}

/* A device of bob's whose hook is that URL, the operator's if it is empty, and a push for it that
 * is due now. */
static void add(struct world *w, const char *device, const char *url)
{
	struct push_whose whose = whose_of(device);
	struct push_registration r = {.kind = PUSH_WEBHOOK};
	struct push_waiting p = {.state = PUSH_WAITING, .since = w->now};
	char data[256] = "{}";

	if (*url)
		snprintf(data, sizeof(data), "{\"url\":\"%s\"}", url);
	world_register_data(w, "bob", device, PUSH_WEBHOOK, PREVIEW_ON, data);
	world_settle(w);
	r.data = text(data);
	p.lane = push_sender_lane(t.sender, &r);
	p.due = push_clock_now(&w->clock);
	push_waiting_put(w->list, &whose, NULL, &p);
	assert_int_equal(push_waiting_commit(w->list, why, sizeof(why)), ERR_OK);
	push_sender_wake(t.sender);
}

static bool waits(struct world *w, const char *device, struct push_waiting *out)
{
	return world_waits(w, "bob", device, "lobby", out);
}

static void refuse(const char *part, enum err with, size_t times)
{
	snprintf(net.refuse, sizeof(net.refuse), "%s", part);
	net.with = with;
	net.times = times;
}

/* --- those that hang
 * ------------------------------------------------------------------------------- */

static size_t count_of(const char *part)
{
	size_t count = 0;

	for (size_t i = 0; i < net.count; i++)
		count += strstr(net.got[i].url, part) != NULL;
	return count;
}

/* However many endpoints of users hang, the operator's has its share; and of theirs those that
 * answer go on as room comes. */
static void test_sender_strangers_leave_room(void **state)
{
	struct world *w = *state;
	char name[16], url[64];
	int64_t start;
	size_t most;

	w->conf.push_in_flight = 4;
	start_sender(w);
	for (int i = 0; i < 60; i++) {
		snprintf(name, sizeof(name), "s%d", i);
		snprintf(url, sizeof(url), "https://h%d.test/", i);
		add(w, name, url);
	}
	run_for(300);
	assert_int_equal(net.count, most = 16);
	for (int i = 0; i < 4; i++) {
		snprintf(name, sizeof(name), "own%d", i);
		add(w, name, "");
	}
	assert_in_range(run_until(most + 4), 0, 1000);
	assert_int_equal(count_of("hook.example"), 4);
	start = clock_now_ms();
	for (size_t i = 0; i < net.count; i++)
		if (net.got[i].done) {
			answer(i, 204);
			run_once();
		}
	while (net.under_way > 0 || net.count < 64) {
		assert_true(clock_now_ms() < start + LONG_MS);
		for (size_t i = 0; i < net.count; i++)
			if (net.got[i].done)
				answer(i, 204);
		run_once();
	}
	assert_int_equal(w->stats.push_webhook_delivered, 64);
}

/* --- requests that cannot be made
 * ----------------------------------------------------------------- */

/* It ends, is counted, and what stands behind it in its lane goes. */
static void test_sender_drops_what_no_request_can_be_made_of(void **state)
{
	struct world *w = *state;
	struct push_waiting left;

	refuse("hook.example", ERR_BAD_REQUEST, 1);
	add(w, "a", "");
	add(w, "b", "");
	run_until(1);
	run_for(200);
	assert_int_equal(net.refused, 1);
	assert_false(waits(w, "a", &left));
	assert_int_equal(w->stats.push_webhook_dropped, 1);
	answer(0, 204);
	run_once();
	assert_int_equal(w->stats.push_webhook_delivered, 1);
	assert_int_equal(world_count(w), 0);
}

static void test_sender_tries_again_after_want_of_memory(void **state)
{
	struct world *w = *state;
	struct push_waiting left;

	refuse("hook.example", ERR_NOMEM, 1);
	add(w, "a", "");
	add(w, "b", "");
	run_until(1);
	assert_true(waits(w, "a", &left));
	assert_int_equal(left.attempts, 1);
	assert_int_equal(w->stats.push_webhook_retried, 1);
	run_until(2);
	answer(0, 204);
	answer(1, 204);
	run_once();
	assert_int_equal(w->stats.push_webhook_delivered, 2);
}

/* Without room everything stays as it is, in its order. */
static void test_sender_waits_for_room(void **state)
{
	struct world *w = *state;
	struct push_waiting left;

	refuse("hook.example", ERR_BUSY, 2);
	add(w, "a", "");
	add(w, "b", "");
	run_once();
	assert_int_equal(net.count, 0);
	assert_true(waits(w, "a", &left));
	assert_int_equal(left.attempts, 0);
	assert_in_range(run_until(2), 100, 5000);
	assert_int_equal(w->stats.push_webhook_retried, 0);
}

static void test_sender_tells_of_a_trial_that_cannot_be_made(void **state)
{
	static const struct {
		enum err with;
		const char *reason;
	} cases[] = {{ERR_BAD_REQUEST, "no request can be made of it"},
		{ERR_NOMEM, "out of memory"}, {ERR_BUSY, "too much is under way; try again"}};
	struct world *w = *state;
	char reason[sizeof(((struct push_result *)0)->reason)];
	size_t count;

	world_register(w, "bob", "a", PUSH_WEBHOOK, PREVIEW_ON);
	world_settle(w);
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		refuse("hook.example", cases[i].with, 1);
		assert_err(push_sender_try(t.sender, text("bob"), reason, &count), ERR_OK);
		assert_int_equal(count, 1);
		assert_string_equal(reason, cases[i].reason);
	}
}

/* --- endpoints that do not answer
 * ----------------------------------------------------------------- */

#define DEVICES 20

/* The first five fail, and their endpoint is left alone. Others are added, and one of them asks
 * when the pause is over. Gives its place. */
static size_t break_endpoint(struct world *w)
{
	char name[16], url[64];

	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "early%d", i);
		snprintf(url, sizeof(url), "https://hook.test/%s", name);
		add(w, name, url);
	}
	run_until(5);
	for (size_t i = 0; i < 5; i++)
		answer(i, 503);
	for (int i = 0; i < DEVICES; i++) {
		snprintf(name, sizeof(name), "d%d", i);
		snprintf(url, sizeof(url), "https://hook.test/%s", name);
		add(w, name, url);
	}
	assert_in_range(run_until(6), 1500, 6000);
	run_for(300);
	assert_int_equal(net.count, 6);
	return 5;
}

/* What was put off because of it goes when it answers, and not when the asking would be over. */
static void test_sender_goes_on_when_the_endpoint_does(void **state)
{
	struct world *w = *state;
	size_t asking = break_endpoint(w);

	answer(asking, 204);
	assert_in_range(run_until(5 + 1 + DEVICES - 1), 0, 1000);
}

/* The same after a second pause, which some were put off for before. */
static void test_sender_goes_on_after_two_pauses(void **state)
{
	struct world *w = *state;
	size_t asking = break_endpoint(w);

	answer(asking, 503);
	run_until(7);
	run_for(100);
	answer(6, 204);
	run_for(1000);
	for (int i = 0; i < DEVICES; i++) {
		struct push_waiting left;
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		if (waits(w, name, &left) && left.attempts == 0)
			assert_true(left.due <= push_clock_now(&w->clock));
	}
}

/* The one that may ask finds no room: another one asks, not in a quarter of a minute. */
static void test_sender_asks_again_when_there_was_no_room(void **state)
{
	struct world *w = *state;

	w->conf.push_timeout_ms = 60000;
	for (int i = 0; i < 5; i++) {
		char name[16];

		snprintf(name, sizeof(name), "d%d", i);
		add(w, name, "");
	}
	run_until(5);
	refuse("hook.example", ERR_BUSY, 3);
	for (size_t i = 0; i < 5; i++)
		answer(i, 503);
	assert_in_range(run_until(6), 1000, 6000);
	assert_int_equal(net.refused, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
		TEST(test_sender_strangers_leave_room),
		TEST(test_sender_drops_what_no_request_can_be_made_of),
		TEST(test_sender_tries_again_after_want_of_memory),
		TEST(test_sender_waits_for_room),
		TEST(test_sender_tells_of_a_trial_that_cannot_be_made),
		TEST(test_sender_goes_on_when_the_endpoint_does),
		TEST(test_sender_goes_on_after_two_pauses),
		TEST(test_sender_asks_again_when_there_was_no_room),
	};

	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("push_sender", tests, NULL, NULL);
}
