/* store_compaction_test.c — what part of the CPU LevelDB's thread gets: what nobody else wants, and
 * more where it starves.
 *
 * Each test opens a store in a process of its own, since LevelDB's thread is the process's.
 */
#include <dirent.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/resource.h>
#include <time.h>

#include "persist/store.h"
#include "tests/unit/persist/memory_base.h"
#include "tests/unit/persist/scratch.h"

#define NICE      5
#define SKIPPED   77
#define PATIENCE  20 /* seconds */
#define PART_SIZE 1000000

static struct conf conf = {
	.store_cache_size = 1 << 20,
	.store_write_buffer_size = 4 << 20,
	.store_open_files_max = 100,
	.store_bloom_bits = 10,
};

/* --- helpers --------------------------------------------------------------------------------- */

static struct store *make(void)
{
	struct store *s;

	if (store_open(&s, in_scratch("store"), &conf, STORE_CREATE, why, sizeof(why)) != ERR_OK)
		exit(100);
	return s;
}

/* LevelDB's thread, as an operator finds it. */
static pid_t compaction(void)
{
	DIR *dir = opendir("/proc/self/task");
	struct dirent *e;
	pid_t found = 0;

	while (!found && (e = readdir(dir)) != NULL) {
		char path[300], name[32] = "";
		FILE *f;

		snprintf(path, sizeof(path), "/proc/self/task/%s/comm", e->d_name);
		f = fopen(path, "r");
		if (f && fgets(name, sizeof(name), f) && strcmp(name, "compaction\n") == 0)
			found = atoi(e->d_name);
		if (f)
			fclose(f);
	}
	closedir(dir);
	return found;
}

static int nice_of(pid_t tid)
{
	return getpriority(PRIO_PROCESS, (id_t)tid);
}

/* 5, but for who is nicer anyway and may not be less. */
static int usual_nice(void)
{
	return nice_of(0) > NICE ? nice_of(0) : NICE;
}

/* May a process like this one leave SCHED_IDLE again? One that is not needed any more tries. And
 * can it be seen whether a thread waits? */
static bool may_change(void)
{
	static const struct sched_param none = {0};
	pid_t pid = fork();

	if (pid == 0) {
		setpriority(PRIO_PROCESS, 0, NICE);
		_exit(sched_setscheduler(0, SCHED_IDLE, &none) == 0 &&
					sched_setscheduler(0, SCHED_BATCH, &none) == 0
				? 0
				: 1);
	}
	return child_end(pid) == 0 && access("/proc/self/schedstat", R_OK) == 0;
}

/* It has not done all there is to do. */
static bool at_work(pid_t tid)
{
	char path[64], line[512] = "";
	const char *at;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/self/task/%d/stat", (int)tid);
	f = fopen(path, "r");
	at = f && fgets(line, sizeof(line), f) ? strrchr(line, ')') : NULL;
	if (f)
		fclose(f);
	return at && strncmp(at, ") S", 3) != 0;
}

static bool await_policy(pid_t tid, int policy)
{
	static const struct timespec pause = {0, 5000000};

	for (int i = 0; i < PATIENCE * 200; i++) {
		if (sched_getscheduler(tid) == policy)
			return true;
		nanosleep(&pause, NULL);
	}
	return false;
}

/* --- somebody who wants a core --------------------------------------------------------------- */

static atomic_bool enough;
static int busy; /* ms of each 100 */

static void *hog(void *arg)
{
	static const struct timespec pause = {0, 1000000};
	struct timespec now;

	(void)arg;
	while (!enough) {
		clock_gettime(CLOCK_MONOTONIC, &now);
		if (now.tv_nsec / 1000000 % 100 >= busy)
			nanosleep(&pause, NULL);
	}
	return NULL;
}

static pthread_t hog_start(pid_t beside, int busy_ms)
{
	cpu_set_t allowed, one;
	pthread_t t;
	size_t cpu = 0;

	sched_getaffinity(0, sizeof(allowed), &allowed);
	while (!CPU_ISSET(cpu, &allowed))
		cpu++;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	busy = busy_ms;
	if (pthread_create(&t, NULL, hog, NULL) != 0)
		exit(101);
	pthread_setaffinity_np(t, sizeof(one), &one);
	sched_setaffinity(beside, sizeof(one), &one);
	return t;
}

/* Write MB after MB, `most` at most, until LevelDB's thread is of that policy. Is it? */
static bool write_until(struct store *s, int most, int pause_ms, pid_t tid, int policy)
{
	const struct timespec pause = {0, pause_ms * 1000000L};
	static struct memory_base empty;
	static char value[PART_SIZE];
	struct batch *b;

	memory_base_init(&empty);
	b = batch_create(&empty.base);
	for (int i = 0; i < most && sched_getscheduler(tid) != policy; i++) {
		char key[16];

		snprintf(key, sizeof(key), "%08lx", random());
		for (size_t j = 0; j < sizeof(value); j += sizeof(int))
			memcpy(value + j, &(int){(int)random()}, sizeof(int));
		batch_clear(b);
		batch_put(b, TABLE_STORE, text(key), (struct bytes){value, sizeof(value)});
		if (store_write(s, b, text(""), text(""), false, why, sizeof(why)) != ERR_OK)
			exit(102);
		nanosleep(&pause, NULL);
	}
	batch_destroy(b);
	return sched_getscheduler(tid) == policy;
}

/* --- tests ----------------------------------------------------------------------------------- */

/* While much is written and there is a core for it, the thread is idle; it is raised while there is
 * none, and when nothing is written. */
static int raised_and_lowered(int busy_ms, int most, bool while_written)
{
	struct store *s = make();
	pid_t tid = compaction();
	pthread_t other;

	if (!write_until(s, 60, 100, tid, SCHED_IDLE))
		return 1;
	other = hog_start(tid, busy_ms);
	if (!write_until(s, most, 0, tid, SCHED_BATCH) &&
		(while_written || !await_policy(tid, SCHED_BATCH)))
		return 2;
	if (nice_of(tid) != usual_nice() || !at_work(tid))
		return 3;
	enough = true;
	pthread_join(other, NULL);
	if (!write_until(s, 60, 100, tid, SCHED_IDLE))
		return 4;
	if (!await_policy(tid, SCHED_BATCH))
		return 5;
	store_close(s);
	return sched_getscheduler(tid) == SCHED_BATCH ? 0 : 6;
}

/* One table is to be written, and the core is taken. */
static int starve(void)
{
	return raised_and_lowered(100, 6, false);
}

static void test_compaction_starves(void **state)
{
	(void)state;
	if (!may_change())
		skip();
	assert_int_equal(in_child("starve", false), 0);
}

/* It runs two thirds of the time, which is not enough. */
static int fall_behind(void)
{
	return raised_and_lowered(35, 400, true);
}

static void test_compaction_falls_behind(void **state)
{
	(void)state;
	if (!may_change())
		skip();
	assert_int_equal(in_child("fall_behind", false), 0);
}

static int stay(void)
{
	static const struct rlimit none = {0, 0};
	struct store *s;
	pid_t tid;

	setrlimit(RLIMIT_NICE, &none);
	if (may_change())
		return SKIPPED; /* by a capability */
	s = make();
	tid = compaction();
	if (sched_getscheduler(tid) == SCHED_IDLE || nice_of(tid) != usual_nice())
		return 1;
	write_until(s, 20, 0, tid, SCHED_IDLE);
	store_close(s);
	return 0;
}

/* Who could not come back does not go. */
static void test_compaction_without_permission(void **state)
{
	int rc;

	(void)state;
	assert_int_equal(chmod(scratch, 0777), 0);
	rc = in_child("stay", true);
	if (rc == SKIPPED)
		skip();
	assert_int_equal(rc, 0);
}

#define IN_SCRATCH(f) cmocka_unit_test_setup_teardown(f, scratch_make, scratch_remove)

static const struct child children[] = {
	{"starve", starve},
	{"fall_behind", fall_behind},
	{"stay", stay},
	{NULL, NULL},
};

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		IN_SCRATCH(test_compaction_starves),
		IN_SCRATCH(test_compaction_falls_behind),
		IN_SCRATCH(test_compaction_without_permission),
	};

	CHILD_MAIN(argc, argv, children);
	cmocka_set_test_filter(getenv("ONLY"));
	return cmocka_run_group_tests_name("store_compaction", tests, NULL, NULL);
}
