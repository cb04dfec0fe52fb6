/* spool_file.c — the spool's file: made whole or not at all, opened strictly.
 *
 * A new spool is built under another name, all its blocks allocated and written (a store into a
 * mapped hole would be a SIGBUS when the disk is full, and a first touch of unwritten blocks is
 * slow), synced, and moved into place. The lock is on the file itself and taken before the move, so
 * that of two brokers that start at once one is refused.
 *
 * Its pages come into the process as they are touched. Mapped all at once they would count as its
 * memory, 32 MB of them, while the ring mostly stays at its front (spool.c, REWIND_FROM).
 */
#include "spool.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "spool_map.h"

/* Written at once. The system keeps what is written at once in one piece, and maps it in one, too.
 */
#define ZEROS (64u << 10)

/* What the whole of an opening works on. */
struct opening {
	const char *path;
	char temporary[4096];
	char *why;
	size_t why_size;
};

__attribute__((format(printf, 3, 4))) static enum err fail(
	struct opening *o, enum err e, const char *fmt, ...)
{
	va_list args;
	int n = snprintf(o->why, o->why_size, "the spool %s ", o->path);

	va_start(args, fmt);
	if (n > 0 && (size_t)n < o->why_size)
		vsnprintf(o->why + n, o->why_size - (size_t)n, fmt, args);
	va_end(args);
	return e;
}

static enum err fail_errno(struct opening *o, const char *what)
{
	int e = errno;

	return fail(o, e == ENOSPC || e == EDQUOT ? ERR_FULL : ERR_IO, "%s: %s", what, strerror(e));
}

static enum err lock(struct opening *o, int fd)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return ERR_OK;
	if (errno == EWOULDBLOCK)
		return fail(o, ERR_CONFLICT, "is in use by another broker");
	return fail_errno(o, "cannot be locked");
}

/* Is fd still what stands at path? Another broker may have moved its own there meanwhile. */
static bool in_place(const char *path, int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat(path, &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

static enum err map(struct opening *o, struct spool *s)
{
	void *m = mmap(
		NULL, SPOOL_HEADER_SIZE + s->size, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);

	if (m == MAP_FAILED)
		return fail_errno(o, "cannot be mapped");
	s->h = m;
	s->ring = (char *)m + SPOOL_HEADER_SIZE;
	return ERR_OK;
}

static void unmap(struct spool *s)
{
	if (s->h)
		munmap(s->h, SPOOL_HEADER_SIZE + s->size);
	s->h = NULL;
}

static bool write_all(int fd, const void *data, size_t len, uint64_t offset)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, data, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		data = (const char *)data + n;
		len -= (size_t)n;
		offset += (uint64_t)n;
	}
	return true;
}

/* Header and zeros, on disk. */
static enum err fill(struct opening *o, int fd, const struct spool_header *h)
{
	char *zeros = calloc(1, ZEROS);
	uint64_t whole = SPOOL_HEADER_SIZE + h->size;
	bool ok = zeros != NULL;
	int e;

	if (!ok)
		return fail(o, ERR_NOMEM, "cannot be made: out of memory");
	e = posix_fallocate(fd, 0, (off_t)whole);
	if (e != 0) {
		free(zeros);
		errno = e;
		return fail_errno(o, "cannot be given its space on the disk");
	}
	for (uint64_t done = 0; ok && done < whole; done += ZEROS)
		ok = write_all(fd, zeros, whole - done < ZEROS ? whole - done : ZEROS, done);
	free(zeros);
	if (!ok || !write_all(fd, h, sizeof(*h), 0) || fchmod(fd, 0660) < 0 || fsync(fd) < 0)
		return fail_errno(o, "cannot be written");
	return ERR_OK;
}

static void sync_folder(const char *path)
{
	char folder[4096];
	char *slash;
	int fd;

	snprintf(folder, sizeof(folder), "%s", path);
	slash = strrchr(folder, '/');
	if (!slash)
		return;
	slash[slash == folder] = '\0';
	fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		fsync(fd);
		close(fd);
	}
}

/* Build the file with that header under the other name, locked, and move it into place. */
static enum err make(struct opening *o, const struct spool_header *h, bool over_old, int *out)
{
	int fd = open(o->temporary, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0660);
	enum err e;

	if (fd < 0)
		return fail_errno(o, "cannot be made");
	e = lock(o, fd);
	if (e != ERR_OK) {
		close(fd);
		return e;
	}
	if (!over_old && access(o->path, F_OK) == 0)
		e = fail(o, ERR_CONFLICT, "was made by another broker just now");
	else if (ftruncate(fd, 0) < 0)
		e = fail_errno(o, "cannot be made");
	else
		e = fill(o, fd, h);
	if (e == ERR_OK && rename(o->temporary, o->path) < 0)
		e = fail_errno(o, "cannot be moved into place");
	if (e != ERR_OK) {
		unlink(o->temporary);
		close(fd);
		return e;
	}
	sync_folder(o->path);
	*out = fd;
	return ERR_OK;
}

/* The file's header against its size and itself, before any of it is believed. */
static enum err check_header(struct opening *o, int fd, struct spool_header *h)
{
	struct stat st;
	ssize_t n = pread(fd, h, sizeof(*h), 0);

	if (n < 0 || fstat(fd, &st) < 0)
		return fail_errno(o, "cannot be read");
	if (!S_ISREG(st.st_mode))
		return fail(o, ERR_CORRUPT, "is no plain file");
	if ((size_t)n < sizeof(*h))
		return fail(o, ERR_CORRUPT, "is cut off in its header");
	if (h->magic != SPOOL_MAGIC)
		return fail(
			o, ERR_CORRUPT, "is no spool, or of a version this plugin does not know");
	if (h->size == 0 || h->size % SPOOL_HEADER_SIZE != 0 || st.st_size < SPOOL_HEADER_SIZE ||
		h->size != (uint64_t)st.st_size - SPOOL_HEADER_SIZE)
		return fail(o, ERR_CORRUPT, "is cut off or too long: it has %lld bytes",
			(long long)st.st_size);
	if (!spoolfile_positions_ok(h))
		return fail(o, ERR_CORRUPT, "has a damaged header");
	return ERR_OK;
}

/* What the operator can do; a power cut may have left a part of the file older than the rest. */
static void advise(struct opening *o)
{
	size_t len = strlen(o->why);

	snprintf(o->why + len, o->why_size - len,
		"; if it cannot be brought back, move it away: what was accepted and not stored "
		"yet is lost with it, nothing else");
}

static enum err open_old(struct opening *o, struct spool *s)
{
	struct spool_header h;
	const char *wrong;
	enum err e = check_header(o, s->fd, &h);

	if (e != ERR_OK)
		return e;
	s->size = h.size;
	e = map(o, s);
	if (e != ERR_OK)
		return e;
	wrong = spool_recover(s);
	return wrong ? fail(o, ERR_CORRUPT, "%s", wrong) : ERR_OK;
}

/* An empty spool of another size: the same one, in a new file. */
static enum err resize(struct opening *o, struct spool *s, uint64_t size)
{
	struct spool_header h = *s->h;
	int fd;
	enum err e;

	h.size = size;
	h.tail = h.head = h.base = 0;
	e = make(o, &h, true, &fd);
	if (e != ERR_OK)
		return e;
	unmap(s);
	close(s->fd);
	s->fd = fd;
	s->size = size;
	return map(o, s);
}

static enum err open_new(struct opening *o, struct spool *s, uint64_t size)
{
	struct spool_header h = {.magic = SPOOL_MAGIC, .size = size};
	enum err e;

	while (h.epoch == 0)
		randombytes_buf(&h.epoch, sizeof(h.epoch));
	e = make(o, &h, false, &s->fd);
	if (e != ERR_OK)
		return e;
	s->size = size;
	s->next = 1;
	return map(o, s);
}

static enum err open_any(struct opening *o, struct spool *s, uint64_t size)
{
	enum err e;

	s->fd = open(o->path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (s->fd < 0)
		return errno == ENOENT ? open_new(o, s, size) : fail_errno(o, "cannot be opened");
	e = lock(o, s->fd);
	if (e == ERR_OK && !in_place(o->path, s->fd))
		e = fail(o, ERR_CONFLICT, "was made anew by another broker just now");
	if (e == ERR_OK)
		e = open_old(o, s);
	if (e == ERR_CORRUPT)
		advise(o);
	if (e == ERR_OK && s->size != size && s->h->tail == s->h->head)
		e = resize(o, s, size);
	return e;
}

enum err spool_open(struct spool **out, const char *path, uint64_t size, char *why, size_t why_size)
{
	struct opening o = {.path = path, .why = why, .why_size = why_size};
	struct spool *s = calloc(1, sizeof(*s));
	enum err e;

	*out = NULL;
	if (!s)
		return fail(&o, ERR_NOMEM, "cannot be opened: out of memory");
	s->fd = -1;
	if ((size_t)snprintf(o.temporary, sizeof(o.temporary), "%s.new", path) >=
		sizeof(o.temporary))
		e = fail(&o, ERR_IO, "has too long a name");
	else
		e = open_any(&o, s, size);
	if (e != ERR_OK) {
		spool_close(s);
		return e;
	}
	s->ended = s->h->alive;
	*out = s;
	return ERR_OK;
}

void spool_close(struct spool *s)
{
	if (!s)
		return;
	unmap(s);
	if (s->fd >= 0)
		close(s->fd);
	free(s);
}
