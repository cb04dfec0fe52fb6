/* files.c */
#include "clients/gnatterctl/files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "clients/gnatterctl/say.h"

#define OPEN_DIRS_MAX 16 /* nftw: file descriptors at once */

bool path_join(char *out, size_t size, const char *dir, const char *name)
{
	int n = snprintf(out, size, "%s/%s", dir, name);

	if (n >= 0 && (size_t)n < size)
		return true;
	fail("the path %s/%s is too long", dir, name);
	return false;
}

bool make_dir(const char *path, mode_t mode)
{
	if (mkdir(path, mode) == 0 && chmod(path, mode) == 0)
		return true;
	fail("cannot make the directory %s: %s", path, strerror(errno));
	return false;
}

bool write_new_file(const char *path, mode_t mode, const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	const char *at = data;
	bool ok = fd >= 0 && fchmod(fd, mode) == 0;

	while (ok && len > 0) {
		ssize_t n = write(fd, at, len);

		if (n < 0 && errno == EINTR)
			continue;
		ok = n >= 0;
		if (ok) {
			at += n;
			len -= (size_t)n;
		}
	}
	ok = ok && fsync(fd) == 0;
	if (!ok)
		fail("cannot write %s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	if (at->level == 0 || remove(path) == 0)
		return 0;
	fail("cannot remove %s: %s", path, strerror(errno));
	return -1;
}

bool remove_tree(const char *dir, bool itself)
{
	if (nftw(dir, remove_one, OPEN_DIRS_MAX, FTW_DEPTH | FTW_PHYS) != 0)
		return false;
	if (!itself || rmdir(dir) == 0)
		return true;
	fail("cannot remove %s: %s", dir, strerror(errno));
	return false;
}

static struct {
	uid_t uid;
	gid_t gid;
} give_to; /* nftw has no place for it */

static int give_one(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	if (lchown(path, give_to.uid, give_to.gid) == 0)
		return 0;
	fail("cannot change the owner of %s: %s", path, strerror(errno));
	return -1;
}

bool give_tree(const char *dir, uid_t uid, gid_t gid)
{
	give_to.uid = uid;
	give_to.gid = gid;
	return nftw(dir, give_one, OPEN_DIRS_MAX, FTW_PHYS) == 0;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t now_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t wall_ms(void)
{
	return clock_ms(CLOCK_REALTIME);
}
