/* baddisk_test.c — files, folders and disks that are not as they should be: one clear sentence,
 * nothing touched, nothing accepted lost.
 */
#include <errno.h>
#include <leveldb/c.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/history.h"
#include "tests/support/instance.h"
#include "tests/support/json.h"
#include "tests/support/load.h"

#define SENT   10
#define NOBODY 65534

/* Who is not root: nobody, if we are. */
static uid_t unprivileged(void)
{
	return geteuid() == 0 ? NOBODY : 0;
}

/* An instance that has accepted ten messages, stopped before they were stored. */
static struct instance *stopped_with_full_spool(void)
{
	struct instance *i = instance_create(instance_people);
	struct client *alice;

	instance_set(i, "spool_size", "1M");
	instance_set(i, "message_size_max", "64K");
	instance_set(i, "frame_size_max", "64K");
	instance_start(i);
	instance_stop_daemon(i);
	alice = client_5(i, "alice", "phone");
	for (int k = 0; k < SENT; k++)
		client_sendf(alice, "lobby", "{\"id\":\"k%d\",\"text\":\"kept\"}", k);
	client_close(alice);
	instance_kill_broker(i);
	return i;
}

static void expect_nothing_lost(struct instance *i)
{
	struct client *alice;
	struct history h;

	instance_start(i);
	alice = client_5(i, "alice", "phone");
	h = history_all(alice, "lobby");
	history_expect_once(&h, "alice", "k", SENT);
	assert_int_equal(h.count, SENT);
}

/* The broker with this configuration, until it ends by itself. */
static struct run run_broker(struct instance *i, int64_t file_size_max)
{
	return run_spec(instance_broker_argv(i), NULL,
		&(struct proc_spec){.env = instance_env(i, true), .file_size_max = file_size_max});
}

static struct run run_daemon(struct instance *i)
{
	return run_spec(
		instance_daemon_argv(i), NULL, &(struct proc_spec){.env = instance_env(i, false)});
}

static struct run run_ctl_run(struct instance *i)
{
	const char *argv[] = {build_path("gnatterctl"), "run", i->dir, NULL};

	return run_spec(argv, NULL, &(struct proc_spec){.env = instance_env(i, true)});
}

/* It must refuse to start, and its log must hold the words. */
static void expect_broker_refuses(struct instance *i, const char *what, const char *words)
{
	struct run r = run_broker(i, 0);

	if (r.code == 0 || r.code >= 124 || !strstr(r.err, words))
		case_fail("%s: the broker should refuse with '%s', but ends with %d: %s", what,
			words, r.code, r.err);
}

/* --- the spool ------------------------------------------------------------------------------- */

/* One way to damage a spool: of `len` bytes, *now of them are left. */
struct damage {
	const char *what;
	void (*to)(char *bytes, size_t len, size_t *now);
};

static void cut_all(char *bytes, size_t len, size_t *now)
{
	(void)bytes, (void)len;
	*now = 0;
}

static void cut_in_header(char *bytes, size_t len, size_t *now)
{
	(void)bytes, (void)len;
	*now = 100;
}

static void cut_ring(char *bytes, size_t len, size_t *now)
{
	(void)bytes, (void)len;
	*now = SPOOL_HEADER_SIZE;
}

static void cut_half(char *bytes, size_t len, size_t *now)
{
	(void)bytes;
	*now = len / 2;
}

static void cut_byte(char *bytes, size_t len, size_t *now)
{
	(void)bytes;
	*now = len - 1;
}

static void lengthen(char *bytes, size_t len, size_t *now)
{
	(void)bytes;
	*now = len + 100;
}

static struct spool_header *header(char *bytes)
{
	return (struct spool_header *)(void *)bytes;
}

static void change_version(char *bytes, size_t len, size_t *now)
{
	(void)len, (void)now;
	header(bytes)->magic++;
}

static void change_size(char *bytes, size_t len, size_t *now)
{
	(void)len, (void)now;
	header(bytes)->size /= 2;
}

static void swap_ends(char *bytes, size_t len, size_t *now)
{
	(void)len, (void)now;
	header(bytes)->tail = header(bytes)->head + 8;
}

static void overfill(char *bytes, size_t len, size_t *now)
{
	(void)len, (void)now;
	header(bytes)->head = header(bytes)->tail + header(bytes)->size + 8;
}

static void spoil_record(char *bytes, size_t len, size_t *now)
{
	(void)len, (void)now;
	memset(bytes + SPOOL_HEADER_SIZE + header(bytes)->tail % header(bytes)->size, 0xa5, 40);
}

static void spoil_all(char *bytes, size_t len, size_t *now)
{
	(void)now;
	memset(bytes, 'x', len);
}

static const struct damage damages[] = {
	{"empty", cut_all},
	{"cut off in its header", cut_in_header},
	{"without its ring", cut_ring},
	{"cut in half", cut_half},
	{"one byte short", cut_byte},
	{"too long", lengthen},
	{"of another version", change_version},
	{"with a wrong size", change_size},
	{"with its tail behind its head", swap_ends},
	{"with more in it than it holds", overfill},
	{"with a record that is none", spoil_record},
	{"all of one byte", spoil_all},
};

static void test_damaged_spool(void **state)
{
	struct instance *i = stopped_with_full_spool();
	char *path = instance_path(i, "data/spool");
	size_t len, now_len;
	char *good = slurp(path, &len), *bad = case_alloc(len + 100), *now;
	struct run r;

	(void)state;
	for (size_t k = 0; k < COUNT(damages); k++) {
		size_t bad_len = len;

		memcpy(bad, good, len);
		damages[k].to(bad, len, &bad_len);
		spill(path, bad, bad_len);
		expect_broker_refuses(i, damages[k].what, "the spool");
		now = slurp(path, &now_len);
		if (now_len != bad_len || memcmp(now, bad, bad_len) != 0)
			case_fail("a spool %s was changed", damages[k].what);
	}
	r = run_ctl_run(i); /* says it in one sentence */
	expect_sentence(&r, "move it away");
	assert_int_equal(unlink(path), 0); /* as it says */
	instance_start(i);
	instance_stop(i);
	spill(path, good, len);
	expect_nothing_lost(i);
}

/* No room for the spool: told at the start, not found out by a SIGBUS later. */
static void test_no_room_for_the_spool(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct run r = run_broker(i, 8 << 20);

	(void)state;
	if (r.code == 0 || r.code >= 124 || !strstr(r.err, "the spool"))
		case_fail("the broker should refuse, but ends with %d: %s", r.code, r.err);
	assert_int_not_equal(access(instance_path(i, "data/spool"), F_OK), 0);
	instance_start(i);
}

/* --- store and directory --------------------------------------------------------------------- */

/* Of what is kept there; not of locks and of LevelDB's own log, which every opening touches. */
static char *checksums(const char *folder)
{
	static const char script[] =
		"cd \"$1\" && find . -type f | grep -iv 'lock\\|LOG' | sort | xargs -r sha256sum";

	return run((const char *const[]){"sh", "-c", script, "sh", folder, NULL}).out;
}

/* Copy aside, damage, expect the daemon to refuse in one sentence and to touch nothing, put back.
 */
static void with_damage(
	struct instance *i, const char *folder, const char *what, const char *command)
{
	char *path = instance_path(i, folder), *aside = case_printf("%s/aside", i->root), *before;
	struct run r;

	assert_int_equal(run((const char *const[]){"cp", "-a", path, aside, NULL}).code, 0);
	r = run((const char *const[]){"sh", "-c", case_printf("cd %s && %s", path, command), NULL});
	if (r.code != 0)
		case_fail("%s: %s", what, r.err);
	before = checksums(path);
	r = run_daemon(i);
	if (r.code == 0 || r.code >= 124)
		case_fail(
			"%s: the daemon should refuse, but ends with %d: %s", what, r.code, r.err);
	expect_sentence(&r, "gnatterd: ");
	if (strcmp(before, checksums(path)) != 0)
		case_fail("%s: the daemon has changed something:\n%s\n%s", what, before,
			checksums(path));
	/* and so do the commands that would work on the files */
	r = CTL(i, "user", "list");
	if (r.code == 0 || r.err[0] == '\0')
		case_fail("%s: gnatterctl should refuse", what);
	assert_int_equal(run((const char *const[]){"rm", "-rf", path, NULL}).code, 0);
	assert_int_equal(run((const char *const[]){"mv", aside, path, NULL}).code, 0);
}

static void put_schema(const char *path, const char *value, size_t len)
{
	leveldb_options_t *o = leveldb_options_create();
	leveldb_writeoptions_t *w = leveldb_writeoptions_create();
	char *error = NULL;
	leveldb_t *db = leveldb_open(o, path, &error);
	static const char key[] =
		"x\6schema"; /* as persist/keys.h says: strings carry their length */

	if (!db)
		case_fail("cannot open the store: %s", error);
	leveldb_put(db, w, key, sizeof(key) - 1, value, len, &error);
	assert_null(error);
	leveldb_close(db);
	leveldb_options_destroy(o);
	leveldb_writeoptions_destroy(w);
}

static void test_damaged_stores(void **state)
{
	struct instance *i = stopped_with_full_spool();

	(void)state;
	with_damage(i, "data/store", "a store without CURRENT", "rm CURRENT");
	with_damage(i, "data/store", "a store with a wrong CURRENT", "echo garbage > CURRENT");
	with_damage(i, "data/store", "a store without its manifest", "rm MANIFEST-*");
	with_damage(i, "data/store", "a store with a damaged manifest",
		"for f in MANIFEST-*; do echo garbage > $f; done");
	with_damage(i, "data/store", "an empty folder for a store", "rm -rf ./*");
	with_damage(i, "data/store", "a foreign folder for a store",
		"rm -rf ./*; echo hello > letter.txt");
	with_damage(
		i, "data/store", "a store of a newer version", "echo 'gnatter store 2' > FORMAT");
	with_damage(i, "data/store", "a store of another program", "rm FORMAT");
	with_damage(i, "data/directory", "a directory of garbage",
		"head -c 100000 /dev/urandom > data.mdb");
	with_damage(i, "data/directory", "a directory cut short", "truncate -s 5000 data.mdb");
	with_damage(i, "data/directory", "an empty directory file", ": > data.mdb");
	with_damage(i, "data/directory", "no directory file", "rm data.mdb");
	expect_nothing_lost(i);
}

/* A store whose contents are of a schema that this program does not know. */
static void test_unknown_schema(void **state)
{
	struct instance *i = stopped_with_full_spool();
	char *path = instance_path(i, "data/store");
	struct run r;

	(void)state;
	put_schema(path, "\x63\0\0\0", 4);
	run((const char *const[]){
		"chown", "-R", "--reference", instance_path(i, "data"), path, NULL});
	r = run_daemon(i);
	expect_sentence(&r, "schema 99");
	put_schema(path, "\1\0\0\0", 4);
	run((const char *const[]){
		"chown", "-R", "--reference", instance_path(i, "data"), path, NULL});
	expect_nothing_lost(i);
}

/* Two daemons on one instance: the second says so. */
static void test_second_daemon(void **state)
{
	struct instance *i = instance_create(instance_people);
	struct run r;

	(void)state;
	instance_start(i);
	r = run_daemon(i);
	expect_sentence(&r, "gnatterd: ");
	client_barrier(client_5(i, "alice", "phone"));
}

/* --- configuration and keys ------------------------------------------------------------------ */

static void test_wrong_configuration(void **state)
{
	static const struct {
		const char *line, *words;
	} rows[] = {
		{"no_such_option 5", "no_such_option"}, {"rate_per_user many", "rate_per_user"},
		{"rate_per_user -1", "rate_per_user"}, {"rate_per_user", "rate_per_user"},
		{"history_page_max 0", "history_page_max"}, {"spool_size 1", "spool_size"},
		{"spool_size 1X", "spool_size"},
		{"password_cache_ttl 5 fortnights", "password_cache_ttl"},
		{"token_key_file nowhere.key", "nowhere.key"},
		{"token_public_key_file nowhere.pub", "nowhere.pub"},
		{"message_size_max 4M", "size"}, /* more than a frame can carry */
	};
	struct instance *i = instance_create(instance_people);
	char *path = instance_path(i, "gnatter.conf"), *good = slurp(path, NULL);

	(void)state;
	for (size_t k = 0; k < COUNT(rows); k++) {
		struct run r;
		char *key = case_printf("%.*s", (int)strcspn(rows[k].line, " "), rows[k].line);
		const char *value = strchr(rows[k].line, ' ') ? strchr(rows[k].line, ' ') + 1 : "";

		instance_set(i, key, value);
		if (!strstr(rows[k].line,
			    ".pub")) { /* the backend's key is the plugin's business alone */
			r = run_daemon(i);
			expect_sentence(&r, rows[k].words);
		}
		expect_broker_refuses(i, rows[k].line, rows[k].words);
		r = run_ctl_run(i);
		expect_sentence(&r, rows[k].words);
		spill(path, good, strlen(good));
	}
	instance_start(i);
}

static void test_wrong_keys(void **state)
{
	static const char *const keys[] = {"", "short", "bm90IGxvbmcgZW5vdWdo",
		"not base64 at all! not base64 at all!", "\xff\xfe\xfd"};
	struct instance *i = instance_create(instance_people);
	char *path = instance_path(i, "keys/token.key"), *good = slurp(path, NULL);
	struct run r;

	(void)state;
	for (size_t k = 0; k < COUNT(keys); k++) {
		spill(path, keys[k], strlen(keys[k]));
		r = run_daemon(i);
		expect_sentence(&r, "token.key");
		expect_broker_refuses(i, "a wrong key", "token.key");
		r = CTL(i, "token", "alice");
		expect_sentence(&r, "token.key");
	}
	spill(path, good, strlen(good));
	chmod(path, 0644);
	r = CTL(i, "token", "alice");
	expect_sentence(&r, "token.key");
	expect_broker_refuses(i, "a key that all may read", "token.key");
	chmod(path, 0600);
	instance_start(i);
}

/* --- permissions ----------------------------------------------------------------------------- */

/* Run gnatterctl as somebody who is not root. */
static struct run ctl_as_nobody(struct instance *i, const char *const argv[])
{
	return run_spec(argv, NULL,
		&(struct proc_spec){.env = instance_env(i, true), .uid = unprivileged()});
}

static void test_no_permission(void **state)
{
	struct instance *i = instance_folder();
	char *home = case_printf("%s/home", i->root), *locked = case_printf("%s/locked", i->root);
	char *dir = case_printf("%s/i", home),
	     *program = case_printf("%s", build_path("gnatterctl"));
	const char *init[] = {program, "init", dir, "--port", case_printf("%d", i->port), NULL};
	const char *init_locked[] = {program, "init", case_printf("%s/i", locked), NULL};
	const char *list[] = {program, "-d", dir, "user", "list", NULL};
	const char *start[] = {program, "run", dir, NULL};
	static const char *const parts[] = {"data", "data/store", "data/directory", "keys", "run",
		"log", "mosquitto.conf", "gnatter.conf"};
	struct run r;

	(void)state;
	mkdir(home, 0755);
	mkdir(locked, 0500);
	if (unprivileged() && chown(home, NOBODY, NOBODY) != 0)
		case_fail("chown: %s", strerror(errno));
	r = ctl_as_nobody(i, init_locked);
	if (r.code == 126 || r.code == 127) {
		print_message("skipped: nobody cannot reach %s\n", program);
		i->broken = true;
		return;
	}
	expect_sentence(&r, "locked");
	r = ctl_as_nobody(i, init);
	if (r.code != 0)
		case_fail("init: %s", r.err);
	for (size_t k = 0; k < COUNT(parts); k++) {
		char *part = case_printf("%s/%s", dir, parts[k]);
		struct stat st;

		assert_int_equal(stat(part, &st), 0);
		chmod(part, 0);
		r = ctl_as_nobody(i, start);
		chmod(part, st.st_mode & 07777);
		if (r.code == 124)
			case_fail("runs without access to %s", parts[k]);
		expect_sentence(
			&r, strcmp(parts[k], "keys") == 0 ? "cannot be read" : "ermission denied");
	}
	r = ctl_as_nobody(i, list);
	if (r.code != 0)
		case_fail("after all was put right: %s", r.err);
	/* somebody else's instance */
	chmod(home, 0700);
	if (unprivileged()) {
		r = run_spec(list, NULL, &(struct proc_spec){.uid = 1});
		expect_sentence(&r, "ermission denied");
	}
}

/* --- full disk ------------------------------------------------------------------------------- */

/* Send until the daemon gives up, then find everything that was acknowledged after there is room
 * again. */
static void fill_and_recover(struct instance *i, void (*make_room)(struct instance *i))
{
	struct load *l;
	struct client *alice;
	struct history h;
	char *said;

	l = load_start(i, &(struct load_opts){.user = "alice",
				  .device = "l",
				  .chat = "lobby",
				  .prefix = "f",
				  .version = 5,
				  .size = 20000,
				  .window = 4});
	if (!proc_wait(&i->daemon, case_patience_ms()))
		case_fail("the daemon goes on with a full disk");
	assert_int_equal(proc_code(&i->daemon), 1);
	said = slurp(case_printf("%s/daemon.out", i->root), NULL);
	assert_non_null(strstr(said, "gnatterd: "));
	load_wait(l, 5); /* the spool takes them meanwhile */
	make_room(i);
	instance_start_daemon(i);
	load_stop(l);
	instance_wait_ready(i);
	alice = client_5(i, "alice", "reader");
	h = history_all(alice, "lobby");
	history_expect_once(&h, "alice", "f", load_acked(l));
}

static void lift_limit(struct instance *i)
{
	i->daemon_file_size_max = 0;
}

/* A limit on the size of files stands in for a full disk where nothing can be mounted: writes fail,
 * half way through, when they should not. */
static void test_disk_full_by_limit(void **state)
{
	struct instance *i = instance_create(instance_people);

	(void)state;
	instance_start_broker(i);
	i->daemon_file_size_max = 2 << 20;
	instance_start_daemon(i);
	instance_wait_ready(i);
	fill_and_recover(i, lift_limit);
}

static void enlarge(struct instance *i)
{
	if (mount("none", instance_path(i, "data/store"), "tmpfs", MS_REMOUNT, "size=512m") != 0)
		case_fail("remount: %s", strerror(errno));
}

/* A real one: the store on a file system of 3 MB, mounted where only this program sees it. */
static void test_disk_full(void **state)
{
	struct instance *i = instance_create(instance_people);
	char *store = instance_path(i, "data/store"), *aside = case_printf("%s/aside", i->root);

	(void)state;
	if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0) {
		print_message("skipped: may not mount (%s)\n", strerror(errno));
		return;
	}
	assert_int_equal(run((const char *const[]){"cp", "-a", store, aside, NULL}).code, 0);
	if (mount("none", store, "tmpfs", 0, "size=3m") != 0) {
		print_message("skipped: may not mount (%s)\n", strerror(errno));
		return;
	}
	assert_int_equal(
		run((const char *const[]){"sh", "-c", "cp -a $1/. $2/", "sh", aside, store, NULL})
			.code,
		0);
	instance_start(i);
	fill_and_recover(i, enlarge);
	instance_stop(i);
	umount(store);
}

static void test_init_on_full_disk(void **state)
{
	struct instance *i = instance_folder();
	const char *argv[] = {build_path("gnatterctl"), "init", i->dir, "--port", "1883", NULL};
	struct run r = run_spec(argv, NULL,
		&(struct proc_spec){.env = instance_env(i, false), .file_size_max = 1024});

	(void)state;
	expect_sentence(&r, "too large");
	assert_int_not_equal(access(i->dir, F_OK), 0); /* nothing is left behind */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		SYSTEM(test_damaged_spool),
		SYSTEM(test_no_room_for_the_spool),
		SYSTEM(test_damaged_stores),
		SYSTEM(test_unknown_schema),
		SYSTEM(test_second_daemon),
		SYSTEM(test_wrong_configuration),
		SYSTEM(test_wrong_keys),
		SYSTEM(test_no_permission),
		SYSTEM(test_disk_full_by_limit),
		SYSTEM(test_disk_full),
		SYSTEM(test_init_on_full_disk),
	};

	return case_run_all(tests, COUNT(tests), NULL);
}
