/* spool_test.c — the ring against a model, at every kill point, cut short, and damaged. */
#include "plugin/spool.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "place.h"

#define RING      65536u
#define FILE_SIZE (SPOOL_HEADER_SIZE + RING)

static const char *path(void)
{
	return in_place("spool");
}

static struct spool *open_ok(uint64_t size)
{
	struct spool *s;

	assert_err(spool_open(&s, path(), size, place_why, sizeof(place_why)), ERR_OK);
	return s;
}

static void open_fails(enum err want, const char *words)
{
	uint64_t before = place_fingerprint();
	struct spool *s;

	assert_err(spool_open(&s, path(), RING, place_why, sizeof(place_why)), want);
	assert_null(s);
	if (!strstr(place_why, words) || strchr(place_why, '\n'))
		fail_msg("'%s' lacks '%s'", place_why, words);
	assert_true(place_fingerprint() == before);
}

/* A record whose payload is `len` bytes that follow from `seed`. */
static enum err add(struct spool *s, unsigned seed, size_t len, uint8_t flags, bool urgent)
{
	static char payload[RING];
	struct record r = {.type = RECORD_SEND,
		.flags = flags,
		.user = bytes_of_text("alice"),
		.target = bytes_of_text("lobby"),
		.payload = {payload, len}};

	memset(payload, (int)('a' + seed % 26), len);
	return spool_append(s, &r, urgent, 1000 + seed);
}

/* What should be in the spool. */
struct model {
	struct {
		unsigned seed;
		size_t len;
	} at[100000];
	uint64_t first, next; /* numbers */
};

static struct model model;

static void check_record(const struct record *r, uint64_t number)
{
	assert_int_equal(r->number, number);
	assert_int_equal(r->payload.len, model.at[number].len);
	for (size_t i = 0; i < r->payload.len; i += 97)
		assert_int_equal(r->payload.data[i], 'a' + model.at[number].seed % 26);
}

/* Read all of it through frames of at most bytes_max. */
static void check_all(const struct spool *s, uint64_t bytes_max)
{
	struct spool_place at = spool_first(s);
	uint64_t number = model.first, ts = 0;
	struct bytes run;
	uint32_t count;

	assert_int_equal(at.number, model.first);
	while ((count = spool_run(s, &at, bytes_max, &run)) > 0) {
		assert_true(count == 1 || run.len <= bytes_max);
		for (; count > 0; count--) {
			struct record r;
			uint32_t size;

			assert_int_equal(record_decode(&r, run.data, run.len, &size), ERR_OK);
			check_record(&r, number++);
			assert_true(r.ts >= ts);
			ts = r.ts;
			run.data += size;
			run.len -= size;
		}
		assert_int_equal(run.len, 0);
		assert_int_equal(at.number, number);
	}
	assert_int_equal(number, model.next);
	assert_int_equal(spool_end(s).number, model.next);
}

static void test_spool_random_appends_releases_and_reopenings(void **state)
{
	struct spool *s = open_ok(RING);
	uint64_t epoch = spool_epoch(s);
	unsigned refused = 0;

	(void)state;
	srandom(1);
	model = (struct model){.first = 1, .next = 1};
	for (unsigned i = 0; i < 60000; i++) {
		long what = random() % 100;

		/* More comes than goes, then more goes than comes, so that it gets full and empty.
		 */
		if (what < (i / 500 % 2 ? 30 : 80)) {
			size_t len = (size_t)(random() % (i % 7 ? 300 : 9000));

			if (add(s, i, len, 0, false) == ERR_OK) {
				model.at[model.next].seed = i;
				model.at[model.next++].len = len;
			} else {
				refused++;
			}
		} else if (what < 99) {
			uint64_t kept = model.next - model.first;

			if (kept == 0)
				continue;
			model.first += (uint64_t)random() % (kept < 3 ? kept + 1 : 4);
			spool_release(s, model.first - 1);
		} else {
			check_all(s, (uint64_t)random() % 10000);
			spool_set_performed(s, model.first - 1);
			spool_close(s);
			s = open_ok(RING);
			assert_int_equal(spool_epoch(s), epoch);
			assert_int_equal(spool_performed(s), model.first - 1);
			check_all(s, 4096);
		}
	}
	assert_true(refused > 1000 && model.next > 15000);
	spool_close(s);
}

/* The whole file, as a kill at this moment would leave it. */
static char *snapshot(void)
{
	char *data = malloc(FILE_SIZE);
	int fd = open(path(), O_RDONLY);

	assert_non_null(data);
	assert_int_equal(pread(fd, data, FILE_SIZE, 0), FILE_SIZE);
	close(fd);
	return data;
}

static void restore(const char *header, const char *ring)
{
	place_write("spool", header, SPOOL_HEADER_SIZE);
	place_overwrite("spool", SPOOL_HEADER_SIZE, ring + SPOOL_HEADER_SIZE, RING);
}

/* Between any two stores of an append: the ring is written, the header not, or only its last_ts. */
static void test_spool_killed_in_append(void **state)
{
	struct spool_header half;
	char *before, *after;
	struct spool *s = open_ok(RING);

	(void)state;
	model = (struct model){.first = 1, .next = 1};
	for (unsigned i = 0; i < 400; i++) { /* runs around the end of the ring */
		size_t len = 100 + i * 7 % 2000;

		before = snapshot();
		assert_int_equal(add(s, i, len, 0, false), ERR_OK);
		after = snapshot();
		spool_close(s);

		restore(before, after);
		s = open_ok(RING);
		check_all(s, 5000);
		spool_close(s);

		memcpy(&half, before, sizeof(half));
		half.last_ts += 5;
		restore(before, after);
		place_overwrite("spool", 0, &half, sizeof(half));
		s = open_ok(RING);
		check_all(s, 5000);
		spool_close(s);

		restore(after, after);
		s = open_ok(RING);
		model.at[model.next].seed = i;
		model.at[model.next++].len = len;
		check_all(s, 5000);
		if (model.next - model.first > 15)
			spool_release(s, model.first++);
		free(before);
		free(after);
	}
	spool_close(s);
}

static bool holds(const char *file, const char *words)
{
	return memmem(file, FILE_SIZE, words, strlen(words)) != NULL;
}

/* The copy to the ring's front is made, `base` is not yet written. */
static void test_spool_killed_in_rewind(void **state)
{
	struct spool *s = open_ok(RING);
	struct spool_header half;
	unsigned rewound = 0;

	(void)state;
	model = (struct model){.first = 1, .next = 1};
	for (unsigned i = 0; i < 600; i++) {
		char *before, *after;

		model.at[model.next].seed = i;
		model.at[model.next++].len = 100 + i * 7 % 1000;
		assert_int_equal(add(s, i, 100 + i * 7 % 1000, 0, false), ERR_OK);
		if (i < 2)
			continue;
		before = snapshot();
		spool_release(s, model.first++);
		after = snapshot();
		check_all(s, 5000);
		if (((struct spool_header *)(void *)after)->base !=
			((struct spool_header *)(void *)before)->base) {
			spool_close(s);
			memcpy(&half, after, sizeof(half));
			half.base = ((struct spool_header *)(void *)before)->base;
			restore(after, after);
			place_overwrite("spool", 0, &half, sizeof(half));
			s = open_ok(RING);
			check_all(s, 5000);
			spool_close(s);
			restore(after, after);
			s = open_ok(RING);
			rewound++;
		}
		free(before);
		free(after);
	}
	assert_true(rewound >= 5);
	spool_close(s);
}

static void add_secret(struct spool *s, bool secret)
{
	struct record r = {.type = RECORD_API,
		.flags = secret ? RECORD_SECRET : 0,
		.target = bytes_of_text("password.set"),
		.payload = bytes_of_text("{\"new\":\"correct horse\"}")};

	assert_int_equal(spool_append(s, &r, false, 1), ERR_OK);
}

/* `released` is written and the rest of a release is not, or only the wiping is. */
static void test_spool_killed_in_release(void **state)
{
	struct spool *s = open_ok(RING);
	char *before, *after, *end;
	struct spool_header half;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_secret(s, true);
	before = snapshot();
	spool_release(s, 2);
	after = snapshot();
	spool_close(s);

	for (int wiped = 0; wiped < 2; wiped++) {
		memcpy(&half, before, sizeof(half));
		half.released = 2;
		restore(before, wiped ? after : before);
		place_overwrite("spool", 0, &half, sizeof(half));
		s = open_ok(RING);
		assert_int_equal(spool_first(s).number, 3);
		assert_int_equal(spool_end(s).number, 4);
		assert_true(spool_counters(s)->spool_used > 0);
		spool_release(s, 3);
		assert_int_equal(spool_counters(s)->spool_used, 0);
		spool_close(s);
		end = snapshot();
		assert_false(holds(end, "correct horse"));
		free(end);
	}
	free(before);
	free(after);
}

static void test_spool_release_wipes_secrets_only(void **state)
{
	struct spool *s = open_ok(RING);
	char *file;

	(void)state;
	add_secret(s, true);
	file = snapshot();
	assert_true(holds(file, "correct horse"));
	free(file);
	spool_release(s, 1);
	file = snapshot();
	assert_false(holds(file, "correct horse"));
	free(file);
	add_secret(s, false);
	spool_release(s, 2);
	file = snapshot();
	assert_true(holds(file, "correct horse"));
	free(file);
	spool_close(s);
}

/* What is copied to the ring's front would be a second one. */
static void test_spool_leaves_no_copy_of_a_secret(void **state)
{
	struct spool *s = open_ok(RING);
	uint64_t number = 40;
	char *file;

	(void)state;
	for (unsigned i = 0; i < number; i++)
		assert_int_equal(add(s, i, 1000, 0, false), ERR_OK);
	add_secret(s, true);
	spool_release(s, number);
	spool_release(s, number + 1);
	file = snapshot();
	assert_int_equal(spool_counters(s)->spool_used, 0);
	assert_false(holds(file, "correct horse"));
	free(file);
	spool_close(s);
}

static void test_spool_keeps_a_reserve(void **state)
{
	struct spool *s = open_ok(RING);
	unsigned normal = 0, urgent = 0;

	(void)state;
	while (add(s, normal, 1000, 0, false) == ERR_OK)
		normal++;
	while (add(s, urgent, 500, 0, true) == ERR_OK)
		urgent++;
	assert_in_range(normal, 50, 60);
	assert_in_range(urgent, 7, 10);
	assert_int_equal(add(s, 1, 1, 0, false), ERR_BUSY);
	spool_release(s, 20);
	assert_int_equal(add(s, 1, 1, 0, false), ERR_OK);
	spool_close(s);
}

static void test_spool_record_max_always_fits(void **state)
{
	struct spool *s = open_ok(RING);
	struct record r = {.type = RECORD_SEND};
	size_t most = spool_record_max(RING) - record_size(&r);

	(void)state;
	for (unsigned i = 0; i < 500; i++) {
		assert_int_equal(add(s, i, most - 100, 0, false), ERR_OK);
		spool_release(s, spool_end(s).number - 1);
		assert_int_equal(add(s, i, i * 13 % 5000, 0, false), ERR_OK);
		spool_release(s, spool_end(s).number - 1);
	}
	assert_int_equal(add(s, 1, most + 8, 0, false), ERR_TOO_LARGE);
	spool_close(s);
}

static void test_spool_time_never_falls(void **state)
{
	struct spool *s = open_ok(RING);
	struct record r = {.type = RECORD_BROKER_START};
	static const uint64_t clock[] = {500, 400, 600, 1}, want[] = {500, 500, 600, 600};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(spool_append(s, &r, true, clock[i]), ERR_OK);
		assert_int_equal(r.ts, want[i]);
		assert_int_equal(r.number, i + 1);
		spool_close(s);
		s = open_ok(RING);
	}
	spool_close(s);
}

static void test_spool_skip_to_goes_on_with_later_numbers(void **state)
{
	struct spool *s = open_ok(RING);

	(void)state;
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(add(s, i, 10, 0, false), ERR_OK);
	spool_skip_to(s, 100);
	assert_int_equal(spool_first(s).number, 101);
	assert_int_equal(spool_end(s).number, 101);
	spool_close(s);
	s = open_ok(RING);
	assert_int_equal(add(s, 1, 10, 0, false), ERR_OK);
	assert_int_equal(spool_end(s).number, 102);
	spool_close(s);
}

static void test_spool_has_one_user(void **state)
{
	struct spool *s = open_ok(RING);

	(void)state;
	open_fails(ERR_CONFLICT, "is in use by another broker");
	spool_close(s);
	s = open_ok(RING);
	spool_close(s);
}

static void test_spool_file_is_whole_on_disk_and_shared_with_the_group(void **state)
{
	struct stat st;

	(void)state;
	spool_close(open_ok(RING));
	assert_int_equal(stat(path(), &st), 0);
	assert_int_equal(st.st_mode & 0777, 0660);
	assert_int_equal(st.st_size, FILE_SIZE);
	assert_true((uint64_t)st.st_blocks * 512 >= FILE_SIZE);
	assert_int_equal(access(in_place("spool.new"), F_OK), -1);
}

static void test_spool_changes_its_size_only_when_empty(void **state)
{
	struct spool *s = open_ok(RING);
	uint64_t epoch = spool_epoch(s);

	(void)state;
	assert_int_equal(add(s, 1, 10, 0, false), ERR_OK);
	spool_close(s);
	s = open_ok(2 * RING);
	assert_int_equal(spool_size(s), RING);
	spool_release(s, 1);
	spool_set_performed(s, 1);
	spool_counters(s)->sends_accepted = 7;
	spool_close(s);
	s = open_ok(2 * RING);
	assert_int_equal(spool_size(s), 2 * RING);
	assert_true(spool_epoch(s) == epoch);
	assert_int_equal(spool_end(s).number, 2);
	assert_int_equal(spool_performed(s), 1);
	assert_int_equal(spool_counters(s)->sends_accepted, 7);
	assert_int_equal(add(s, 1, 40000, 0, false), ERR_OK);
	spool_close(s);
	assert_int_equal(place_size("spool"), SPOOL_HEADER_SIZE + 2 * RING);
}

static void test_spool_refuses_a_file_of_another_length(void **state)
{
	static const size_t lengths[] = {0, 1, 7, 63, sizeof(struct spool_header) - 1, 4095, 4096,
		5000, FILE_SIZE - 4096, FILE_SIZE - 1, FILE_SIZE + 1, FILE_SIZE + 4096};
	char *file;

	(void)state;
	spool_close(open_ok(RING));
	file = snapshot();
	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		place_write("spool", file, lengths[i] < FILE_SIZE ? lengths[i] : FILE_SIZE);
		assert_int_equal(truncate(path(), (off_t)lengths[i]), 0);
		open_fails(ERR_CORRUPT, "is cut off");
	}
	free(file);
}

static void test_spool_refuses_what_is_no_spool(void **state)
{
	(void)state;
	place_write("spool", "hello", 5);
	open_fails(ERR_CORRUPT, "is cut off in its header");
	assert_int_equal(unlink(path()), 0);
	assert_int_equal(mkdir(path(), 0700), 0);
	open_fails(ERR_IO, "cannot be opened: Is a directory");
	assert_int_equal(rmdir(path()), 0);
	assert_int_equal(symlink("missing/spool", path()), 0);
	open_fails(ERR_IO, "cannot be");
	assert_int_equal(unlink(path()), 0);
}

static int open_in_child(void)
{
	struct spool *s;

	return (int)spool_open(&s, path(), RING, place_why, sizeof(place_why));
}

static void test_spool_refuses_without_permission(void **state)
{
	(void)state;
	spool_close(open_ok(RING));
	assert_int_equal(chmod(path(), 0400), 0);
	assert_int_equal(place_unprivileged(open_in_child), ERR_IO);
	assert_int_equal(unlink(path()), 0);
	assert_int_equal(chmod(place, 0500), 0);
	assert_int_equal(place_unprivileged(open_in_child), ERR_IO);
	assert_int_equal(chmod(place, 0700), 0);
}

/* Each field of the header, wrong. */
static void test_spool_refuses_a_damaged_header(void **state)
{
	static const struct {
		size_t at;
		uint64_t value;
	} cases[] = {
		{offsetof(struct spool_header, magic), 0},
		{offsetof(struct spool_header, size), 0},
		{offsetof(struct spool_header, size), RING + 1},
		{offsetof(struct spool_header, size), 2 * RING},
		{offsetof(struct spool_header, epoch), 0},
		{offsetof(struct spool_header, tail), 8},
		{offsetof(struct spool_header, tail), 3},
		{offsetof(struct spool_header, tail), UINT64_MAX - 7},
		{offsetof(struct spool_header, head), 4},
		{offsetof(struct spool_header, head), RING + 8},
		{offsetof(struct spool_header, head), UINT64_MAX - 7},
		{offsetof(struct spool_header, released), 9},
		{offsetof(struct spool_header, released), UINT64_MAX},
		{offsetof(struct spool_header, performed), 9},
		{offsetof(struct spool_header, last_ts), 0},
		{offsetof(struct spool_header, base), 8},
		{offsetof(struct spool_header, base), UINT64_MAX - 7},
	};
	struct spool *s = open_ok(RING);
	char *file;

	(void)state;
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(add(s, i, 100, 0, false), ERR_OK);
	spool_close(s);
	file = snapshot();
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		place_write("spool", file, FILE_SIZE);
		place_overwrite("spool", cases[i].at, &cases[i].value, sizeof(cases[i].value));
		/* Released is the one field that, higher, only says that more is done. */
		if (cases[i].at == offsetof(struct spool_header, released) && cases[i].value == 9) {
			s = open_ok(RING);
			assert_int_equal(spool_end(s).number, 10);
			spool_close(s);
			continue;
		}
		open_fails(ERR_CORRUPT, "the spool");
	}
	free(file);
}

/* Any byte of header and records may be anything: opened or refused, never a crash; refused without
 * a change; and what is opened can be read, released and written to. */
static void test_spool_survives_any_damage(void **state)
{
	struct spool *s = open_ok(RING);
	unsigned opened = 0, refused = 0;
	size_t used;
	char *file;

	(void)state;
	srandom(2);
	for (unsigned i = 0; i < 120; i++) {
		assert_int_equal(
			add(s, i, 100 + i * 31 % 800, i % 5 ? 0 : RECORD_SECRET, false), ERR_OK);
		if (i % 2)
			spool_release(s, spool_first(s).number);
	}
	used = spool_counters(s)->spool_used;
	spool_close(s);
	file = snapshot();
	for (unsigned i = 0; i < 3000; i++) {
		struct spool_place at;
		struct bytes run;
		size_t where =
			i % 3 ? SPOOL_HEADER_SIZE + (size_t)random() % RING : (size_t)random() % 64;
		char byte = (char)random();

		place_write("spool", file, FILE_SIZE);
		place_overwrite("spool", where, &byte, 1);
		if (spool_open(&s, path(), RING, place_why, sizeof(place_why)) != ERR_OK) {
			refused++;
			continue;
		}
		opened++;
		at = spool_first(s);
		while (spool_run(s, &at, 1000, &run))
			;
		add(s, i, 100, 0, false);
		spool_release(s, spool_end(s).number - 1);
		assert_int_equal(spool_counters(s)->spool_used, 0);
		spool_close(s);
	}
	assert_true(used > RING / 3 && opened > 100 && refused > 100);
	free(file);
}

/* What of files this process has in memory, in bytes. */
static size_t resident(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	unsigned long size, all, shared;

	assert_non_null(f);
	assert_int_equal(fscanf(f, "%lu %lu %lu", &size, &all, &shared), 3);
	fclose(f);
	return shared * (size_t)sysconf(_SC_PAGESIZE);
}

/* Of a spool of the usual size only what is in use counts as the broker's memory: the front, as
 * long as the bridge keeps up. */
static void test_spool_is_resident_as_far_as_it_is_used(void **state)
{
	size_t before = resident(), now;
	struct spool *s;

	(void)state;
	for (int opened = 0; opened < 2; opened++) { /* new, and old */
		s = open_ok(32u << 20);
		for (unsigned i = 0; i < 20000; i++) {
			assert_err(add(s, i, 1000, 0, false), ERR_OK);
			if (i % 8 == 7)
				spool_release(s, spool_end(s).number - 1);
		}
		now = resident();
		assert_true(now < before + (2u << 20));
		spool_close(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACE_CASE(test_spool_random_appends_releases_and_reopenings),
		PLACE_CASE(test_spool_killed_in_append),
		PLACE_CASE(test_spool_killed_in_release),
		PLACE_CASE(test_spool_killed_in_rewind),
		PLACE_CASE(test_spool_release_wipes_secrets_only),
		PLACE_CASE(test_spool_leaves_no_copy_of_a_secret),
		PLACE_CASE(test_spool_keeps_a_reserve),
		PLACE_CASE(test_spool_record_max_always_fits),
		PLACE_CASE(test_spool_time_never_falls),
		PLACE_CASE(test_spool_is_resident_as_far_as_it_is_used),
		PLACE_CASE(test_spool_skip_to_goes_on_with_later_numbers),
		PLACE_CASE(test_spool_has_one_user),
		PLACE_CASE(test_spool_file_is_whole_on_disk_and_shared_with_the_group),
		PLACE_CASE(test_spool_changes_its_size_only_when_empty),
		PLACE_CASE(test_spool_refuses_a_file_of_another_length),
		PLACE_CASE(test_spool_refuses_what_is_no_spool),
		PLACE_CASE(test_spool_refuses_without_permission),
		PLACE_CASE(test_spool_refuses_a_damaged_header),
		PLACE_CASE(test_spool_survives_any_damage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
