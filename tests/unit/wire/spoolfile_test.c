/* spoolfile_test.c — counters out of a spool, whole, damaged or not there. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "exact.h"
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_spoolfile_counters, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_spoolfile_damaged, make_path, remove_path),
		cmocka_unit_test_setup_teardown(test_spoolfile_not_there, make_path, remove_path),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
