/* engine_test.c — the engine as a pure function: the same records give the same state and the same
 * effects, byte for byte, every time and in any split into commits. What they are is kept in
 * recorded.expected (written anew with GNATTER_RECORD=1; read the difference before you commit it).
 */
#include "world.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FOLDER "tests/unit/engine/"

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "rb");
	long len;
	char *text;

	if (!f)
		return NULL;
	fseek(f, 0, SEEK_END);
	len = ftell(f);
	rewind(f);
	text = calloc(1, (size_t)len + 1);
	assert_non_null(text);
	assert_int_equal(fread(text, 1, (size_t)len, f), len);
	fclose(f);
	return text;
}

/* Effects and state of the recorded lines, in one text. */
static char *outcome(const char *lines, unsigned group, unsigned seed)
{
	struct world *w = world_create();
	char *effects = world_run(w, lines, group, seed);
	char *state = world_dump(w);
	char *both = malloc(strlen(effects) + strlen(state) + 32);

	assert_non_null(both);
	sprintf(both, "# effects\n%s# state\n%s", effects, state);
	free(effects);
	free(state);
	world_destroy(w);
	return both;
}

/* Show the first line that differs, not two pages. */
static void assert_same(const char *got, const char *want, unsigned group, unsigned seed)
{
	size_t at = 0;

	while (got[at] && got[at] == want[at])
		at++;
	if (got[at] == want[at])
		return;
	while (at > 0 && got[at - 1] != '\n')
		at--;
	fail_msg("commits of %u (seed %u)\n got: %.*s\nwant: %.*s", group, seed,
		(int)strcspn(got + at, "\n"), got + at, (int)strcspn(want + at, "\n"), want + at);
}

static void test_engine_recorded_in_any_split(void **state)
{
	(void)state;
	char *lines = read_file(FOLDER "recorded.txt");
	char *want = read_file(FOLDER "recorded.expected");

	assert_non_null(lines);
	if (getenv("GNATTER_RECORD")) {
		char *got = outcome(lines, 1, 0);
		FILE *f = fopen(FOLDER "recorded.expected", "wb");

		assert_non_null(f);
		fputs(got, f);
		fclose(f);
		free(got);
		free(want);
		want = read_file(FOLDER "recorded.expected");
	}
	assert_non_null(want);
	for (unsigned seed = 0; seed < 50; seed++) {
		unsigned group = seed < 10 ? seed : 0;
		char *got = outcome(lines, group == 9 ? 1000000 : group, seed);

		assert_same(got, want, group, seed);
		free(got);
	}
	free(want);
	free(lines);
}

/* A thousand random records: no golden file, but every split must agree. */
static char *random_lines(unsigned seed)
{
	static const char *const users[] = {"alice", "bob", "carol", "dave", "nobody"};
	static const char *const chats[] = {
		"lobby", "team", "alice:bob", "bob:carol", "nothing", "carol:dave"};
	static const char *const payloads[] = {"text", "{\"id\":\"same\",\"text\":\"a\"}",
		"{\"type\":\"delete\",\"ref\":%u}", "{\"type\":\"edit\",\"ref\":%u,\"text\":\"e\"}",
		"{\"type\":\"reaction\",\"ref\":%u,\"text\":\"r\"}",
		"{\"text\":\"reply\",\"ref\":%u}"};
	static const char *const calls[] = {"member.add {\"chat\":\"%s\",\"user\":\"%s\"}",
		"member.remove {\"chat\":\"%s\",\"user\":\"%s\"}",
		"member.role {\"chat\":\"%s\",\"user\":\"%s\",\"role\":\"admin\"}",
		"chat.create {\"chat\":\"%s\",\"members\":[\"%s\"]}",
		"contact.add {\"alias\":\"%s\",\"user\":\"%s\"}",
		"contact.remove {\"re\":\"%s\",\"user\":\"%s\"}",
		"block.add {\"re\":\"%s\",\"user\":\"%s\"}",
		"block.remove {\"re\":\"%s\",\"user\":\"%s\"}",
		"chat.mute {\"chat\":\"%s\",\"re\":\"%s\"}", "status.post {\"text\":\"%s %s\"}",
		"privacy.set {\"re\":\"%s %s\",\"presence\":\"nobody\",\"status\":\"everyone\"}",
		"privacy.set {\"re\":\"%s %s\",\"presence\":\"everyone\",\"status\":\"nobody\"}",
		"device.set {\"name\":\"%s %s\"}",
		"device.remove {\"re\":\"%s %s\",\"device\":\"d\"}",
		"push.set {\"re\":\"%s\",\"kind\":\"fcm\",\"token\":\"%s\"}",
		"push.remove {\"re\":\"%s %s\"}",
		"push.prefs {\"re\":\"%s %s\",\"quiet\":{\"from\":\"22:00\",\"to\":\"07:00\"}}",
		"user.remove {\"re\":\"%s\",\"user\":\"%s\"}",
		"user.add {\"re\":\"%s\",\"user\":\"%s\"}"};
	static const char *const comings[] = {
		"CONNECT %s %s:d\n", "DISCONNECT %s %s:d\n", "PRESENCE %s %s:d away\n"};
	size_t count = sizeof(calls) / sizeof(*calls);
	size_t cap = 256 * 1024;
	char *out = calloc(1, cap);
	size_t at = 0;

	assert_non_null(out);
	for (int i = 0; i < 4; i++)
		at += (size_t)snprintf(out + at, cap - at,
			"API $gnatterctl $gnatterctl user.add {\"user\":\"%s\"}\n", users[i]);
	for (int i = 0; i < 1000; i++) {
		const char *u = users[(seed = seed * 1103515245u + 12345u) >> 16 & 3];
		const char *c = chats[(seed = seed * 1103515245u + 12345u) / 65536 % 6];
		unsigned kind = (seed = seed * 1103515245u + 12345u) / 65536 % 10;
		unsigned n = (seed = seed * 1103515245u + 12345u) / 65536;

		if (kind < 6) {
			at += (size_t)snprintf(out + at, cap - at, "SEND? %s %s:d %s ", u, u, c);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			at += (size_t)snprintf(out + at, cap - at, payloads[kind], n % 40);
			at += (size_t)snprintf(out + at, cap - at, "\n");
		} else if (kind == 6 && n % 3 == 0) {
			at += (size_t)snprintf(out + at, cap - at, comings[n / 3 % 3], u, u);
		} else if (kind == 6) {
			at += (size_t)snprintf(out + at, cap - at,
				"ACK %s %s:d %s {\"delivered\":%u,\"read\":%u}\n", u, u, c, n % 50,
				n % 23);
		} else {
			at += (size_t)snprintf(
				out + at, cap - at, "API %s %s:d ", n & 1 ? "$gnatterctl" : u, u);
			at += (size_t)snprintf(
				out + at, cap - at, calls[n / 2 % count], c, users[n / 64 % 5]);
#pragma GCC diagnostic pop
			at += (size_t)snprintf(out + at, cap - at, "\n");
		}
	}
	return out;
}

static void test_engine_random_in_any_split(void **state)
{
	(void)state;
	for (unsigned seed = 1; seed <= 20; seed++) {
		char *lines = random_lines(seed);
		char *want = outcome(lines, 1, 0);

		for (unsigned split = 0; split < 4; split++) {
			char *got = outcome(lines, split == 3 ? 1000000 : 0, seed + split);

			assert_same(got, want, 0, seed);
			free(got);
		}
		free(want);
		free(lines);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_engine_recorded_in_any_split),
		cmocka_unit_test(test_engine_random_in_any_split),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
