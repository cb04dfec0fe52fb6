/* file.c — non-blocking, since a named pipe in a file's place must not hang the broker. */
#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

/* Read until size bytes are there or the file ends. */
static enum err read_all(int fd, char *out, size_t size, size_t *len)
{
	while (*len < size) {
		ssize_t got = read(fd, out + *len, size - *len);

		if (got == 0)
			break;
		if (got < 0 && errno != EINTR)
			return ERR_IO;
		if (got > 0)
			*len += (size_t)got;
	}
	return ERR_OK;
}

enum err file_read(const char *path, char *out, size_t size, size_t *len, mode_t *mode)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY), why;
	struct stat st;
	enum err e;

	*len = 0;
	*mode = 0;
	if (fd < 0)
		return ERR_IO;
	if (fstat(fd, &st) != 0)
		e = ERR_IO;
	else if (!S_ISREG(st.st_mode))
		e = ERR_BAD_REQUEST;
	else if (st.st_size < 0 || (size_t)st.st_size > size)
		e = ERR_TOO_LARGE;
	else
		e = read_all(fd, out, size, len);
	why = errno;
	close(fd);
	errno = why;
	if (e == ERR_OK)
		*mode = st.st_mode;
	return e;
}
