/* spoolfile.c — reading the counters out of a spool that the plugin may be writing right now.
 *
 * A plain read, not a mapping: a file cut short under a mapping would kill the reader. Each counter
 * is one aligned word, so it is never half old and half new on the machines this runs on; two
 * counters may be of slightly different moments.
 */
#include "spoolfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err read_header(struct spool_header *h, int fd)
{
	struct stat st;
	ssize_t got;

	if (fstat(fd, &st) != 0)
		return ERR_IO;
	if (!S_ISREG(st.st_mode) || st.st_size < SPOOL_HEADER_SIZE)
		return ERR_CORRUPT;
	got = pread(fd, h, sizeof(*h), 0);
	if (got < 0)
		return ERR_IO;
	if (got != (ssize_t)sizeof(*h) || h->magic != SPOOL_MAGIC || h->size == 0 ||
		h->size % SPOOL_HEADER_SIZE || h->size != (uint64_t)st.st_size - SPOOL_HEADER_SIZE)
		return ERR_CORRUPT;
	return ERR_OK;
}

enum err spoolfile_counters(struct counters *out, const char *path)
{
	struct spool_header h;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	enum err e;

	*out = (struct counters){0};
	if (fd < 0)
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
	e = read_header(&h, fd);
	close(fd);
	if (e == ERR_OK)
		*out = h.counters;
	return e;
}
