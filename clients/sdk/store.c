/* store.c — opening, the schema, the lock, and transactions. The limit: store_trim.c.
 *
 * The database is locked for this connection alone (locking_mode=EXCLUSIVE): a second opener gets
 * SQLITE_BUSY, which is GNATTER_EINUSE. The lock is the kernel's and ends with the process. It also
 * saves the shared memory file of WAL mode.
 *
 * A file is not believed: it may have been damaged or made by somebody else. Triggers and views in
 * it do nothing, SQLite checks its cells, and numbers and strings are read as store_sql.c says.
 *
 * Deleted text is overwritten (secure_delete), in the write-ahead log at its next turn.
 */
#include "clients/sdk/store_internal.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define APPLICATION_ID 0x676e7472 /* "gntr" */
#define SCHEMA_VERSION 1

#define NUMBER " INTEGER NOT NULL DEFAULT 0"
#define STRING " TEXT NOT NULL DEFAULT ''"

static const char schema[] =
	"CREATE TABLE meta(key TEXT PRIMARY KEY,value TEXT) WITHOUT ROWID;"

	"CREATE TABLE chats(id INTEGER PRIMARY KEY,chat TEXT NOT NULL UNIQUE,kind" NUMBER
	",title" STRING ",peer" STRING ",role" STRING ",seq" NUMBER ",n" NUMBER ",ts" NUMBER
	",delivered" NUMBER ",read" NUMBER ",muted" NUMBER ",muted_until" NUMBER ",mentions" NUMBER
	",gone" NUMBER ",preview_seq" NUMBER ",preview_from" STRING ",preview_type" STRING
	",preview_text" STRING ",lo" NUMBER ",hi" NUMBER ",known" NUMBER ",read_n" NUMBER
	",told_delivered" NUMBER ",told_read" NUMBER ",want_delivered" NUMBER ",want_read" NUMBER
	",own_seq" NUMBER ",floor_delivered" NUMBER ",floor_read" NUMBER ",members" NUMBER
	",written" NUMBER ");"
	"CREATE INDEX chats_order ON chats(gone,ts DESC);"

	"CREATE TABLE members(chat_id INTEGER NOT NULL,user TEXT NOT NULL,role" STRING
	",delivered" NUMBER ",read" NUMBER ",listed" NUMBER
	",PRIMARY KEY(chat_id,user)) WITHOUT ROWID;"

	"CREATE TABLE profiles(user TEXT PRIMARY KEY,alias" STRING ",name" STRING ",about" STRING
	",avatar" STRING ",contact" NUMBER ",online" NUMBER ",state" STRING ",status_text" STRING
	",last_seen" NUMBER ") WITHOUT ROWID;"

	"CREATE TABLE messages(chat_id INTEGER NOT NULL,seq INTEGER NOT NULL,n" NUMBER ",ts" NUMBER
	",sender" STRING ",device" STRING ",id" STRING ",type" STRING ",ref" NUMBER
	",text TEXT,media TEXT,body TEXT,edited" NUMBER ",deleted" NUMBER
	",PRIMARY KEY(chat_id,seq)) WITHOUT ROWID;"
	"CREATE INDEX messages_ref ON messages(chat_id,ref) WHERE type IN('edit','reaction');"

	"CREATE TABLE outbox(pos INTEGER PRIMARY KEY,id TEXT NOT NULL,chat TEXT NOT NULL"
	",type" STRING ",ref" NUMBER ",text TEXT,media TEXT,body TEXT,payload" STRING ",ts" NUMBER
	",tick" NUMBER ",tries" NUMBER ",code" STRING ",message" STRING ",UNIQUE(chat,id));";

/* As errno: what one thread is told no other overwrites, and an opening that failed has left no
 * store to keep it in. */
static _Thread_local char why[200];

/* --- the lock, and transactions
 * ------------------------------------------------------------------ */

void store_enter(struct store *s)
{
	pthread_mutex_lock(&s->lock);
}

enum gnatter_error store_leave(struct store *s, enum gnatter_error e)
{
	pthread_mutex_unlock(&s->lock);
	return e;
}

enum gnatter_error store_fail(struct store *s, int rc)
{
	enum gnatter_error e = (rc & 0xff) == SQLITE_NOMEM ? GNATTER_ENOMEM : GNATTER_ESTORE;

	snprintf(why, sizeof(why), "%s (SQLite %d)",
		s->db && e == GNATTER_ESTORE ? sqlite3_errmsg(s->db) : sqlite3_errstr(rc), rc);
	if ((s->in_transaction || s->alone) && s->failed == GNATTER_OK)
		s->failed = e;
	return e;
}

const char *store_why(const struct store *s)
{
	(void)s;
	return why;
}

static enum gnatter_error load(struct store *s);

/* End the transaction, so or so. */
static enum gnatter_error end(struct store *s, bool commit)
{
	enum gnatter_error e = s->failed;

	if (commit && e == GNATTER_OK)
		e = sql_simple(s, SQL_COMMIT);
	if (!commit || e != GNATTER_OK) {
		if (!sqlite3_get_autocommit(s->db)) /* else SQLite has rolled it back itself */
			sql_simple(s, SQL_ROLLBACK);
		s->failed = GNATTER_OK;
		s->in_transaction = s->alone = false;
		load(s);
	}
	s->in_transaction = s->alone = false;
	if (s->durable)
		sqlite3_exec(s->db, "PRAGMA synchronous=NORMAL", NULL, NULL, NULL);
	s->durable = false;
	return e;
}

enum gnatter_error store_begin(struct store *s, bool durable)
{
	enum gnatter_error e = GNATTER_OK;
	int rc = SQLITE_OK;

	store_enter(s);
	if (s->in_transaction || s->alone)
		return store_leave(s, GNATTER_EINVAL);
	if (durable)
		rc = sqlite3_exec(s->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL);
	if (rc != SQLITE_OK)
		return store_leave(s, store_fail(s, rc));
	s->durable = durable;
	e = sql_simple(s, SQL_BEGIN);
	if (e != GNATTER_OK) {
		end(s, false);
		return store_leave(s, e);
	}
	s->in_transaction = true;
	return GNATTER_OK; /* with the lock */
}

enum gnatter_error store_commit(struct store *s)
{
	return store_leave(s, end(s, true));
}

void store_rollback(struct store *s)
{
	store_leave(s, end(s, false));
}

enum gnatter_error store_write(struct store *s)
{
	enum gnatter_error e;

	store_enter(s);
	if (s->in_transaction)
		return GNATTER_OK;
	e = sql_simple(s, SQL_BEGIN);
	if (e != GNATTER_OK)
		return store_leave(s, e);
	s->alone = true;
	return GNATTER_OK;
}

enum gnatter_error store_written(struct store *s, enum gnatter_error e)
{
	enum gnatter_error ended = GNATTER_OK;

	if (s->alone)
		ended = end(s, e == GNATTER_OK);
	return store_leave(s, e == GNATTER_OK ? ended : e);
}

/* --- opening
 * ------------------------------------------------------------------------------------- */

static enum gnatter_error refuse(enum gnatter_error e, const char *sentence)
{
	snprintf(why, sizeof(why), "%s", sentence);
	return e;
}

/* As an error of ours, what SQLite says while the store is opened. */
static enum gnatter_error said(struct store *s, int rc)
{
	if (rc == SQLITE_OK)
		return GNATTER_OK;
	if ((rc & 0xff) == SQLITE_BUSY || (rc & 0xff) == SQLITE_LOCKED)
		return refuse(GNATTER_EINUSE, "the store is in use by another client");
	return store_fail(s, rc);
}

static enum gnatter_error exec(struct store *s, const char *sql)
{
	return said(s, sqlite3_exec(s->db, sql, NULL, NULL, NULL));
}

static int take_number(void *ctx, int columns, char **values, char **names)
{
	int64_t *out = ctx;

	(void)names;
	*out = columns > 0 && values[0] ? atoll(values[0]) : 0;
	return 0;
}

/* The one number that a statement gives, which is used once. */
static enum gnatter_error ask(struct store *s, const char *sql, int64_t *out)
{
	return said(s, sqlite3_exec(s->db, sql, take_number, out, NULL));
}

/* The file is made here with its mode: SQLite would go by the umask alone. Not by open(): to close
 * a file drops this process's locks on it. */
static enum gnatter_error open_file(struct store *s, const char *path)
{
	char *plain;
	int rc;

	if (mknod(path, S_IFREG | 0600, 0) != 0 && errno != EEXIST)
		return refuse(GNATTER_ESTORE, "the store's file cannot be made");
	/* A name like ":memory:" or "file:x" means something else to SQLite. */
	plain = sqlite3_mprintf("%s%s", path[0] == '/' ? "" : "./", path);
	if (!plain)
		return GNATTER_ENOMEM;
	rc = sqlite3_open_v2(plain, &s->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL);
	sqlite3_free(plain);
	return rc == SQLITE_OK ? GNATTER_OK : store_fail(s, rc);
}

static enum gnatter_error open_memory(struct store *s)
{
	int rc = sqlite3_open_v2(":memory:", &s->db,
		SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, NULL);

	return rc == SQLITE_OK ? GNATTER_OK : store_fail(s, rc);
}

static void configure(struct store *s)
{
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
	sqlite3_db_config(s->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_extended_result_codes(s->db, 1);
}

static enum gnatter_error make_schema(struct store *s)
{
	char numbers[80];
	enum gnatter_error e;

	snprintf(numbers, sizeof(numbers), "PRAGMA application_id=%d;PRAGMA user_version=%d",
		APPLICATION_ID, SCHEMA_VERSION);
	e = exec(s, "BEGIN IMMEDIATE");
	if (e == GNATTER_OK)
		e = exec(s, schema);
	if (e == GNATTER_OK)
		e = exec(s, numbers);
	if (e == GNATTER_OK)
		e = exec(s, "COMMIT");
	return e;
}

/* Is it ours, or empty? Nothing is written before that is known. */
static enum gnatter_error check_schema(struct store *s, bool *empty)
{
	int64_t application = 0;
	int64_t version = 0;
	int64_t tables = 0;
	enum gnatter_error e = ask(s, "PRAGMA application_id", &application);

	if (e == GNATTER_OK)
		e = ask(s, "PRAGMA user_version", &version);
	if (e == GNATTER_OK)
		e = ask(s, "SELECT count(*) FROM sqlite_schema", &tables);
	if (e != GNATTER_OK)
		return e;
	*empty = application == 0 && version == 0 && tables == 0;
	if (*empty)
		return GNATTER_OK;
	if (application != APPLICATION_ID)
		return refuse(GNATTER_ESTORE, "the file is no store of this library");
	if (version > SCHEMA_VERSION)
		return refuse(GNATTER_ESTORE, "the store was made by a newer version");
	return version == SCHEMA_VERSION ? GNATTER_OK
					 : refuse(GNATTER_ESTORE, "the store is damaged");
}

static enum gnatter_error prepare(struct store *s, bool memory)
{
	bool empty = false;
	int64_t page_size = 0;
	enum gnatter_error e;

	/* Small pages in memory: each table and index has one at least. */
	e = exec(s, memory ? "PRAGMA page_size=1024"
			   : "PRAGMA locking_mode=EXCLUSIVE;PRAGMA page_size=4096");
	if (e == GNATTER_OK)
		e = exec(s, "PRAGMA cache_size=-200;PRAGMA temp_store=MEMORY;"
			    "PRAGMA cell_size_check=ON");
	if (e == GNATTER_OK)
		e = check_schema(s, &empty);
	if (e == GNATTER_OK)
		e = exec(s, "PRAGMA auto_vacuum=INCREMENTAL;PRAGMA secure_delete=ON");
	if (e == GNATTER_OK && !memory)
		e = exec(s, "PRAGMA journal_mode=WAL;PRAGMA synchronous=NORMAL;"
			    "PRAGMA wal_autocheckpoint=256;PRAGMA journal_size_limit=2097152");
	if (e == GNATTER_OK && empty)
		e = make_schema(s);
	if (e == GNATTER_OK)
		e = ask(s, "PRAGMA page_size", &page_size);
	s->page_size = page_size > 0 ? (uint64_t)page_size : 4096;
	return e;
}

/* --- whose it is, and what is kept in memory of it
 * ----------------------------------------------- */

static enum gnatter_error meta_put(struct store *s, const char *key, const char *value)
{
	struct sql q;

	sql_start(&q, s, SQL_META_PUT);
	sql_text(&q, key);
	sql_text(&q, value);
	return sql_run(&q);
}

/* Is the value of key `want`? *found: it has one. */
static enum gnatter_error meta_is(
	struct store *s, const char *key, const char *want, bool *found, bool *same)
{
	struct sql q;

	sql_start(&q, s, SQL_META);
	sql_text(&q, key);
	*found = sql_row(&q);
	*same = *found && strcmp(sql_string(&q, 0), want) == 0;
	return sql_end(&q);
}

static enum gnatter_error take_over(struct store *s)
{
	enum gnatter_error e = store_write(s);

	if (e != GNATTER_OK)
		return e;
	e = meta_put(s, "user", s->user);
	if (e == GNATTER_OK)
		e = meta_put(s, "device", s->device);
	return store_written(s, e);
}

static enum gnatter_error check_owner(struct store *s)
{
	bool found[2];
	bool same[2] = {false, false};
	enum gnatter_error e = meta_is(s, "user", s->user, &found[0], &same[0]);

	if (e == GNATTER_OK)
		e = meta_is(s, "device", s->device, &found[1], &same[1]);
	if (e != GNATTER_OK)
		return e;
	if (!found[0] && !found[1])
		return take_over(s);
	if (same[0] && same[1])
		return GNATTER_OK;
	return refuse(GNATTER_EOWNER, "the store belongs to another user or device");
}

static enum gnatter_error load(struct store *s)
{
	struct sql q;
	bool found;
	enum gnatter_error e = meta_is(s, "synced", "1", &found, &s->synced);

	if (e == GNATTER_OK) {
		sql_start(&q, s, SQL_WRITTEN_MAX);
		s->written = sql_row(&q) ? sql_number(&q, 0) : 0;
		e = sql_end(&q);
	}
	return e == GNATTER_OK ? outbox_load(s) : e;
}

static bool options_ok(const struct store_options *o)
{
	return o->user && name_user_ok(o->user, strlen(o->user)) && o->device &&
	       name_device_ok(o->device, strlen(o->device)) && (!o->path || *o->path) &&
	       o->bytes_max > 0 && o->outbox_max > 0;
}

static struct store *create(const struct store_options *o)
{
	struct store *s = calloc(1, sizeof(*s));
	pthread_mutexattr_t attr;
	bool ok = false;

	if (!s || pthread_mutexattr_init(&attr) != 0) {
		free(s);
		return NULL;
	}
	ok = pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE) == 0 &&
	     pthread_mutex_init(&s->lock, &attr) == 0;
	pthread_mutexattr_destroy(&attr);
	if (!ok) {
		free(s);
		return NULL;
	}
	snprintf(s->user, sizeof(s->user), "%s", o->user);
	snprintf(s->device, sizeof(s->device), "%s", o->device);
	s->bytes_max = o->bytes_max;
	s->outbox_max = o->outbox_max;
	return s;
}

enum gnatter_error store_open(struct store **out, const struct store_options *o)
{
	struct store *s;
	enum gnatter_error e;

	*out = NULL;
	why[0] = '\0';
	if (!options_ok(o))
		return GNATTER_EINVAL;
	s = create(o);
	if (!s)
		return GNATTER_ENOMEM;
	e = o->path ? open_file(s, o->path) : open_memory(s);
	if (e == GNATTER_OK) {
		configure(s);
		e = prepare(s, !o->path);
	}
	if (e == GNATTER_OK && sql_define_holds(s) != SQLITE_OK)
		e = GNATTER_ENOMEM;
	if (e == GNATTER_OK)
		e = check_owner(s);
	if (e == GNATTER_OK)
		e = load(s);
	if (e == GNATTER_OK)
		*out = s;
	else
		store_close(s);
	return e;
}

void store_close(struct store *s)
{
	if (!s)
		return;
	sql_finish(s);
	sqlite3_close(s->db);
	if (s->letters)
		freelocale(s->letters);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

bool store_is_new(struct store *s)
{
	bool is_new;

	store_enter(s);
	is_new = !s->synced;
	store_leave(s, GNATTER_OK);
	return is_new;
}

enum gnatter_error store_set_synced(struct store *s)
{
	enum gnatter_error e = store_write(s);

	if (e != GNATTER_OK)
		return e;
	if (!s->synced)
		e = meta_put(s, "synced", "1");
	if (e == GNATTER_OK)
		s->synced = true;
	return store_written(s, e);
}
