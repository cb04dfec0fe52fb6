/* spoolfile_test.c — what is read in a spool, whole, damaged or not there. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exact.h"
#include "wire/record.h"
#include "wire/spoolfile.h"

static char path[64];

static int make_path(void **state)
{
	int fd;

	(void)state;
	strcpy(path, "/tmp/gnatter-spoolfile-XXXXXX");
	fd = mkstemp(path);
	if (fd < 0)
		return -1;
	close(fd);
	return 0;
}

static int remove_path(void **state)
{
	(void)state;
	unlink(path);
	return 0;
}

/* A spool of file_size bytes with that header. */
static void write_spool(const struct spool_header *h, off_t file_size)
{
	int fd = open(path, O_WRONLY | O_TRUNC | O_CLOEXEC);
	size_t len = (size_t)file_size < sizeof(*h) ? (size_t)file_size : sizeof(*h);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, h, len), len);
	assert_int_equal(ftruncate(fd, file_size), 0);
	close(fd);
}

static void test_spoolfile_counters(void **state)
{
	(void)state;
	struct spool_header h = {.magic = SPOOL_MAGIC, .size = 8192, .epoch = 1};
	struct counters c;

	h.counters.sends_accepted = 7;
	h.counters.bridge_connected = 1;
	write_spool(&h, SPOOL_HEADER_SIZE + 8192);
	assert_int_equal(spoolfile_counters(&c, path), ERR_OK);
	assert_memory_equal(&c, &h.counters, sizeof(c));
}

static void test_spoolfile_damaged(void **state)
{
	(void)state;
	static const struct {
		uint64_t magic, size;
		off_t file_size;
	} cases[] = {
		{SPOOL_MAGIC, 8192, 0},
		{SPOOL_MAGIC, 8192, 8},
		{SPOOL_MAGIC, 8192, SPOOL_HEADER_SIZE - 1},
		{SPOOL_MAGIC, 8192, SPOOL_HEADER_SIZE},
		{SPOOL_MAGIC, 8192, SPOOL_HEADER_SIZE + 8191},
		{SPOOL_MAGIC, 8192, SPOOL_HEADER_SIZE + 8193},
		{SPOOL_MAGIC, 0, SPOOL_HEADER_SIZE},
		{SPOOL_MAGIC, 8191, SPOOL_HEADER_SIZE + 8191},
		{SPOOL_MAGIC + 1, 8192, SPOOL_HEADER_SIZE + 8192},
		{0, 8192, SPOOL_HEADER_SIZE + 8192},
		{SPOOL_MAGIC, UINT64_MAX - 4095, SPOOL_HEADER_SIZE},
	};
	struct counters c, none = {0};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct spool_header h = {
			.magic = cases[i].magic, .size = cases[i].size, .epoch = 1};

		h.counters.sends_accepted = 7;
		write_spool(&h, cases[i].file_size);
		assert_int_equal(spoolfile_counters(&c, path), ERR_CORRUPT);
		assert_memory_equal(&c, &none, sizeof(c));
	}
}

static void test_spoolfile_not_there(void **state)
{
	(void)state;
	struct counters c;

	assert_int_equal(
		spoolfile_counters(&c, "/tmp/gnatter-no-such-folder/spool"), ERR_NOT_FOUND);
	assert_int_equal(spoolfile_counters(&c, "/tmp"), ERR_CORRUPT);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(spoolfile_counters(&c, path), ERR_CORRUPT);
}

/* --- what waits --------------------------------------------------------------------------- */

#define RING  4096
#define EPOCH 7

/* A spool in the making: records of the smallest kind, one after the other, from position `tail`
 * on. */
struct made {
	struct spool_header h;
	char ring[RING];
	off_t file_size;
};

static void begin(struct made *m, uint64_t tail, uint64_t released)
{
	*m = (struct made){.h = {.magic = SPOOL_MAGIC,
				   .size = RING,
				   .epoch = EPOCH,
				   .tail = tail,
				   .head = tail,
				   .released = released},
		.file_size = SPOOL_HEADER_SIZE + RING};
}

/* Returns the record's place in the ring. */
static char *add(struct made *m, uint64_t number)
{
	struct record r = {.type = RECORD_SEND, .number = number, .user = {"alice", 5}};
	uint32_t size = record_size(&r);
	uint64_t at = (m->h.head - m->h.base) % RING;

	if (size > RING - at) { /* the rest is 0: a mark */
		m->h.head += RING - at;
		at = 0;
	}
	record_encode(&r, m->ring + at);
	m->h.head += size;
	return m->ring + at;
}

static enum err ask(const struct made *m, uint64_t epoch, uint64_t number, bool *waits)
{
	int fd;

	write_spool(&m->h, m->file_size);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, m->ring, RING, SPOOL_HEADER_SIZE), RING);
	if (m->file_size < SPOOL_HEADER_SIZE + RING)
		assert_int_equal(ftruncate(fd, m->file_size), 0);
	close(fd);
	*waits = true;
	return spoolfile_waits(waits, path, epoch, number);
}

/* Three records, 11 to 13, wherever they lie; the two before may not be cleared away yet. */
static void test_spoolfile_waits(void **state)
{
	(void)state;
	static const struct {
		uint64_t epoch, number;
		bool want;
	} cases[] = {
		{EPOCH, 0, true}, {EPOCH, 10, true}, {EPOCH, 12, true}, {EPOCH, 13, false},
		{EPOCH, 14, false},                  /* the spool is older than the store */
		{EPOCH + 1, 13, true}, {0, 0, true}, /* a store that has seen no spool */
	};
	static const uint64_t tails[] = {0, 8, RING - 64, RING - 8, 3 * RING - 72, 5 * RING};
	struct made m;
	bool waits;

	for (size_t t = 0; t < COUNT_OF(tails); t++) {
		for (size_t i = 0; i < COUNT_OF(cases); i++) {
			for (uint64_t first = 9; first <= 11; first++) {
				begin(&m, tails[t], 10);
				m.h.base = tails[t] / 16 * 8;
				for (uint64_t n = first; n <= 13; n++)
					add(&m, n);
				assert_int_equal(
					ask(&m, cases[i].epoch, cases[i].number, &waits), ERR_OK);
				assert_int_equal(waits, cases[i].want);
			}
		}
	}
}

/* Nothing is kept: nothing waits, whatever was given up. */
static void test_spoolfile_waits_empty(void **state)
{
	(void)state;
	struct made m;
	bool waits;

	begin(&m, 128, 10);
	assert_int_equal(ask(&m, EPOCH, 0, &waits), ERR_OK);
	assert_false(waits);
	assert_int_equal(ask(&m, EPOCH + 1, 0, &waits), ERR_OK);
	assert_false(waits);
	add(&m, 10);
	assert_int_equal(ask(&m, EPOCH + 1, 0, &waits), ERR_OK);
	assert_false(waits);
}

static void no_epoch(struct made *m)
{
	m->h.epoch = 0;
}

static void tail_behind_head(struct made *m)
{
	m->h.tail = m->h.head + 8;
}

static void overfull(struct made *m)
{
	m->h.head = m->h.tail + RING + 8;
}

static void base_behind_tail(struct made *m)
{
	m->h.base = m->h.tail + 8;
}

static void odd_tail(struct made *m)
{
	m->h.tail += 4;
}

static void odd_head(struct made *m)
{
	m->h.head += 1;
}

static void odd_base(struct made *m)
{
	m->h.base += 1;
}

static void released_too_far(struct made *m)
{
	m->h.released = UINT64_MAX;
}

static void more_than_there_is(struct made *m)
{
	m->h.head += 8;
}

static void cut_ring(struct made *m)
{
	m->file_size -= 4096;
}

static void no_size(struct made *m)
{
	memset(m->ring + m->h.tail, 0, 4);
}

static void small_size(struct made *m)
{
	memcpy(m->ring + m->h.tail, &(uint32_t){16}, 4);
}

static void odd_size(struct made *m)
{
	memcpy(m->ring + m->h.tail, &(uint32_t){25}, 4);
}

static void size_beyond_head(struct made *m)
{
	memcpy(m->ring + m->h.tail, &(uint32_t){3 * 56}, 4);
}

static void huge_size(struct made *m)
{
	memcpy(m->ring + m->h.tail, &(uint32_t){0xfffffff8}, 4);
}

static void number_missing(struct made *m)
{
	memcpy(m->ring + m->h.tail + 8, &(uint64_t){13}, 8);
}

static void number_repeated(struct made *m)
{
	add(m, 11);
}

static void ring_of_zeros(struct made *m)
{
	m->h.head = m->h.tail + RING;
	memset(m->ring, 0, RING);
}

static void test_spoolfile_waits_damaged(void **state)
{
	(void)state;
	static void (*const damages[])(struct made * m) = {no_epoch, tail_behind_head, overfull,
		base_behind_tail, odd_tail, odd_head, odd_base, released_too_far,
		more_than_there_is, cut_ring, no_size, small_size, odd_size, size_beyond_head,
		huge_size, number_missing, number_repeated, ring_of_zeros};
	struct made m;
	bool waits;

	for (size_t i = 0; i < COUNT_OF(damages); i++) {
		begin(&m, 128, 10);
		add(&m, 11);
		add(&m, 12);
		damages[i](&m);
		if (ask(&m, EPOCH, 1000, &waits) != ERR_CORRUPT)
			fail_msg("damage %zu is not seen", i);
		assert_false(waits);
	}
}

/* Locked as the plugin does it; and the lock can be had again at once. */
static void test_spoolfile_waits_with_a_broker(void **state)
{
	(void)state;
	struct made m;
	bool waits;
	int fd = open(path, O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	begin(&m, 0, 0);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(ask(&m, EPOCH, 0, &waits), ERR_CONFLICT);
	assert_int_equal(flock(fd, LOCK_UN), 0);
	assert_int_equal(ask(&m, EPOCH, 0, &waits), ERR_OK);
	assert_int_equal(flock(fd, LOCK_EX | LOCK_NB), 0);
	close(fd);
}

static void test_spoolfile_waits_not_there(void **state)
{
	(void)state;
	bool waits;

	assert_int_equal(
		spoolfile_waits(&waits, "/tmp/gnatter-no-such-folder/spool", 1, 1), ERR_NOT_FOUND);
	assert_int_equal(spoolfile_waits(&waits, "/tmp", 1, 1), ERR_CORRUPT);
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(spoolfile_waits(&waits, path, 1, 1), ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_spoolfile_counters, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_spoolfile_damaged, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_spoolfile_not_there, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_spoolfile_waits, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_spoolfile_waits_empty, make_path, remove_path),
		cmocka_unit_test_setup_teardown(
			test_spoolfile_waits_damaged, make_path, remove_path),
		cmocka_unit_test_setup_teardown(
			test_spoolfile_waits_with_a_broker, make_path, remove_path),
		cmocka_unit_test_setup_teardown(
			test_spoolfile_waits_not_there, make_path, remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
