/* spoolfile.c — reading in a spool that the plugin may be writing right now.
 *
 * Plain reads, no mapping: a file cut short under a mapping would kill the reader. Each counter
 * is one aligned word, so it is never half old and half new on the machines this runs on; two
 * counters may be of slightly different moments.
 *
 * Of the records only size and number are looked at, up to the first that answers the question: all
 * of them are checked by the plugin before it takes up the spool (plugin/spool.c).
 */
#include "spoolfile.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "le.h"
#include "record.h"

#define NUMBER_AT 8 /* in a record: u64; see record.h */

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

static enum err open_spool(int *fd, const char *path)
{
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (*fd >= 0)
		return ERR_OK;
	return errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
}

bool spoolfile_positions_ok(const struct spool_header *h)
{
	return h->epoch != 0 && h->base <= h->tail && h->base % 8 == 0 && h->tail <= h->head &&
	       h->head - h->tail <= h->size && h->tail % 8 == 0 && h->head % 8 == 0 &&
	       h->released < UINT64_MAX / 2;
}

enum err spoolfile_counters(struct counters *out, const char *path)
{
	struct spool_header h;
	int fd;
	enum err e = open_spool(&fd, path);

	*out = (struct counters){0};
	if (e != ERR_OK)
		return e;
	e = read_header(&h, fd);
	close(fd);
	if (e == ERR_OK)
		*out = h.counters;
	return e;
}

/* Not kept: a broker that starts meanwhile must get it. */
static enum err check_unlocked(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) != 0)
		return errno == EWOULDBLOCK ? ERR_CONFLICT : ERR_IO;
	return flock(fd, LOCK_UN) == 0 ? ERR_OK : ERR_IO;
}

/* The record at *pos, or behind the mark there that skips the ring's end; *pos moves behind it. */
static enum err read_record(uint64_t *number, uint64_t *pos, int fd, const struct spool_header *h)
{
	uint64_t at = (*pos - h->base) % h->size, rest = h->size - at, left = h->head - *pos;
	size_t len = rest < RECORD_HEADER ? (size_t)rest : RECORD_HEADER;
	char head[RECORD_HEADER] = {0};
	uint32_t size;
	ssize_t got = pread(fd, head, len, (off_t)(SPOOL_HEADER_SIZE + at));

	if (got < 0)
		return ERR_IO;
	if (got != (ssize_t)len)
		return ERR_CORRUPT;
	size = le_get32(head);
	if (size == 0 && at > 0 && rest < left) {
		*pos += rest;
		return read_record(number, pos, fd, h);
	}
	if (size < RECORD_HEADER || size % 8 != 0 || size > rest || size > left)
		return ERR_CORRUPT;
	*number = le_get64(head + NUMBER_AT);
	*pos += size;
	return ERR_OK;
}

/* Is a record kept whose number is above `after`? At the tail may stand some that were given up. */
static enum err find_above(bool *out, uint64_t after, int fd, const struct spool_header *h)
{
	uint64_t next = h->released + 1;

	for (uint64_t pos = h->tail; pos < h->head && !*out;) {
		uint64_t number = 0;
		enum err e = read_record(&number, &pos, fd, h);

		if (e != ERR_OK)
			return e;
		if (number <= h->released && next == h->released + 1)
			continue;
		if (number != next++)
			return ERR_CORRUPT;
		*out = number > after;
	}
	return ERR_OK;
}

enum err spoolfile_waits(bool *out, const char *path, uint64_t epoch, uint64_t number)
{
	struct spool_header h;
	int fd;
	enum err e = open_spool(&fd, path);

	*out = false;
	if (e != ERR_OK)
		return e;
	e = check_unlocked(fd);
	if (e == ERR_OK)
		e = read_header(&h, fd);
	if (e == ERR_OK && !spoolfile_positions_ok(&h))
		e = ERR_CORRUPT;
	if (e == ERR_OK)
		e = find_above(out, h.epoch == epoch ? number : 0, fd, &h);
	close(fd);
	return e;
}
