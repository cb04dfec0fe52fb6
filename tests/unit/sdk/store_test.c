/* store_test.c — opening, transactions and the limit; files that are not what they should be. */
#include "kit.h"

#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char folder[64], path[96];

static int folder_make(void **state)
{
	(void)state;
	strcpy(folder, "/tmp/gnatter-unit-XXXXXX");
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof(path), "%s/chat.db", folder);
	return 0;
}

static void remove_file(const char *end)
{
	char name[128];

	snprintf(name, sizeof(name), "%s%s", path, end);
	unlink(name);
}

static int folder_remove(void **state)
{
	(void)state;
	remove_file("");
	remove_file("-wal");
	remove_file("-journal");
	return rmdir(folder);
}

static enum gnatter_error open_as(struct store **s, const char *user, const char *device)
{
	struct store_options o = {.path = path,
		.user = user,
		.device = device,
		.bytes_max = 1 << 20,
		.outbox_max = 10};

	return store_open(s, &o);
}

static off_t size_of(const char *name)
{
	struct stat st;

	assert_int_equal(stat(name, &st), 0);
	return st.st_size;
}

/* What somebody else does to the file with SQLite. */
static void with_sqlite(const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

static void expect_refused(enum gnatter_error want, const char *words)
{
	struct store *s = NULL;

	assert_int_equal(open_as(&s, "alice", "phone"), want);
	assert_null(s);
	if (!strstr(store_why(NULL), words))
		fail_msg("'%s' lacks '%s'", store_why(NULL), words);
}

static void test_open_checks_options(void **state)
{
	(void)state;
	static const struct {
		const char *user, *device;
		uint64_t bytes_max;
		uint32_t outbox_max;
		enum gnatter_error want;
	} cases[] = {
		{"alice", "phone", 1, 1, GNATTER_OK},
		{NULL, "phone", 1, 1, GNATTER_EINVAL},
		{"alice", NULL, 1, 1, GNATTER_EINVAL},
		{"Alice", "phone", 1, 1, GNATTER_EINVAL},
		{"alice", "my phone", 1, 1, GNATTER_EINVAL},
		{"alice", "phone", 0, 1, GNATTER_EINVAL},
		{"alice", "phone", 1, 0, GNATTER_EINVAL},
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct store_options o = {.user = cases[i].user,
			.device = cases[i].device,
			.bytes_max = cases[i].bytes_max,
			.outbox_max = cases[i].outbox_max};
		struct store *s;

		assert_int_equal(store_open(&s, &o), cases[i].want);
		assert_int_equal(s != NULL, cases[i].want == GNATTER_OK);
		store_close(s);
	}
}

static void test_open_makes_a_private_file(void **state)
{
	(void)state;
	mode_t was = umask(0);
	struct store *s;
	struct stat st;
	char name[128];

	assert_ok(open_as(&s, "alice", "phone"));
	umask(was);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	snprintf(name, sizeof(name), "%s-wal", path);
	assert_int_equal(stat(name, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	store_close(s);
}

static void test_open_needs_the_folder(void **state)
{
	(void)state;
	struct store *s;
	struct store_options o = {.path = "/nowhere/at/all.db",
		.user = "alice",
		.device = "phone",
		.bytes_max = 1,
		.outbox_max = 1};

	assert_int_equal(store_open(&s, &o), GNATTER_ESTORE);
	assert_true(*store_why(NULL));
}

static void test_open_keeps_everything(void **state)
{
	(void)state;
	struct store *s;
	struct kit_lines l = {0};
	struct gnatter_draft d = {.id = "q1", .text = "later"};
	uint32_t count;

	assert_ok(open_as(&s, "alice", "phone"));
	assert_true(store_is_new(s));
	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "bob", "hello");
	assert_ok(store_queue(s, "lobby", &d, "{}", T0));
	assert_ok(store_set_synced(s));
	store_close(s);

	assert_ok(open_as(&s, "alice", "phone"));
	assert_false(store_is_new(s));
	assert_ok(store_messages(s, "lobby", 0, 10, kit_line, &l));
	assert_string_equal(l.text, "1:hello");
	assert_ok(store_outbox_count(s, &count));
	assert_int_equal(count, 1);
	store_close(s);
}

static void test_open_owner(void **state)
{
	(void)state;
	static const struct {
		const char *user, *device;
		enum gnatter_error want;
	} cases[] = {
		{"alice", "phone", GNATTER_OK},
		{"alice", "tab", GNATTER_EOWNER},
		{"bob", "phone", GNATTER_EOWNER},
		{"alice", "phone", GNATTER_OK},
	};
	struct store *s;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_int_equal(open_as(&s, cases[i].user, cases[i].device), cases[i].want);
		store_close(s);
	}
}

static void test_open_in_use_here(void **state)
{
	(void)state;
	struct store *s;

	assert_ok(open_as(&s, "alice", "phone"));
	expect_refused(GNATTER_EINUSE, "in use");
	expect_refused(GNATTER_EINUSE, "in use"); /* a refusal has not let go of the lock */
	store_close(s);
	assert_ok(open_as(&s, "alice", "phone"));
	store_close(s);
}

/* Another process has it: started before anything of SQLite is open here. */
static void test_open_in_use_by_another(void **state)
{
	(void)state;
	int to_us[2];
	int to_it[2];
	char byte;
	int status;
	struct store *s;
	pid_t pid;

	assert_int_equal(pipe(to_us), 0);
	assert_int_equal(pipe(to_it), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int ok = open_as(&s, "alice", "phone") == GNATTER_OK &&
			 write(to_us[1], "x", 1) == 1 && read(to_it[0], &byte, 1) == 1;
		_exit(ok ? 0 : 1);
	}
	assert_int_equal(read(to_us[0], &byte, 1), 1);
	expect_refused(GNATTER_EINUSE, "in use");
	assert_int_equal(write(to_it[1], "x", 1), 1);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_ok(open_as(&s, "alice", "phone")); /* it did not close it, and is gone */
	store_close(s);
	for (int i = 0; i < 2; i++) {
		close(to_us[i]);
		close(to_it[i]);
	}
}

static void test_open_refuses_what_is_not_ours(void **state)
{
	(void)state;
	struct store *s;

	with_sqlite("CREATE TABLE x(y); INSERT INTO x VALUES(1)");
	expect_refused(GNATTER_ESTORE, "no store of this library");
	with_sqlite("INSERT INTO x VALUES(2); PRAGMA journal_mode=DELETE"); /* it still works */
	remove_file("");
	assert_ok(open_as(&s, "alice", "phone"));
	store_close(s);
	with_sqlite("PRAGMA user_version=2");
	expect_refused(GNATTER_ESTORE, "newer version");
	with_sqlite("PRAGMA user_version=0");
	expect_refused(GNATTER_ESTORE, "damaged");
	with_sqlite("PRAGMA user_version=1; DROP TABLE outbox");
	expect_refused(GNATTER_ESTORE, "outbox");
}

static void write_file(const void *data, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, data, len), len);
	close(fd);
}

static void test_open_refuses_other_bytes(void **state)
{
	(void)state;
	char page[8192];

	memset(page, 'x', sizeof(page));
	write_file(page, sizeof(page));
	expect_refused(GNATTER_ESTORE, "not a database");
	memcpy(page, "SQLite format 3", 16);
	write_file(page, sizeof(page));
	expect_refused(GNATTER_ESTORE, "");
}

/* --- damaged files
 * ------------------------------------------------------------------------------- */

static bool any_chat(void *ctx, const struct store_chat *c)
{
	(void)ctx;
	return strlen(c->pub.chat) + strlen(c->pub.title) + strlen(c->pub.preview_text) < SIZE_MAX;
}

static bool any_message(void *ctx, const struct gnatter_message *m)
{
	(void)ctx;
	return strlen(m->chat) + strlen(m->from) + (m->text ? strlen(m->text) : 0) < SIZE_MAX;
}

static bool any_member(void *ctx, const struct gnatter_member *m)
{
	(void)ctx;
	return strlen(m->user) < SIZE_MAX;
}

static bool any_profile(void *ctx, const struct gnatter_profile *p)
{
	(void)ctx;
	return strlen(p->user) < SIZE_MAX;
}

static bool any_outgoing(void *ctx, const struct store_outgoing *o)
{
	(void)ctx;
	return strlen(o->payload) < SIZE_MAX;
}

/* Whatever the store is made of: an answer to everything, and no crash. */
static void use_everything(struct store *s)
{
	struct store_floor f;
	struct message m = kit_message("lobby", 301, "bob", "more");
	struct gnatter_draft d = {.id = "d", .text = "x"};
	struct gnatter_member member = {.user = "bob", .role = "admin", .delivered = 9};
	struct gnatter_profile p = {.user = "bob", .alias = "b", .contact = true};
	struct gnatter_mark mark = {.chat = "lobby", .user = "bob", .delivered = 7, .read = 3};
	struct gnatter_chat c = {.chat = "lobby", .seq = 400, .n = 400};
	uint32_t count;

	store_chats(s, any_chat, NULL);
	store_chat(s, "lobby", any_chat, NULL);
	store_untold(s, any_chat, NULL);
	store_messages(s, "lobby", 0, 1000, any_message, NULL);
	store_messages_after(s, "lobby", 3, 10, any_message, NULL);
	store_reactions(s, "lobby", 1, any_message, NULL);
	store_own(s, "lobby", 0, 1000, any_message, NULL);
	store_search(s, NULL, "e", 10, any_message, NULL);
	store_members(s, "lobby", any_member, NULL);
	store_contacts(s, any_profile, NULL);
	store_profile(s, "bob", any_profile, NULL);
	store_outbox(s, NULL, any_message, NULL);
	store_waiting(s, 0, 10, any_outgoing, NULL);
	store_outbox_count(s, &count);
	store_append(s, &m);
	m.seq = 302;
	m.type = "delete";
	m.ref = 2;
	store_append(s, &m);
	store_put_chat(s, &c, NULL);
	store_put_members(s, "lobby", &member, 1);
	store_mark(s, &mark, NULL);
	store_floor(s, "lobby", &f);
	store_put_profile(s, &p, true);
	store_own_marks(s, "lobby", 5, 5, NULL);
	store_want_marks(s, "lobby", 9, 9, NULL);
	store_queue(s, "lobby", &d, "{}", T0);
	store_refuse(s, "lobby", "d", "forbidden", "no");
	store_unqueue(s, "lobby", "d", NULL);
	store_trim(s);
}

/* A store of everything, and its bytes; free them. */
static unsigned char *make_file(size_t *len)
{
	struct gnatter_profile p = {.user = "bob", .alias = "b", .contact = true};
	struct gnatter_member members[] = {{"alice", "admin", 1, 1}, {"bob", "member", 2, 2}};
	struct gnatter_draft d = {.id = "q", .text = "queued"};
	unsigned char *data;
	char long_text[6000];
	struct store *s;
	int fd;

	memset(long_text, 'l', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_ok(open_as(&s, "alice", "phone"));
	kit_chat(s, "lobby", 0);
	kit_chat(s, "alice:bob", 0);
	assert_ok(store_begin(s, false));
	for (uint64_t seq = 1; seq <= 300; seq++)
		kit_append(s, "lobby", seq, seq % 2 ? "bob" : "alice",
			seq % 100 ? "some text of it" : long_text);
	assert_ok(store_commit(s));
	assert_ok(store_put_members(s, "lobby", members, COUNT_OF(members)));
	assert_ok(store_put_profile(s, &p, true));
	assert_ok(store_queue(s, "lobby", &d, "{}", T0));
	store_close(s);
	*len = (size_t)size_of(path);
	data = malloc(*len);
	fd = open(path, O_RDONLY);
	assert_true(data && fd >= 0);
	assert_int_equal(read(fd, data, *len), *len);
	close(fd);
	return data;
}

static void use_file(const void *data, size_t len)
{
	struct store *s;

	remove_file("-wal");
	write_file(data, len);
	if (open_as(&s, "alice", "phone") == GNATTER_OK)
		use_everything(s);
	store_close(s);
}

static void test_damaged_bytes(void **state)
{
	(void)state;
	size_t len;
	unsigned char *data = make_file(&len);
	unsigned char *copy = malloc(len);
	uint32_t seed = 1;

	assert_non_null(copy);
	for (int round = 0; round < 300; round++) {
		memcpy(copy, data, len);
		for (int i = 0; i < 1 + round % 20; i++) {
			size_t at;

			seed = seed * 1664525u + 1013904223u;
			/* Mostly where pages begin: their headers say where all the rest is. */
			at = (seed >> 8) % len;
			if (round % 3)
				at = at / 4096 * 4096 + (seed >> 4) % 64;
			copy[at < len ? at : 0] = (unsigned char)(seed >> 24);
		}
		use_file(copy, len);
	}
	free(copy);
	free(data);
}

static void test_damaged_ends(void **state)
{
	(void)state;
	size_t len;
	unsigned char *data = make_file(&len);

	for (size_t to = 0; to < len; to += to < 200 ? 37 : 3001)
		use_file(data, to);
	free(data);
}

/* Rows that are no damage to SQLite, but nonsense to us. */
static void test_hostile_rows(void **state)
{
	(void)state;
	static const char *const rows[] = {
		"UPDATE chats SET lo=-5,hi=9223372036854775807,seq=-1,n=-3,kind=99,read_n=-1",
		"UPDATE chats SET hi=4611686018427387904,lo=300",
		"UPDATE chats SET lo=9223372036854775807,hi=1",
		"UPDATE messages SET seq=-seq",
		"UPDATE messages SET text=x'ff00c3',sender=x'80',type=''",
		"UPDATE messages SET edited=seq,type='edit'",
		"UPDATE outbox SET tick=77,pos=9223372036854775807,payload=x'00'",
		"UPDATE chats SET written=9223372036854775807,known='yes',title=x'fff0'",
		"CREATE TRIGGER t AFTER UPDATE ON chats BEGIN DELETE FROM meta; END",
		"DELETE FROM meta WHERE key='user'",
	};

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		size_t len;
		struct store *s;

		free(make_file(&len));
		with_sqlite(rows[i]);
		if (open_as(&s, "alice", "phone") == GNATTER_OK)
			use_everything(s);
		store_close(s);
		remove_file("");
		remove_file("-wal");
	}
}

/* --- a full heap, a full disk
 * -------------------------------------------------------------------- */

/* Less and less memory for SQLite: errors, no crash, and none of them is a lie. */
static void test_little_memory(void **state)
{
	(void)state;
	bool failed = false;
	bool worked = false;

	for (int64_t more = 0; more < 400000; more += 3001) {
		struct store_options o = {
			.user = "alice", .device = "phone", .bytes_max = 1 << 20, .outbox_max = 10};
		struct store *s;
		enum gnatter_error e;

		sqlite3_hard_heap_limit64(sqlite3_memory_used() + more + 1);
		e = store_open(&s, &o);
		if (e == GNATTER_OK) {
			struct gnatter_chat c = {.chat = "lobby"};

			worked = true;
			e = store_put_chat(s, &c, NULL);
			if (e != GNATTER_OK)
				failed = true;
			use_everything(s);
		} else {
			failed = true;
			assert_int_equal(e, GNATTER_ENOMEM);
		}
		store_close(s);
		sqlite3_hard_heap_limit64(0);
	}
	assert_true(failed && worked);
}

/* A full disk fails a transaction, which is rolled back; what was there stays, and goes on. */
static void test_full_disk(void **state)
{
	(void)state;
	struct rlimit was;
	struct rlimit small = {300000, 300000};
	char text[3000];
	struct store *s;
	struct kit_lines l = {0};
	enum gnatter_error e = GNATTER_OK;

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_ok(open_as(&s, "alice", "phone"));
	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "bob", "first");
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &was), 0);
	small.rlim_max = was.rlim_max;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_ok(store_begin(s, false));
	for (uint64_t seq = 2; seq < 400 && e == GNATTER_OK; seq++) {
		struct message m = kit_message("lobby", seq, "bob", text);

		e = store_append(s, &m);
	}
	assert_int_equal(store_commit(s), GNATTER_ESTORE);
	assert_true(*store_why(s));
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &was), 0);
	assert_ok(store_messages(s, "lobby", 0, 10, kit_line, &l));
	assert_string_equal(l.text, "1:first");
	kit_append(s, "lobby", 2, "bob", "second");
	store_close(s);
}

/* --- transactions
 * -------------------------------------------------------------------------------- */

static void test_transaction_is_all_or_nothing(void **state)
{
	struct store *s = *state;
	struct kit_lines l = {0};
	struct gnatter_draft d = {.id = "q", .text = "x"};
	uint32_t count;

	kit_chat(s, "lobby", 0);
	assert_ok(store_begin(s, true));
	assert_int_equal(store_begin(s, false), GNATTER_EINVAL);
	assert_int_equal(store_trim(s), GNATTER_EINVAL);
	assert_int_equal(store_queue(s, "lobby", &d, "{}", T0), GNATTER_EINVAL);
	kit_append(s, "lobby", 1, "bob", "x");
	assert_ok(store_set_synced(s));
	store_rollback(s);
	assert_true(store_is_new(s));
	assert_ok(store_messages(s, "lobby", 0, 10, kit_line, &l));
	assert_int_equal(l.count, 0);

	assert_ok(store_queue(s, "lobby", &d, "{}", T0));
	assert_ok(store_begin(s, false));
	assert_ok(store_unqueue(s, "lobby", "q", NULL));
	kit_append(s, "lobby", 1, "bob", "y");
	store_rollback(s);
	assert_ok(store_outbox_count(s, &count));
	assert_int_equal(count, 1);
	assert_ok(store_begin(s, false));
	kit_append(s, "lobby", 1, "bob", "z");
	assert_ok(store_commit(s));
	assert_ok(store_messages(s, "lobby", 0, 10, kit_line, &l));
	assert_string_equal(l.text, "1:z");
}

/* --- the limit
 * ----------------------------------------------------------------------------------- */

static void test_trim_keeps_the_file_small(void **state)
{
	(void)state;
	struct store *s;
	uint64_t seqs[2] = {0, 0};
	struct kit_row r;
	struct kit_lines l = {0};
	char text[200];

	memset(text, 't', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	assert_ok(open_as(&s, "alice", "phone")); /* 1 MiB */
	kit_chat(s, "old", 0);
	kit_chat(s, "busy", 0);
	for (int i = 0; i < 20000; i++) {
		int which = i >= 1000;

		if (i % 200 == 0)
			assert_ok(store_begin(s, false));
		seqs[which]++;
		kit_append(s, which ? "busy" : "old", seqs[which], i % 2 ? "bob" : "alice", text);
		if (i % 200 == 199) {
			assert_ok(store_commit(s));
			assert_ok(store_trim(s));
			assert_true(size_of(path) < (1 << 20) + 200000);
		}
	}
	r = kit_row(s, "old"); /* was written to longest ago: all of it is gone */
	assert_int_equal(r.c.lo, r.c.hi);
	assert_int_equal(r.c.hi, 1000);
	assert_int_equal(r.c.own_seq, 0);
	assert_int_equal(r.c.pub.seq, 1000);
	r = kit_row(s, "busy");
	assert_int_equal(r.c.hi, 19000);
	assert_true(r.c.lo > 10000 && r.c.lo < 18000);
	assert_ok(store_messages_after(s, "busy", 0, 1, kit_line, &l));
	assert_int_equal(l.last.seq, r.c.lo + 1);
	assert_ok(store_messages(s, "busy", 0, 100000, kit_line, &l));
	assert_int_equal(l.count, r.c.hi - r.c.lo + 1);
	kit_append(s, "old", 1001, "bob", "goes on");
	store_close(s);
}

static void test_trim_ends_without_messages(void **state)
{
	(void)state;
	struct store_options o = {
		.user = "alice", .device = "phone", .bytes_max = 1024, .outbox_max = 10};
	struct gnatter_profile stranger = {.user = "carol", .name = "C"};
	struct gnatter_profile contact = {.user = "bob", .alias = "b", .contact = true};
	struct store *s;

	assert_ok(store_open(&s, &o));
	kit_chat(s, "lobby", 0);
	kit_append(s, "lobby", 1, "bob", "x");
	assert_ok(store_put_profile(s, &stranger, false));
	assert_ok(store_put_profile(s, &contact, false));
	assert_ok(store_trim(s));
	assert_int_equal(kit_row(s, "lobby").c.lo, 1);
	assert_ok(store_profile(s, "bob", any_profile, NULL));
	assert_int_equal(store_profile(s, "carol", any_profile, NULL), GNATTER_ENOTFOUND);
	store_close(s);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, folder_make, folder_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_open_checks_options),
		IN_FOLDER(test_open_in_use_by_another),
		IN_FOLDER(test_open_makes_a_private_file),
		cmocka_unit_test(test_open_needs_the_folder),
		IN_FOLDER(test_open_keeps_everything),
		IN_FOLDER(test_open_owner),
		IN_FOLDER(test_open_in_use_here),
		IN_FOLDER(test_open_refuses_what_is_not_ours),
		IN_FOLDER(test_open_refuses_other_bytes),
		IN_FOLDER(test_damaged_bytes),
		IN_FOLDER(test_damaged_ends),
		IN_FOLDER(test_hostile_rows),
		cmocka_unit_test(test_little_memory),
		IN_FOLDER(test_full_disk),
		cmocka_unit_test_setup_teardown(
			test_transaction_is_all_or_nothing, kit_setup, kit_teardown),
		IN_FOLDER(test_trim_keeps_the_file_small),
		cmocka_unit_test(test_trim_ends_without_messages),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
