/* directory_open.c — from a path to an open directory, or to the sentence that says why not.
 *
 * Nothing is believed before it was looked at, and nothing is touched before it was believed:
 * lmdb_check() reads data.mdb before LMDB maps it. A writer holds writer.lock by then, so the file
 * stands still. A reader may come while the writer is at work; then LMDB's reader table, in
 * lock.mdb, is what makes one state stand still, so LMDB is opened first, which touches nothing but
 * that table.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "persist/directory_lmdb.h"
#include "persist/folder.h"
#include "persist/lmdb_check.h"

#define FOLDER_MODE 0770
#define FILE_MODE   0660
#define MAP_MIN     ((uint64_t)1 << 20)
#define MAP_RESERVE ((uint64_t)256 << 30)
#define META        "meta"
#define SCHEMA_KEY  "schema"

/* Names of the databases, by table. */
static const char *const names[TABLE_COUNT] = {
	[TABLE_USERS] = "users",
	[TABLE_CHATS] = "chats",
	[TABLE_MEMBERS] = "members",
	[TABLE_LISTS] = "lists",
	[TABLE_CONTACTS] = "contacts",
	[TABLE_BLOCKS] = "blocks",
	[TABLE_REVOKED] = "revoked",
};

static enum err out_of_memory(char *why, size_t why_size)
{
	snprintf(why, why_size, "out of memory");
	return ERR_NOMEM;
}

static enum err check_schema(
	const struct directory *d, const struct lmdb_check *c, char *why, size_t why_size)
{
	struct reader r = reader_of(c->schema, c->schema_len);
	uint32_t schema = read_u32(&r);

	if (r.failed || r.at != r.end)
		snprintf(why, why_size, "the directory %s is damaged: it has no schema version",
			d->path);
	else if (schema > DIRECTORY_SCHEMA)
		snprintf(why, why_size,
			"the directory %s was made by a newer version (schema %u; this program "
			"knows %d)",
			d->path, (unsigned)schema, DIRECTORY_SCHEMA);
	else if (schema < DIRECTORY_SCHEMA)
		snprintf(why, why_size,
			"the directory %s has schema %u; this program knows only %d", d->path,
			(unsigned)schema, DIRECTORY_SCHEMA);
	else
		return ERR_OK;
	return ERR_CORRUPT;
}

static enum err explain_check(
	const struct directory *d, enum err e, const char *what, char *why, size_t why_size)
{
	if (e == ERR_CORRUPT)
		snprintf(why, why_size,
			"%s/data.mdb is damaged or no directory of this program: %s", d->path,
			what);
	else if (e != ERR_OK)
		snprintf(why, why_size, "%s/data.mdb cannot be read: %s", d->path, what);
	return e;
}

static enum err check_head(const struct directory *d, int fd, char *why, size_t why_size)
{
	char what[128];
	enum err e = lmdb_check_head(fd, what, sizeof(what));

	return explain_check(d, e, what, why, why_size);
}

/* Look through data.mdb; txnid as in lmdb_check(). */
static enum err check_file(
	const struct directory *d, int fd, uint64_t txnid, char *why, size_t why_size)
{
	static const char *const needed[] = {"users", "chats", "members", "lists", META, NULL};
	struct lmdb_check c = {.names = needed, .schema_db = META, .schema_key = SCHEMA_KEY};
	char what[128];
	enum err e = lmdb_check(&c, fd, txnid, what, sizeof(what));

	return e == ERR_OK ? check_schema(d, &c, why, why_size)
			   : explain_check(d, e, what, why, why_size);
}

static enum err open_file(
	const struct directory *d, const char *name, int flags, int *fd, char *why, size_t why_size)
{
	char file[FOLDER_PATH_MAX];

	*fd = -1;
	errno = ENAMETOOLONG;
	if (folder_file(file, d->path, name) == ERR_OK)
		*fd = open(file, flags | O_CLOEXEC, FILE_MODE);
	if (*fd >= 0)
		return ERR_OK;
	if (errno == ENOENT) {
		snprintf(why, why_size, "%s is no directory of this program: it has no file %s",
			d->path, name);
		return ERR_CORRUPT;
	}
	snprintf(why, why_size, "%s/%s cannot be opened: %s", d->path, name, strerror(errno));
	return ERR_IO;
}

/* Become the one writer, for as long as the file is open. Its content is for the eye. */
static enum err lock_writer(struct directory *d, char *why, size_t why_size)
{
	char pid[32] = "";
	enum err e = open_file(d, "writer.lock", O_RDWR | O_CREAT, &d->writer_lock, why, why_size);

	if (e != ERR_OK)
		return e;
	if (flock(d->writer_lock, LOCK_EX | LOCK_NB) != 0) {
		bool taken = errno == EWOULDBLOCK;
		ssize_t got = pread(d->writer_lock, pid, sizeof(pid) - 1, 0);

		if (taken)
			snprintf(why, why_size,
				"the directory %s is in use by another process (pid %ld)", d->path,
				got > 0 ? strtol(pid, NULL, 10) : 0);
		else
			snprintf(why, why_size, "%s/writer.lock cannot be locked: %s", d->path,
				strerror(errno));
		return taken ? ERR_CONFLICT : ERR_IO;
	}
	snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(d->writer_lock, 0) == 0 && pwrite(d->writer_lock, pid, strlen(pid), 0) < 0)
		errno = 0; /* a full disk: then the sentence for the next one lacks the number */
	return ERR_OK;
}

/* An LMDB environment. Address space for a reader: much, or if that cannot be had, what is needed.
 */
static int open_env(struct directory *d, uint64_t map_size, unsigned flags)
{
	const bool reads = flags & MDB_RDONLY;
	uint64_t size = reads && map_size < MAP_RESERVE ? MAP_RESERVE : map_size;

	for (;;) {
		int rc = mdb_env_create(&d->env);

		if (rc == 0)
			rc = mdb_env_set_maxdbs(d->env, TABLE_COUNT);
		if (rc == 0 && size)
			rc = mdb_env_set_mapsize(d->env, (size_t)size);
		if (rc == 0)
			rc = mdb_env_open(d->env, d->path, flags | MDB_NOTLS, FILE_MODE);
		if (rc == 0)
			return 0;
		if (d->env)
			mdb_env_close(d->env);
		d->env = NULL;
		if (rc != ENOMEM || !reads || size <= map_size)
			return rc;
		size = map_size;
	}
}

static int open_databases(struct directory *d, unsigned flags)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(d->env, NULL, flags ? 0 : MDB_RDONLY, &txn);

	if (rc)
		return rc;
	for (int t = 0; t < TABLE_COUNT && rc == 0; t++)
		if (names[t])
			rc = mdb_dbi_open(txn, names[t], flags, &d->dbis[t]);
	if (rc == MDB_NOTFOUND)
		rc = MDB_CORRUPTED; /* a database that this schema has is missing */
	if (rc == 0 && flags) {
		char schema[4] = {DIRECTORY_SCHEMA, 0, 0, 0};
		MDB_val key = {strlen(SCHEMA_KEY), (void *)(uintptr_t)SCHEMA_KEY};
		MDB_val value = {sizeof(schema), schema};
		MDB_dbi meta;

		rc = mdb_dbi_open(txn, META, flags, &meta);
		if (rc == 0)
			rc = mdb_put(txn, meta, &key, &value, 0);
	}
	if (rc == 0)
		return mdb_txn_commit(txn);
	mdb_txn_abort(txn);
	return rc;
}

/* Writer and readers may be different users of one group: the umask must not shut them out. */
static void share_files(const struct directory *d)
{
	static const char *const files[] = {"data.mdb", "lock.mdb", "writer.lock"};
	char file[FOLDER_PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof(files) / sizeof(*files); i++)
		if (folder_file(file, d->path, files[i]) == ERR_OK && stat(file, &st) == 0 &&
			st.st_uid == geteuid() && (st.st_mode & 0777) != FILE_MODE &&
			chmod(file, FILE_MODE) != 0)
			return;
}

static enum err make_new(struct directory *d, uint64_t map_size, char *why, size_t why_size)
{
	bool made;
	enum err e = folder_claim(d->path, FOLDER_MODE, "directory", &made, why, why_size);

	if (e != ERR_OK)
		return e;
	if (made && chmod(d->path, FOLDER_MODE) != 0) /* as share_files() */
		e = directory_explain(d, errno, "made", why, why_size);
	if (e == ERR_OK)
		e = lock_writer(d, why, why_size);
	if (e == ERR_OK) {
		int rc = open_env(d, map_size, 0);

		if (rc == 0)
			rc = open_databases(d, MDB_CREATE);
		if (rc == 0 && folder_sync(d->path) != ERR_OK)
			rc = errno;
		e = directory_explain(d, rc, "made", why, why_size);
	}
	if (e != ERR_OK) {
		if (d->env)
			mdb_env_close(d->env);
		d->env = NULL;
		folder_abandon(d->path, made);
	}
	return e;
}

/* Look through the file while a writer may be at work: it stands still only under a transaction. */
static enum err check_pinned(struct directory *d, int fd, char *why, size_t why_size)
{
	MDB_txn *txn;
	int rc = mdb_txn_begin(d->env, NULL, MDB_RDONLY, &txn);
	enum err e;

	if (rc)
		return directory_explain(d, rc, "opened", why, why_size);
	e = check_file(d, fd, mdb_txn_id(txn), why, why_size);
	mdb_txn_abort(txn);
	return e;
}

static bool has_file(const struct directory *d, const char *name)
{
	char file[FOLDER_PATH_MAX];

	return folder_file(file, d->path, name) == ERR_OK && access(file, F_OK) == 0;
}

static enum err open_reader(
	struct directory *d, int fd, uint64_t map_size, char *why, size_t why_size)
{
	/* Without LMDB's lock file nobody is at work; with it, opening makes none. */
	bool alone = !has_file(d, "lock.mdb");
	enum err e = alone ? check_file(d, fd, 0, why, why_size) : check_head(d, fd, why, why_size);

	if (e != ERR_OK)
		return e;
	e = directory_explain(d, open_env(d, map_size, MDB_RDONLY), "opened", why, why_size);
	if (e == ERR_OK && !alone)
		e = check_pinned(d, fd, why, why_size);
	return e;
}

static enum err open_writer(
	struct directory *d, int fd, uint64_t map_size, char *why, size_t why_size)
{
	enum err e = ERR_OK;

	if (!has_file(d, "writer.lock")) /* perhaps not ours: then none is to be made */
		e = check_file(d, fd, 0, why, why_size);
	if (e == ERR_OK)
		e = lock_writer(d, why, why_size);
	if (e == ERR_OK)
		e = check_file(d, fd, 0, why, why_size);
	if (e == ERR_OK)
		e = directory_explain(d, open_env(d, map_size, 0), "opened", why, why_size);
	return e;
}

static enum err open_existing(
	struct directory *d, uint64_t map_size, bool writes, char *why, size_t why_size)
{
	int fd;
	enum err e = folder_look(d->path, R_OK | X_OK, "directory", why, why_size);

	if (e == ERR_OK)
		e = open_file(d, "data.mdb", writes ? O_RDWR : O_RDONLY, &fd, why, why_size);
	if (e != ERR_OK)
		return e;
	e = writes ? open_writer(d, fd, map_size, why, why_size)
		   : open_reader(d, fd, map_size, why, why_size);
	close(fd);
	if (e == ERR_OK)
		e = directory_explain(d, open_databases(d, 0), "opened", why, why_size);
	return e;
}

enum err directory_open(struct directory **out, const char *path, uint64_t map_size,
	enum directory_mode mode, char *why, size_t why_size)
{
	size_t size = strlen(path) + 1;
	struct directory *d = calloc(1, sizeof(*d) + size);
	int dead;
	enum err e;

	*out = NULL;
	if (!d)
		return out_of_memory(why, why_size);
	memcpy(d->path, path, size);
	d->writer_lock = -1;
	pthread_mutex_init(&d->lock, NULL);
	if (mode != DIRECTORY_READ && map_size < MAP_MIN)
		map_size = MAP_MIN;
	map_size = (map_size + 0xffff) & ~(uint64_t)0xffff;
	e = mode == DIRECTORY_CREATE
		    ? make_new(d, map_size, why, why_size)
		    : open_existing(d, map_size, mode == DIRECTORY_WRITE, why, why_size);
	if (e != ERR_OK) {
		directory_close(d);
		return e;
	}
	share_files(d);
	if (mode != DIRECTORY_READ)
		mdb_reader_check(d->env, &dead);
	*out = d;
	return ERR_OK;
}
