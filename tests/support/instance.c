/* instance.c
 *
 * The folder is /tmp/gn-XXXXXX, short enough for a unix socket below it and open to the user that
 * the broker becomes when the tests run as root. Beside the instance it holds what the processes
 * print.
 */
#include "tests/support/instance.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/client.h"
#include "tests/support/sanitize.h"

const char instance_people[] =
	"{\"user\":\"alice\",\"password\":\"wonderland\"}\n"
	"{\"user\":\"bob\",\"password\":\"builder\"}\n"
	"{\"user\":\"carol\"}\n"
	"{\"user\":\"dave\"}\n"
	"{\"user\":\"eve\"}\n"
	"{\"chat\":\"lobby\",\"title\":\"Lobby\",\"members\":[\"alice\",\"bob\","
	"\"carol\"],\"admins\":[\"alice\"]}\n";

const char *build_path(const char *name)
{
	static char folder[512];
	static char joined[4][600];
	static unsigned turn;
	char exe[512];
	ssize_t n = readlink("/proc/self/exe", exe, sizeof(exe) - 1);

	if (!folder[0] && n > 0) {
		exe[n] = '\0'; /* BUILD/tests/system/x_test */
		snprintf(folder, sizeof(folder), "%s", dirname(dirname(dirname(exe))));
	}
	turn = (turn + 1) % 4;
	snprintf(joined[turn], sizeof(joined[turn]), "%s/%s", folder, name);
	return joined[turn];
}

static struct sockaddr_in loopback(int port)
{
	return (struct sockaddr_in){.sin_family = AF_INET,
		.sin_port = htons((uint16_t)port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

int free_port(void)
{
	for (int tries = 0; tries < 1000; tries++) {
		int port = 10000 + (int)randombytes_uniform(22000);
		struct sockaddr_in a = loopback(port);
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		bool ok = bind(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

		close(fd);
		if (ok)
			return port;
	}
	case_fail("there is no free port");
}

bool port_open(int port)
{
	struct sockaddr_in a = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool ok = connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0;

	close(fd);
	return ok;
}

char *instance_path(const struct instance *i, const char *below)
{
	return case_printf("%s/%s", i->dir, below);
}

/* --- what it leaves behind ----------------------------------------------------------------- */

static void each_log(const struct instance *i, void (*fn)(const char *path, void *ctx), void *ctx)
{
	const char *folders[] = {
		i->root, case_printf("%s/log", i->dir), case_printf("%s/san", i->root)};

	for (size_t k = 0; k < COUNT(folders); k++) {
		DIR *d = opendir(folders[k]);
		struct dirent *e;

		while (d && (e = readdir(d))) {
			char *path = case_printf("%s/%s", folders[k], e->d_name);
			struct stat st;

			if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
				fn(path, ctx);
		}
		if (d)
			closedir(d);
	}
}

static void print_log(const char *path, void *ctx)
{
	(void)ctx;
	print_tail(path, 25);
}

static void report_instance(void *arg)
{
	const struct instance *i = arg;

	fprintf(stderr, "=== logs of the instance in %s (kept)\n", i->root);
	each_log(i, print_log, NULL);
}

static void append_log(const char *path, void *ctx)
{
	char **all = ctx, *text = slurp(path, NULL);

	if (text)
		*all = case_printf("%s%s", *all, text);
}

char *instance_log(const struct instance *i)
{
	char *all = case_printf("%s", "");

	each_log(i, append_log, &all);
	return all;
}

/* The last check of a test: it stops as it should, and no sanitizer has anything to say. */
static void check_instance(void *arg)
{
	struct instance *i = arg;
	char *report;

	if (!i->broken)
		instance_stop(i);
	report = sanitize_report(case_printf("%s/san", i->root));
	if (report) {
		fprintf(stderr, "%.8000s\n", report);
		case_fail("a sanitizer has reported the above");
	}
}

static void undo_instance(void *arg, bool failed)
{
	struct instance *i = arg;

	proc_kill(&i->run);
	proc_kill(&i->daemon);
	proc_kill(&i->broker);
	if (!failed && !getenv("KEEP"))
		run((const char *const[]){"rm", "-rf", i->root, NULL});
	case_forget_report(i);
}

/* --- making -------------------------------------------------------------------------------- */

struct instance *instance_folder(void)
{
	struct instance *i = case_alloc(sizeof(*i));

	if (sodium_init() < 0)
		case_fail("libsodium does not start");
	snprintf(i->root, sizeof(i->root), "/tmp/gn-XXXXXX");
	if (!mkdtemp(i->root) || chmod(i->root, 0755) != 0)
		case_fail("cannot make %s: %s", i->root, strerror(errno));
	snprintf(i->dir, sizeof(i->dir), "%s/i", i->root);
	i->port = free_port();
	case_defer(undo_instance, i);
	case_on_failure(report_instance, i);
	case_verify(check_instance, i);
	if (mkdir(case_printf("%s/san", i->root), 0777) != 0 ||
		chmod(case_printf("%s/san", i->root), 01777) != 0)
		case_fail("cannot make a folder in %s", i->root);
	return i;
}

static struct instance *create(struct instance *i, const char *lines)
{
	const char *why, *init[] = {build_path("gnatterctl"), "init", i->dir, "--port",
				 case_printf("%d", i->port), i->ws_port ? "--ws-port" : NULL,
				 case_printf("%d", i->ws_port), NULL};
	struct run r = run_spec(init, NULL, &(struct proc_spec){.env = instance_env(i, false)});

	if (r.code != 0)
		case_fail("gnatterctl init ends with %d: %s%s", r.code, r.out, r.err);
	if (jwt_load_hs256(&i->keys, instance_path(i, "keys/token.key"), &why) != ERR_OK)
		case_fail("keys/token.key: %s", why);
	if (lines)
		instance_import(i, lines);
	return i;
}

struct instance *instance_create(const char *lines)
{
	return create(instance_folder(), lines);
}

struct instance *instance_create_ws(const char *lines)
{
	struct instance *i = instance_folder();

	do {
		i->ws_port = free_port();
	} while (i->ws_port == i->port);
	return create(i, lines);
}

void instance_import(struct instance *i, const char *lines)
{
	char *file = case_printf("%s/import", i->root);

	spill(file, lines, strlen(lines));
	CTL_OK(i, "import", file);
}

/* Rewrite a file of "key value" lines: without those of `key`, and with a new one at the end. */
static void set_line(const char *path, const char *key, const char *value)
{
	char *old = slurp(path, NULL), *save = NULL;
	size_t key_len = strlen(key);
	FILE *f;

	if (!old || !(f = fopen(path, "w")))
		case_fail("cannot change %s: %s", path, strerror(errno));
	for (char *line = strtok_r(old, "\n", &save); line; line = strtok_r(NULL, "\n", &save)) {
		if (strncmp(line, key, key_len) != 0 || line[key_len] != ' ')
			fprintf(f, "%s\n", line);
	}
	fprintf(f, "%s %s\n", key, value);
	if (fclose(f) != 0)
		case_fail("cannot write %s: %s", path, strerror(errno));
}

void instance_set(struct instance *i, const char *key, const char *value)
{
	set_line(instance_path(i, "gnatter.conf"), key, value);
}

void instance_set_broker(struct instance *i, const char *key, const char *value)
{
	set_line(instance_path(i, "mosquitto.conf"), key, value);
}

/* --- starting and stopping ----------------------------------------------------------------- */

static const char *preload_too(const char *setting, const char *library)
{
	return setting ? case_printf("%s:%s", setting, library)
		       : case_printf("LD_PRELOAD=%s", library);
}

const char *const *instance_env(struct instance *i, bool preload)
{
	const char *const *san = sanitize_env(case_printf("%s/san", i->root), preload);
	const char **env, *loaded = NULL;
	size_t n = 0;

	if (!i->clock_file)
		return san;
	env = case_alloc(8 * sizeof(*env));
	for (; *san && n < 5; san++) {
		if (strncmp(*san, "LD_PRELOAD=", 11) == 0)
			loaded = *san;
		else
			env[n++] = *san;
	}
	env[n++] = preload_too(loaded, build_path("tests/clock.so"));
	env[n] = case_printf("CLOCK_FILE=%s", i->clock_file);
	return env;
}

static void undo_clock(void *arg, bool failed)
{
	(void)failed;
	munmap(arg, sizeof(int64_t));
}

int64_t *instance_clock(struct instance *i)
{
	static const int64_t zero = 0;
	int64_t *ahead;
	int fd;

	i->clock_file = case_printf("%s/clock", i->root);
	spill(i->clock_file, &zero, sizeof(zero));
	fd = open(i->clock_file, O_RDWR | O_CLOEXEC);
	ahead = mmap(NULL, sizeof(*ahead), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (fd < 0 || ahead == MAP_FAILED)
		case_fail("cannot map %s: %s", i->clock_file, strerror(errno));
	close(fd);
	case_defer(undo_clock, ahead);
	return ahead;
}

/* For the daemon: also what the test wants. */
static const char *const *daemon_env(struct instance *i)
{
	const char *const *san = instance_env(i, false);
	const char **env = case_alloc(16 * sizeof(*env));
	size_t n = 0;

	while (san[n] && n < 8) {
		env[n] = san[n];
		n++;
	}
	for (size_t k = 0; i->daemon_env && i->daemon_env[k] && n < 15; k++)
		env[n++] = i->daemon_env[k];
	return env;
}

const char *const *instance_broker_argv(struct instance *i)
{
	const char **argv = case_alloc(4 * sizeof(*argv));

	argv[0] = "mosquitto";
	argv[1] = "-c";
	argv[2] = instance_path(i, "mosquitto.conf");
	return argv;
}

const char *const *instance_daemon_argv(struct instance *i)
{
	const char **argv = case_alloc(3 * sizeof(*argv));

	argv[0] = case_printf("%s", build_path("gnatterd"));
	argv[1] = instance_path(i, "gnatter.conf");
	return argv;
}

/* A broker or daemon that ended although nobody asked it to explains itself in the logs. */
static void check_alive(struct proc *p)
{
	if (p->name[0] && p->pid && proc_ended(p))
		case_fail("%s ended with %d", p->name, proc_code(p));
}

void instance_wait_broker(struct instance *i)
{
	int64_t until = case_now_ms() + case_patience_ms();

	while (!port_open(i->port)) {
		check_alive(&i->broker);
		check_alive(&i->run);
		if (case_now_ms() > until)
			case_fail("nothing listens on port %d", i->port);
		case_pause_ms(2);
	}
}

/* Anybody's request is answered by the daemon only, so an answer means that both serve. */
void instance_wait_ready(struct instance *i)
{
	struct client *c;

	instance_wait_broker(i);
	c = client_open(i, &(struct client_opts){.user = CTL_CLIENT,
				   .client_id = CTL_CLIENT "-probe",
				   .role = "admin",
				   .version = 5});
	client_request(c, "stats", "{}");
	client_close(c);
}

void instance_start_broker(struct instance *i)
{
	struct proc_spec spec = {
		.log = case_printf("%s/broker.out", i->root), .env = instance_env(i, true)};

	proc_start(&i->broker, instance_broker_argv(i), &spec);
	instance_wait_broker(i);
}

void instance_start_daemon(struct instance *i)
{
	struct proc_spec spec = {.log = case_printf("%s/daemon.out", i->root),
		.env = daemon_env(i),
		.file_size_max = i->daemon_file_size_max};

	proc_start(&i->daemon, instance_daemon_argv(i), &spec);
}

void instance_start(struct instance *i)
{
	instance_start_broker(i);
	instance_start_daemon(i);
	instance_wait_ready(i);
}

static bool run_is_ready(void *arg)
{
	struct instance *i = arg;
	char *out = slurp(i->run.log, NULL);

	check_alive(&i->run);
	return out && (strncmp(out, "ready\n", 6) == 0 || strstr(out, "\nready\n"));
}

void instance_run(struct instance *i)
{
	struct proc_spec spec = {
		.log = case_printf("%s/run.out", i->root), .env = instance_env(i, true)};
	const char *argv[] = {build_path("gnatterctl"), "run", i->dir, NULL};

	unlink(spec.log);
	proc_start(&i->run, argv, &spec);
	if (!case_wait(run_is_ready, i))
		case_fail("gnatterctl run does not say ready");
}

void instance_kill_broker(struct instance *i)
{
	proc_kill(&i->broker);
}

void instance_kill_daemon(struct instance *i)
{
	proc_kill(&i->daemon);
}

static void stop(struct proc *p)
{
	int code;

	if (p->pid == 0)
		return;
	code = proc_terminate(p);
	if (code != 0)
		case_fail("%s ended with %d on SIGTERM", p->name, code);
}

void instance_stop_broker(struct instance *i)
{
	stop(&i->broker);
}

void instance_stop_daemon(struct instance *i)
{
	stop(&i->daemon);
}

void instance_stop(struct instance *i)
{
	stop(&i->run);
	stop(&i->daemon);
	stop(&i->broker);
}

/* --- asking -------------------------------------------------------------------------------- */

struct run ctl_in(struct instance *i, const char *const args[], const char *input)
{
	const char *argv[40] = {build_path("gnatterctl"), "-d", i->dir};
	size_t n = 3;

	while (*args && n < COUNT(argv) - 1)
		argv[n++] = *args++;
	return run_spec(argv, input, &(struct proc_spec){.env = instance_env(i, false)});
}

struct run ctl(struct instance *i, const char *const args[])
{
	return ctl_in(i, args, NULL);
}

char *ctl_ok(struct instance *i, const char *const args[])
{
	struct run r = ctl(i, args);

	if (r.code != 0)
		case_fail("gnatterctl %s %s ends with %d: %s%s", args[0], args[1] ? args[1] : "",
			r.code, r.out, r.err);
	return r.out;
}

struct counters instance_counters(const struct instance *i)
{
	struct counters c;
	enum err e = spoolfile_counters(&c, instance_path(i, "data/spool"));

	if (e != ERR_OK)
		case_fail("cannot read the spool's counters: %s", err_text(e));
	return c;
}
