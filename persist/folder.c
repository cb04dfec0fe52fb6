/* folder.c */
#include "persist/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum err folder_look(
	const char *path, int access_mode, const char *what, char *why, size_t why_size)
{
	DIR *dir = opendir(path);

	if (dir) {
		closedir(dir);
		if (access(path, access_mode) == 0)
			return ERR_OK;
	} else if (errno == ENOENT) {
		snprintf(why, why_size, "there is no %s at %s", what, path);
		return ERR_NOT_FOUND;
	} else if (errno == ENOTDIR) {
		snprintf(why, why_size, "%s is not a folder, so it is no %s", path, what);
		return ERR_CORRUPT;
	}
	snprintf(why, why_size, "the %s %s cannot be opened: %s", what, path, strerror(errno));
	return ERR_IO;
}

static bool is_dot(const char *name)
{
	return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_empty(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	bool empty = dir != NULL;

	while (dir && empty && (entry = readdir(dir)))
		empty = is_dot(entry->d_name);
	if (dir)
		closedir(dir);
	return empty;
}

enum err folder_claim(
	const char *path, mode_t mode, const char *what, bool *made, char *why, size_t why_size)
{
	enum err e;

	*made = mkdir(path, mode) == 0;
	if (*made)
		return ERR_OK;
	if (errno != EEXIST) {
		snprintf(
			why, why_size, "the %s %s cannot be made: %s", what, path, strerror(errno));
		return ERR_IO;
	}
	e = folder_look(path, R_OK | W_OK | X_OK, what, why, why_size);
	if (e != ERR_OK)
		return e == ERR_CORRUPT ? ERR_EXISTS : e;
	if (is_empty(path))
		return ERR_OK;
	snprintf(why, why_size, "the %s %s cannot be made: something is there already", what, path);
	return ERR_EXISTS;
}

void folder_abandon(const char *path, bool made)
{
	DIR *dir = opendir(path);
	struct dirent *entry;

	if (!dir)
		return;
	while ((entry = readdir(dir)))
		if (!is_dot(entry->d_name))
			unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	if (made)
		rmdir(path);
}

static enum err sync_one(int at, const char *path)
{
	int fd = openat(at, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = fd >= 0 && fsync(fd) == 0 ? ERR_OK : ERR_IO;

	if (fd >= 0)
		close(fd);
	return e;
}

enum err folder_sync(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	enum err e = ERR_IO;

	if (fd < 0)
		return ERR_IO;
	if (fsync(fd) == 0)
		e = sync_one(fd, "..");
	close(fd);
	return e;
}

enum err folder_file(char out[FOLDER_PATH_MAX], const char *path, const char *name)
{
	int len = snprintf(out, FOLDER_PATH_MAX, "%s/%s", path, name);

	return len > 0 && len < FOLDER_PATH_MAX ? ERR_OK : ERR_TOO_LARGE;
}

enum err folder_read(struct buf *out, const char *path, const char *name, size_t max)
{
	char file[FOLDER_PATH_MAX];
	size_t had = 0;
	ssize_t got = 1;
	int fd;

	if (folder_file(file, path, name) != ERR_OK)
		return ERR_TOO_LARGE;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	while (got > 0 && had <= max) {
		char *room = buf_reserve(out, 64 << 10);

		if (!room) {
			close(fd);
			return ERR_NOMEM;
		}
		got = read(fd, room, 64 << 10);
		if (got > 0) {
			out->len += (size_t)got;
			had += (size_t)got;
		}
	}
	close(fd);
	if (got < 0)
		return ERR_IO;
	return had <= max ? ERR_OK : ERR_TOO_LARGE;
}

uint64_t folder_bytes(const char *path)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	struct stat st;
	uint64_t bytes = 0;

	if (!dir)
		return 0;
	while ((entry = readdir(dir)))
		if (fstatat(dirfd(dir), entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
			S_ISREG(st.st_mode))
			bytes += (uint64_t)st.st_blocks * 512;
	closedir(dir);
	return bytes;
}
