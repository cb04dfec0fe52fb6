/* mapping_test.c — pages of a mapped file are given back, and nothing of what they hold is lost. */
#include "wire/mapping.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define BYTES (8u << 20)

/* KiB of mapped files that count as this process's memory: RssFile of proc(5). */
static long resident_kib(void)
{
	FILE *status = fopen("/proc/self/status", "re");
	char line[256];
	long kib = -1;

	assert_non_null(status);
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "RssFile: %ld", &kib) == 1)
			break;
	fclose(status);
	assert_true(kib >= 0);
	return kib;
}

static int scratch_file(void)
{
	char path[] = "/var/tmp/gnatter-mapping-XXXXXX";
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	unlink(path);
	assert_int_equal(ftruncate(fd, BYTES), 0);
	return fd;
}

static char *map(int fd, int how)
{
	char *at = mmap(NULL, BYTES, PROT_READ | PROT_WRITE, how, fd, 0);

	assert_true(at != MAP_FAILED);
	return at;
}

static void test_memory_falls_and_contents_stay(void **state)
{
	int fd = scratch_file();
	char *at = map(fd, MAP_SHARED);
	long full;

	(void)state;
	memset(at, 'x', BYTES);
	full = resident_kib();
	mapping_relieve(fd);
	assert_true(resident_kib() < full - (long)(BYTES / 1024 / 2));
	for (size_t i = 0; i < BYTES; i++)
		if (at[i] != 'x')
			fail_msg("byte %zu is lost", i);
	munmap(at, BYTES);
	close(fd);
}

/* What is only this process's own would be lost for good. */
static void test_private_pages_and_other_files_are_left_alone(void **state)
{
	int fd = scratch_file(), other = scratch_file();
	char *own = map(fd, MAP_PRIVATE), *theirs = map(other, MAP_SHARED);
	long full;

	(void)state;
	memset(own, 'y', BYTES);
	memset(theirs, 'z', BYTES);
	full = resident_kib();
	mapping_relieve(fd);
	assert_true(resident_kib() > full - (long)(BYTES / 1024 / 2));
	assert_int_equal(own[BYTES - 1], 'y');
	assert_int_equal(theirs[0], 'z');
	munmap(own, BYTES);
	munmap(theirs, BYTES);
	close(fd);
	close(other);
}

static void test_what_is_no_mapped_file_does_no_harm(void **state)
{
	int fd = scratch_file();

	(void)state;
	mapping_relieve(-1);
	mapping_relieve(fd);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory_falls_and_contents_stay),
		cmocka_unit_test(test_private_pages_and_other_files_are_left_alone),
		cmocka_unit_test(test_what_is_no_mapped_file_does_no_harm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
