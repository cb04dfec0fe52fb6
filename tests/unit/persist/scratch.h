/* scratch.h — a fresh folder for a test, and what happened in it. */
#ifndef GNATTER_TESTS_SCRATCH_H
#define GNATTER_TESTS_SCRATCH_H

#include <assert.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "wire/buf.h"
#include "wire/err.h"

#define UNUSED __attribute__((unused))

static char scratch[64]; /* the folder of the test that runs */
static char why[512];    /* the last sentence */

UNUSED static int scratch_make(void **state)
{
	(void)state;
	strcpy(scratch, "/tmp/gnatter-unit-XXXXXX");
	why[0] = '\0';
	return mkdtemp(scratch) ? 0 : -1;
}

UNUSED static int scratch_remove_one(
	const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

UNUSED static int scratch_remove(void **state)
{
	(void)state;
	return nftw(scratch, scratch_remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

UNUSED static void scratch_clear(void)
{
	assert_int_equal(scratch_remove(NULL), 0);
	assert_int_equal(mkdir(scratch, 0700), 0);
}

/* scratch/name; good until the fourth call after. */
UNUSED static const char *in_scratch(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", scratch, name);
	return path;
}

UNUSED static struct bytes text(const char *s)
{
	return (struct bytes){s, strlen(s)};
}

#define assert_bytes(got, want)                                        \
	do {                                                           \
		struct bytes got_ = (got), want_ = (want);             \
		assert_int_equal(got_.len, want_.len);                 \
		assert_memory_equal(got_.data, want_.data, want_.len); \
	} while (0)

/* Fails with the sentence if e is not `want`. */
#define assert_err(e, want)                                                                  \
	do {                                                                                 \
		enum err e_ = (e);                                                           \
		if (e_ != (want))                                                            \
			fail_msg("%s instead of %s: %s", err_code(e_), err_code(want), why); \
	} while (0)

/* The sentence holds these words, and is one line. */
#define assert_why(words)                                        \
	do {                                                     \
		if (!strstr(why, words) || strchr(why, '\n'))    \
			fail_msg("'%s' lacks '%s'", why, words); \
	} while (0)

/* ---- files
 * --------------------------------------------------------------------------------------- */

UNUSED static void file_write(const char *path, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0660);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

UNUSED static size_t file_size(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return (size_t)st.st_size;
}

UNUSED static void file_overwrite(const char *path, size_t at, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)at), len);
	close(fd);
}

/* What a folder holds, names, modes, times and contents, as one number. */
static uint64_t print_sum;

UNUSED static void print_add(const void *data, size_t len)
{
	const unsigned char *p = data;

	for (; len > 0; p++, len--)
		print_sum = (print_sum ^ *p) * 0x100000001b3u;
}

UNUSED static int print_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char part[4096];
	ssize_t got;
	int fd;

	(void)at;
	print_add(path, strlen(path));
	print_add(&st->st_mode, sizeof(st->st_mode));
	print_add(&st->st_mtim, sizeof(st->st_mtim));
	if (type != FTW_F)
		return 0;
	fd = open(path, O_RDONLY);
	while (fd >= 0 && (got = read(fd, part, sizeof(part))) > 0)
		print_add(part, (size_t)got);
	if (fd >= 0)
		close(fd);
	return 0;
}

UNUSED static uint64_t fingerprint(const char *path)
{
	print_sum = 0xcbf29ce484222325u;
	nftw(path, print_one, 16, FTW_PHYS);
	return print_sum;
}

/* ---- processes
 * ----------------------------------------------------------------------------------- */

/* What other processes do. They are this program started anew, not forks: LevelDB has a thread of
 * its own from its first use on, which a fork lacks. main() begins with CHILD_MAIN(). */
struct child {
	const char *name;
	int (*fn)(void);
};

/* Start one; as user nobody if unprivileged and we are root. */
UNUSED static pid_t child_start(const char *name, bool unprivileged)
{
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		execl("/proc/self/exe", "child", name, scratch, unprivileged ? "nobody" : "",
			(char *)NULL);
		_exit(251);
	}
	return pid;
}

/* Wait for its end: its answer, 0 to 249, or something above. */
UNUSED static int child_end(pid_t pid)
{
	int status;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}

UNUSED static int in_child(const char *name, bool unprivileged)
{
	return child_end(child_start(name, unprivileged));
}

UNUSED static int child_run(char **argv, const struct child *children)
{
	snprintf(scratch, sizeof(scratch), "%s", argv[2]);
	if (strcmp(argv[3], "nobody") == 0 && getuid() == 0 &&
		(setgid(65534) != 0 || setuid(65534) != 0))
		return 252;
	for (; children->name; children++)
		if (strcmp(children->name, argv[1]) == 0)
			return children->fn();
	return 253;
}

#define CHILD_MAIN(argc, argv, children)                  \
	do {                                              \
		if ((argc) == 4)                          \
			return child_run(argv, children); \
	} while (0)

#endif
