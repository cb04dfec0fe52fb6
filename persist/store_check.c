/* store_check.c
 *
 * What is looked at, in this order; the first thing wrong makes the sentence:
 *
 *   the folder      is one, and can be read and written
 *   FORMAT          "gnatter store 1"
 *   LOCK            held by no other process
 *   CURRENT         names a manifest
 *   MANIFEST-n      every record has its checksum; its edits, taken together, say which tables
 * there are n.ldb           each of them is there and as long as the manifest says n.log those not
 * yet in a table: checksums; see leveldb_log.h for a torn end
 *
 * What is inside the tables is checked by LevelDB whenever a block is read.
 */
#include "persist/store_check.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/folder.h"
#include "persist/leveldb_log.h"
#include "persist/store.h"

#define MARK      "FORMAT"
#define MARK_LINE "gnatter store "
#define LOG_MAX   ((size_t)1 << 30)

struct table_file {
	uint64_t number, size;
};

struct check {
	const char *path;
	char *why;
	size_t why_size;
	char manifest[64];
	struct table_file *tables; /* those live after the edits read so far; sorted in the end */
	size_t count, cap;
	uint64_t log_number,
		previous_log; /* logs below the first, but for the second, are done with */
	unsigned fields;      /* bits by field: what stood in any edit */
	bool bad_edit, no_memory;
};

static enum err damaged(struct check *c, const char *what)
{
	snprintf(c->why, c->why_size, "the store %s is damaged: %s", c->path, what);
	return ERR_CORRUPT;
}

static enum err unreadable(struct check *c, const char *name)
{
	snprintf(c->why, c->why_size, "the store %s cannot be read: %s: %s", c->path, name,
		strerror(errno));
	return ERR_IO;
}

static enum err no_memory(struct check *c)
{
	snprintf(c->why, c->why_size, "out of memory");
	return ERR_NOMEM;
}

/* Read a file that must be there. */
static enum err read_part(struct check *c, const char *name, size_t max, struct buf *out)
{
	char sentence[128];

	switch (folder_read(out, c->path, name, max)) {
	case ERR_OK:
		return ERR_OK;
	case ERR_NOMEM:
		return no_memory(c);
	case ERR_NOT_FOUND:
		snprintf(sentence, sizeof(sentence), "%.64s is missing", name);
		return damaged(c, sentence);
	case ERR_TOO_LARGE:
		snprintf(sentence, sizeof(sentence), "%.64s is too large", name);
		return damaged(c, sentence);
	default:
		return unreadable(c, name);
	}
}

/* ---- FORMAT ------------------------------------------------------------------------------ */

void store_check_schema_sentence(const char *path, uint64_t schema, char *why, size_t why_size)
{
	if (schema > STORE_SCHEMA)
		snprintf(why, why_size,
			"the store %s was made by a newer version (schema %" PRIu64
			"; this program knows %d)",
			path, schema, STORE_SCHEMA);
	else
		snprintf(why, why_size,
			"the store %s has schema %" PRIu64 "; this program knows only %d", path,
			schema, STORE_SCHEMA);
}

static enum err check_mark(struct check *c)
{
	const size_t word = strlen(MARK_LINE);
	struct buf line = {0};
	uint64_t schema = 0;
	size_t digits = 0;
	enum err e = folder_read(&line, c->path, MARK, 64);

	if (e == ERR_NOT_FOUND) {
		snprintf(c->why, c->why_size,
			"%s is no store of this program: it has no file " MARK, c->path);
		e = ERR_CORRUPT;
	} else if (e == ERR_TOO_LARGE || e == ERR_OK) {
		if (e == ERR_OK && line.len > word && memcmp(line.data, MARK_LINE, word) == 0)
			for (; digits < 9 && word + digits < line.len &&
				line.data[word + digits] >= '0' && line.data[word + digits] <= '9';
				digits++)
				schema = 10 * schema + (uint64_t)(line.data[word + digits] - '0');
		e = ERR_CORRUPT;
		if (digits == 0 || word + digits + 1 != line.len || line.data[line.len - 1] != '\n')
			damaged(c, "the file " MARK " is not as this program writes it");
		else if (schema != STORE_SCHEMA)
			store_check_schema_sentence(c->path, schema, c->why, c->why_size);
		else
			e = ERR_OK;
	} else {
		e = e == ERR_NOMEM ? no_memory(c) : unreadable(c, MARK);
	}
	buf_free(&line);
	return e;
}

enum err store_check_mark(const char *path, char *why, size_t why_size)
{
	char file[FOLDER_PATH_MAX], line[64];
	int len = snprintf(line, sizeof(line), MARK_LINE "%d\n", STORE_SCHEMA);
	int fd = -1;
	bool ok = false;

	if (folder_file(file, path, MARK) == ERR_OK)
		fd = open(file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0640);
	if (fd >= 0) {
		ok = write(fd, line, (size_t)len) == len && fsync(fd) == 0;
		ok = close(fd) == 0 && ok;
	}
	if (ok && folder_sync(path) == ERR_OK)
		return ERR_OK;
	snprintf(why, why_size, "the store %s cannot be made: %s", path, strerror(errno));
	return errno == ENOSPC || errno == EDQUOT ? ERR_FULL : ERR_IO;
}

/* ---- LOCK -------------------------------------------------------------------------------- */

static enum err check_lock(struct check *c)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	char file[FOLDER_PATH_MAX];
	int fd;

	if (folder_file(file, c->path, "LOCK") != ERR_OK)
		return damaged(c, "its path is too long");
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? ERR_OK : unreadable(c, "LOCK");
	if (fcntl(fd, F_GETLK, &lock) < 0)
		lock.l_type = F_UNLCK; /* then leveldb_open finds out */
	close(fd);
	if (lock.l_type == F_UNLCK)
		return ERR_OK;
	snprintf(c->why, c->why_size, "the store %s is in use by another process (pid %ld)",
		c->path, (long)lock.l_pid);
	return ERR_CONFLICT;
}

/* ---- the manifest ------------------------------------------------------------------------ */

static enum err check_current(struct check *c)
{
	struct buf line = {0};
	enum err e = read_part(c, "CURRENT", sizeof(c->manifest) - 1, &line);

	if (e == ERR_OK) {
		size_t len = line.len;

		if (len < 11 || line.data[len - 1] != '\n' ||
			memcmp(line.data, "MANIFEST-", 9) != 0 || memchr(line.data, '/', len) ||
			memchr(line.data, '\0', len)) {
			e = damaged(c, "CURRENT does not name a manifest");
		} else {
			memcpy(c->manifest, line.data, len - 1);
			c->manifest[len - 1] = '\0';
		}
	}
	buf_free(&line);
	return e;
}

static uint64_t read_varint(struct reader *r)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		uint8_t byte = read_u8(r);

		v |= (uint64_t)(byte & 0x7f) << shift;
		if (byte < 0x80)
			return v;
	}
	r->failed = true;
	return 0;
}

static void skip_string(struct reader *r)
{
	read_bytes(r, (size_t)read_varint(r));
}

static void table_add(struct check *c, uint64_t number, uint64_t size)
{
	if (c->count == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 256;
		struct table_file *more = realloc(c->tables, cap * sizeof(*more));

		if (!more) {
			c->no_memory = true;
			return;
		}
		c->tables = more;
		c->cap = cap;
	}
	c->tables[c->count++] = (struct table_file){number, size};
}

/* Files that go are mostly those that came last. */
static void table_remove(struct check *c, uint64_t number)
{
	for (size_t i = c->count; i > 0; i--) {
		if (c->tables[i - 1].number == number) {
			c->tables[i - 1] = c->tables[--c->count];
			return;
		}
	}
}

/* Fields of an edit, as LevelDB numbers them. */
enum field {
	COMPARATOR = 1,
	LOG,
	NEXT_FILE,
	LAST_SEQUENCE,
	COMPACT_POINTER,
	REMOVED,
	ADDED,
	PREVIOUS_LOG = 9
};

#define FIELDS_NEEDED (1u << COMPARATOR | 1u << LOG | 1u << NEXT_FILE | 1u << LAST_SEQUENCE)

/* One edit of the set of tables. In each, removals stand before additions. */
static bool on_edit(void *ctx, struct bytes record)
{
	struct check *c = ctx;
	struct reader r = reader_of(record.data, record.len);
	uint64_t number, size;

	while (r.at != r.end && !r.failed) {
		uint64_t field = read_varint(&r);

		c->fields |= field <= PREVIOUS_LOG ? 1u << field : 0;
		switch (field) {
		case COMPARATOR:
			skip_string(&r);
			break;
		case LOG:
			c->log_number = read_varint(&r);
			break;
		case PREVIOUS_LOG:
			c->previous_log = read_varint(&r);
			break;
		case NEXT_FILE:
		case LAST_SEQUENCE:
			read_varint(&r);
			break;
		case COMPACT_POINTER:
			read_varint(&r);
			skip_string(&r);
			break;
		case REMOVED:
			read_varint(&r);
			number = read_varint(&r);
			if (!r.failed)
				table_remove(c, number);
			break;
		case ADDED:
			read_varint(&r);
			number = read_varint(&r);
			size = read_varint(&r);
			skip_string(&r);
			skip_string(&r);
			if (!r.failed)
				table_add(c, number, size);
			break;
		default:
			r.failed = true;
		}
	}
	c->bad_edit = c->bad_edit || r.failed;
	return !c->bad_edit && !c->no_memory;
}

static enum err check_manifest(struct check *c)
{
	struct leveldb_log_report report;
	struct buf data = {0};
	char sentence[160];
	enum err e = read_part(c, c->manifest, LOG_MAX, &data);

	if (e != ERR_OK) {
		buf_free(&data);
		return e;
	}
	leveldb_log_walk(&report, (struct bytes){data.data, data.len}, on_edit, c);
	if (report.out_of_memory || c->no_memory) {
		e = no_memory(c);
	} else if (c->bad_edit) {
		snprintf(sentence, sizeof(sentence), "%s holds an edit that is none", c->manifest);
		e = damaged(c, sentence);
	} else if (report.hole && !(report.zeros && !report.goes_on)) {
		snprintf(sentence, sizeof(sentence), "%s is broken at byte %zu", c->manifest,
			report.hole_at);
		e = damaged(c, sentence);
	} else if ((c->fields & FIELDS_NEEDED) != FIELDS_NEEDED) {
		snprintf(sentence, sizeof(sentence), "%s is incomplete", c->manifest);
		e = damaged(c, sentence);
	}
	buf_free(&data);
	return e;
}

/* ---- tables and logs --------------------------------------------------------------------- */

static enum err check_table(struct check *c, const struct table_file *t)
{
	static const char *const suffixes[] = {"ldb", "sst"};
	char file[FOLDER_PATH_MAX], name[64], sentence[160];
	struct stat st;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(*suffixes); i++) {
		snprintf(name, sizeof(name), "%06" PRIu64 ".%s", t->number, suffixes[i]);
		if (folder_file(file, c->path, name) != ERR_OK || stat(file, &st) != 0)
			continue;
		if ((uint64_t)st.st_size == t->size)
			return ERR_OK;
		snprintf(sentence, sizeof(sentence), "%s has %lld bytes instead of %" PRIu64, name,
			(long long)st.st_size, t->size);
		return damaged(c, sentence);
	}
	snprintf(sentence, sizeof(sentence), "%06" PRIu64 ".ldb is missing", t->number);
	return damaged(c, sentence);
}

struct numbers {
	uint64_t *list;
	size_t count, cap;
};

static bool numbers_add(struct numbers *n, uint64_t number)
{
	if (n->count == n->cap) {
		size_t cap = n->cap ? 2 * n->cap : 16;
		uint64_t *more = realloc(n->list, cap * sizeof(*more));

		if (!more)
			return false;
		n->list = more;
		n->cap = cap;
	}
	n->list[n->count++] = number;
	return true;
}

static bool numbers_have(const struct numbers *n, uint64_t number)
{
	for (size_t i = 0; i < n->count; i++)
		if (n->list[i] == number)
			return true;
	return false;
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

/* The logs that LevelDB would replay, in its order. The one that the manifest names is made before
 * the manifest says so, and lives until the next is named. */
static enum err list_logs(struct check *c, struct numbers *out)
{
	DIR *dir = opendir(c->path);
	struct dirent *entry;
	bool ok = true;

	if (!dir)
		return unreadable(c, "its folder");
	while (ok && (entry = readdir(dir))) {
		char *end;
		uint64_t number;

		if (entry->d_name[0] < '0' || entry->d_name[0] > '9')
			continue;
		number = strtoull(entry->d_name, &end, 10);
		if (strcmp(end, ".log") == 0 &&
			(number >= c->log_number || number == c->previous_log))
			ok = numbers_add(out, number);
	}
	closedir(dir);
	if (!ok)
		return no_memory(c);
	if (out->count)
		qsort(out->list, out->count, sizeof(*out->list), compare_numbers);
	if (c->log_number && !numbers_have(out, c->log_number)) {
		char sentence[64];

		snprintf(sentence, sizeof(sentence), "%06" PRIu64 ".log is missing", c->log_number);
		return damaged(c, sentence);
	}
	return ERR_OK;
}

static enum err check_log(struct check *c, uint64_t number, bool *torn)
{
	struct leveldb_log_report report;
	struct buf data = {0};
	char name[64], sentence[128];
	enum err e;

	snprintf(name, sizeof(name), "%06" PRIu64 ".log", number);
	e = read_part(c, name, LOG_MAX, &data);
	if (e == ERR_OK) {
		leveldb_log_walk(&report, (struct bytes){data.data, data.len}, NULL, NULL);
		if (report.goes_on || (*torn && data.len > 0)) {
			snprintf(sentence, sizeof(sentence),
				"%s is broken at byte %zu and goes on behind", name,
				report.hole_at);
			e = damaged(c, sentence);
		}
		*torn = *torn || report.hole;
	}
	buf_free(&data);
	return e;
}

static enum err check_files(struct check *c, bool *torn)
{
	struct numbers logs = {0};
	enum err e = ERR_OK;

	for (size_t i = 0; e == ERR_OK && i < c->count; i++)
		e = check_table(c, &c->tables[i]);
	if (e == ERR_OK)
		e = list_logs(c, &logs);
	for (size_t i = 0; e == ERR_OK && i < logs.count; i++)
		e = check_log(c, logs.list[i], torn);
	free(logs.list);
	return e;
}

enum err store_check(const char *path, bool *torn, char *why, size_t why_size)
{
	struct check c = {.path = path, .why = why, .why_size = why_size};
	enum err e = folder_look(path, R_OK | W_OK | X_OK, "store", why, why_size);

	*torn = false;
	if (e == ERR_OK)
		e = check_mark(&c);
	if (e == ERR_OK)
		e = check_lock(&c);
	if (e == ERR_OK)
		e = check_current(&c);
	if (e == ERR_OK)
		e = check_manifest(&c);
	if (e == ERR_OK)
		e = check_files(&c, torn);
	free(c.tables);
	return e;
}
