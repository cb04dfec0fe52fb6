/* store_compaction.c — see store_compaction.h.
 *
 * The thread is found by its name in /proc/self/task, where it stands, too, whether it could run
 * and how long it waited for a core. The watcher takes no lock of LevelDB's, since the one who
 * starves may hold it; the number of tables is read by the thread that writes.
 */
#include "persist/store_compaction.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NAME "compaction"

/* With both cores taken by others, writes wait 0.02 s at most for compaction at 5, as at 0; at 7 it
 * falls behind and they wait 1 s, at 10 they wait 8 s. */
#define NICE 5

#define NS_PER_MS 1000000

#define LOOK_MS     100
#define RAISED_MS   2000              /* so long it is of nice 5, at least */
#define QUIET_MS    1000              /* without work: nobody looks any more, and it is raised */
#define WROTE_BYTES ((size_t)1 << 20) /* after so many somebody looks again */

/* Tables of level 0. LevelDB merges them when there are 4, makes writes wait 1 ms each when there
 * are 8, and lets none through when there are 12. */
#define PILED   7
#define CLEARED 4

struct task {
	bool could_run;
	int64_t ran_ns, waited_ns; /* for a core, up to when it got one last */
	long turns;                /* on a core */
};

struct compaction {
	leveldb_t *db;
	pid_t tid; /* of LevelDB's thread */
	size_t wrote;
	atomic_bool piled;

	pthread_t watcher;
	pthread_mutex_t lock; /* only to sleep and to wake */
	pthread_cond_t woken;
	atomic_bool awake, wanted, ending;

	bool raised; /* the watcher's, as what follows */
	int raised_ms, quiet_ms;
	int stat_fd, schedstat_fd;
	struct task task;  /* as it was when it was looked at last, ... */
	int64_t looked_ns; /* ... then */
};

/* --- LevelDB's thread ------------------------------------------------------------------------ */

static int open_of(pid_t tid, const char *name)
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)tid, name);
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* What stands there now, as a string. No memory is taken, whose lock the one who starves may hold.
 */
static bool read_of(int fd, char *text, size_t size)
{
	ssize_t got = fd >= 0 ? pread(fd, text, size - 1, 0) : -1;

	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

/* proc(5): "PID (NAME) STATE ..."; and the kernel's sched-stats: three numbers. */
static bool read_task(const struct compaction *c, struct task *out)
{
	char text[512];
	const char *at;

	if (!read_of(c->stat_fd, text, sizeof(text)) || !(at = strrchr(text, ')')))
		return false;
	out->could_run = strncmp(at, ") R", 3) == 0;
	return read_of(c->schedstat_fd, text, sizeof(text)) &&
	       sscanf(text, "%" SCNd64 " %" SCNd64 " %ld", &out->ran_ns, &out->waited_ns,
		       &out->turns) == 3;
}

static bool has_name(pid_t tid)
{
	char name[32];
	int fd = open_of(tid, "comm");
	bool same = read_of(fd, name, sizeof(name)) && strcmp(name, NAME "\n") == 0;

	if (fd >= 0)
		close(fd);
	return same;
}

/* The one that has that name and is not the caller; 0 if there is none. */
static pid_t find_thread(void)
{
	pid_t self = (pid_t)syscall(SYS_gettid), found = 0;
	DIR *dir = opendir("/proc/self/task");
	const struct dirent *e;

	while (dir && !found && (e = readdir(dir)) != NULL) {
		pid_t tid = (pid_t)strtol(e->d_name, NULL, 10);

		if (tid > 0 && tid != self && has_name(tid))
			found = tid;
	}
	if (dir)
		closedir(dir);
	return found;
}

static bool set_policy(pid_t tid, int policy)
{
	static const struct sched_param none = {0};

	return sched_setscheduler(tid, policy, &none) == 0;
}

/* --- may one? -------------------------------------------------------------------------------- */

/* To leave SCHED_IDLE takes the permission to lower a nice value to the thread's. That is tried, on
 * a thread that is not needed: as SCHED_IDLE it could starve itself. */
static void *try_it(void *arg)
{
	bool *may = arg;
	int nice = getpriority(PRIO_PROCESS, 0);

	*may = nice < 19 && setpriority(PRIO_PROCESS, 0, nice + 1) == 0 &&
	       setpriority(PRIO_PROCESS, 0, nice) == 0;
	return NULL;
}

/* The caller is as nice as LevelDB's thread, and so is the one that tries. */
static bool may_change(void)
{
	pthread_t t;
	bool may = false;

	if (pthread_create(&t, NULL, try_it, &may) != 0)
		return false;
	pthread_join(t, NULL);
	return may;
}

/* --- watching -------------------------------------------------------------------------------- */

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 * NS_PER_MS + t.tv_nsec;
}

static void set_raised(struct compaction *c, bool raised)
{
	c->raised_ms = 0;
	if (set_policy(c->tid, raised ? SCHED_BATCH : SCHED_IDLE))
		c->raised = raised;
}

/* It could have run for that time and did not, or waited four fifths of it. */
static bool starves(const struct task *was, const struct task *is, int64_t passed_ns)
{
	if (!was->could_run || !is->could_run)
		return false;
	return is->turns == was->turns ? is->ran_ns == was->ran_ns
				       : is->waited_ns - was->waited_ns >= passed_ns / 5 * 4;
}

static void look(struct compaction *c)
{
	struct task is, was = c->task;
	int64_t was_ns = c->looked_ns;
	bool seen = read_task(c, &is);

	c->looked_ns = now_ns();
	if (seen) {
		c->task = is;
		c->quiet_ms = is.could_run || is.turns != was.turns ? 0 : c->quiet_ms + LOOK_MS;
	}
	if (c->quiet_ms >= QUIET_MS)
		c->piled = false; /* or it would be at work */
	if (!seen || c->piled || starves(&was, &is, c->looked_ns - was_ns))
		set_raised(c, true);
	else if (c->raised && (c->raised_ms += LOOK_MS) >= RAISED_MS)
		set_raised(c, false);
}

static void wait_a_little(struct compaction *c)
{
	int64_t until_ns = now_ns() + LOOK_MS * NS_PER_MS;
	struct timespec t = {until_ns / 1000 / NS_PER_MS, until_ns % (1000LL * NS_PER_MS)};

	while (!c->ending && pthread_cond_timedwait(&c->woken, &c->lock, &t) == 0)
		continue;
}

/* While nobody looks, it does not starve. */
static void doze(struct compaction *c)
{
	set_raised(c, true);
	while (!c->wanted && !c->ending)
		pthread_cond_wait(&c->woken, &c->lock);
	c->awake = true;
	if (!c->ending && read_task(c, &c->task))
		set_raised(c, c->piled);
	c->looked_ns = now_ns();
}

/* Wait until it is time to look again. False if there is nothing more to do. */
static bool await_turn(struct compaction *c)
{
	pthread_mutex_lock(&c->lock);
	c->awake = c->quiet_ms < QUIET_MS;
	if (!c->awake)
		doze(c);
	wait_a_little(c);
	pthread_mutex_unlock(&c->lock);
	return !c->ending;
}

static void *run(void *arg)
{
	struct compaction *c = arg;

	while (await_turn(c)) {
		if (atomic_exchange(&c->wanted, false))
			c->quiet_ms = 0;
		look(c);
	}
	return NULL;
}

static void wake(struct compaction *c)
{
	pthread_mutex_lock(&c->lock);
	pthread_cond_signal(&c->woken);
	pthread_mutex_unlock(&c->lock);
}

void compaction_wake(struct compaction *c)
{
	if (!c)
		return;
	c->wanted = true;
	if (!c->awake)
		wake(c);
}

void compaction_wrote(struct compaction *c, size_t bytes)
{
	char *tables;

	if (!c || (c->wrote += bytes) < WROTE_BYTES)
		return;
	c->wrote = 0;
	compaction_wake(c);
	tables = leveldb_property_value(c->db, "leveldb.num-files-at-level0");
	if (tables) {
		long n = strtol(tables, NULL, 10);

		c->piled = n >= PILED || (c->piled && n > CLEARED);
	}
	leveldb_free(tables);
}

/* --- life ------------------------------------------------------------------------------------ */

void compaction_prepare(void)
{
	pthread_setname_np(pthread_self(), NAME);
	setpriority(PRIO_PROCESS, 0, NICE);
}

static void close_files(struct compaction *c)
{
	if (c->stat_fd >= 0)
		close(c->stat_fd);
	if (c->schedstat_fd >= 0)
		close(c->schedstat_fd);
}

static bool start_watcher(struct compaction *c)
{
	pthread_condattr_t monotonic;
	bool started;

	pthread_mutex_init(&c->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&c->woken, &monotonic);
	pthread_condattr_destroy(&monotonic);
	started = pthread_create(&c->watcher, NULL, run, c) == 0;
	if (!started) {
		set_policy(c->tid, SCHED_BATCH);
		pthread_cond_destroy(&c->woken);
		pthread_mutex_destroy(&c->lock);
	}
	return started;
}

static bool start(struct compaction *c)
{
	bool started;

	c->tid = find_thread();
	if (c->tid == 0)
		return false;
	c->stat_fd = open_of(c->tid, "stat");
	c->schedstat_fd = open_of(c->tid, "schedstat");
	c->looked_ns = now_ns();
	started = read_task(c, &c->task) && c->task.ran_ns > 0 && set_policy(c->tid, SCHED_IDLE) &&
		  start_watcher(c);
	if (!started)
		close_files(c);
	return started;
}

struct compaction *compaction_watch(leveldb_t *db)
{
	static const char nothing[] = {0};
	struct compaction *c = NULL;

	leveldb_compact_range(db, nothing, 1, nothing, 1); /* an empty range */
	pthread_setname_np(pthread_self(), "watcher");     /* hands that down, too */
	if (may_change())
		c = calloc(1, sizeof(*c));
	if (!c)
		return NULL;
	c->db = db;
	if (start(c))
		return c;
	free(c);
	return NULL;
}

void compaction_end(struct compaction *c)
{
	if (!c)
		return;
	c->ending = true;
	wake(c);
	pthread_join(c->watcher, NULL);
	set_raised(c, true);
	close_files(c);
	pthread_cond_destroy(&c->woken);
	pthread_mutex_destroy(&c->lock);
	free(c);
}
