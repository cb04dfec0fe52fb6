/* place.c — see place.h. */
#include "place.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY 65534

char place[64];
char place_why[1024];

int place_make(void **state)
{
	(void)state;
	strcpy(place, "/tmp/gnatter-unit-XXXXXX");
	place_why[0] = '\0';
	return mkdtemp(place) && chmod(place, 0755) == 0 ? 0 : -1;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

int place_remove(void **state)
{
	(void)state;
	return nftw(place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *in_place(const char *name)
{
	static char paths[4][256];
	static unsigned turn;
	char *path = paths[turn++ % 4];

	snprintf(path, sizeof(paths[0]), "%s/%s", place, name);
	return path;
}

void place_write(const char *name, const void *data, size_t len)
{
	int fd = open(in_place(name), O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

void place_overwrite(const char *name, size_t at, const void *data, size_t len)
{
	int fd = open(in_place(name), O_WRONLY);

	assert_true(fd >= 0);
	assert_int_equal(pwrite(fd, data, len, (off_t)at), len);
	close(fd);
}

size_t place_size(const char *name)
{
	struct stat st;

	assert_int_equal(stat(in_place(name), &st), 0);
	return (size_t)st.st_size;
}

static uint64_t sum;

static void add(const void *data, size_t len)
{
	const unsigned char *p = data;

	for (; len > 0; p++, len--)
		sum = (sum ^ *p) * 0x100000001b3u;
}

static int add_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	char part[4096];
	ssize_t got;
	int fd;

	(void)at;
	add(path, strlen(path));
	add(&st->st_mode, sizeof(st->st_mode));
	add(&st->st_mtim, sizeof(st->st_mtim));
	if (type != FTW_F)
		return 0;
	fd = open(path, O_RDONLY);
	while (fd >= 0 && (got = read(fd, part, sizeof(part))) > 0)
		add(part, (size_t)got);
	if (fd >= 0)
		close(fd);
	return 0;
}

uint64_t place_fingerprint(void)
{
	sum = 0xcbf29ce484222325u;
	nftw(place, add_one, 16, FTW_PHYS);
	return sum;
}

int place_unprivileged(int (*fn)(void))
{
	int status;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (getuid() == 0 && (setgid(NOBODY) != 0 || setuid(NOBODY) != 0))
			_exit(250);
		_exit(fn());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 255;
}
