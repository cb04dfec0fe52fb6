/* init.c — gnatterctl init: make an instance, all of it or nothing.
 *
 * As root the instance is given to the owner of DIR if it was there already and is not root's, else
 * to the user mosquitto, as which Debian's broker runs. If that user cannot reach the place, the
 * plugin and the daemon, the instance is root's, and broker and daemon run as root.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/broker_conf.h"
#include "clients/gnatterctl/command.h"
#include "clients/gnatterctl/files.h"
#include "clients/gnatterctl/password.h"
#include "clients/gnatterctl/programs.h"
#include "clients/gnatterctl/say.h"
#include "wire/json.h"
#include "wire/jwt.h"
#include "wire/utf8.h"

#define BROKER_USER       "mosquitto"
#define MQTT_PORT         1883
#define BRIDGE_PORT_FIRST 18830 /* for the daemon, where a unix socket cannot be */
#define BRIDGE_PORTS      100
#define KEY_BYTES         JWT_HS256_KEY_MIN

struct init {
	struct instance in;
	char plugin[PATH_MAX], daemon[PATH_MAX];
	long port, ws_port, bridge_port;
	const struct passwd *owner;
	bool made_dir;   /* else it was there, empty, */
	struct stat was; /* like this */
};

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = number;
}

/* An interruption ends a child that runs at that moment, and is seen here between steps: what was
 * made is removed again either way. */
static void catch_signals(void)
{
	struct sigaction act = {.sa_handler = on_signal};

	sigaction(SIGINT, &act, NULL);
	sigaction(SIGTERM, &act, NULL);
	sigaction(SIGHUP, &act, NULL);
}

static bool is_empty(const char *dir)
{
	DIR *d = opendir(dir);
	const struct dirent *entry;
	bool empty = d != NULL;

	if (!d)
		fail("%s exists, but cannot be opened as a directory: %s", dir, strerror(errno));
	while (empty && (entry = readdir(d)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (d && !empty)
		fail("%s exists and is not empty", dir);
	if (d)
		closedir(d);
	return empty;
}

/* Make the directory, or find it empty, and know its absolute path. */
static bool take_dir(struct init *i, const char *dir)
{
	char real[PATH_MAX];

	if (mkdir(dir, 0750) == 0) {
		i->made_dir = true;
	} else if (errno != EEXIST) {
		fail("cannot make the directory %s: %s", dir, strerror(errno));
		return false;
	} else if (!is_empty(dir) || stat(dir, &i->was) != 0) {
		return false;
	}
	if (!realpath(dir, real)) {
		fail("cannot open %s: %s", dir, strerror(errno));
		return false;
	}
	/* The paths of its parts must fit, and the broker reads them from lines of UTF-8. */
	if (strlen(real) + 32 >= sizeof(i->in.dir)) {
		fail("the path %s is too long", real);
		return false;
	}
	memcpy(i->in.dir, real, strlen(real) + 1);
	if (strpbrk(real, "\n\r") || !utf8_ok(real, strlen(real), NULL)) {
		fail("the path of an instance must be UTF-8 without line ends");
		return false;
	}
	return true;
}

/* Can that user use the program's files and come to the directory's place? Tried as that user. */
static bool user_reaches(const struct init *i, const struct passwd *pw)
{
	int status = 1;
	pid_t pid = fork();

	if (pid == 0) {
		char parent[CONF_PATH_MAX], *slash;

		memcpy(parent, i->in.dir, sizeof(parent));
		slash = strrchr(parent, '/');
		*(slash == parent ? slash + 1 : slash) = '\0';
		_exit(!become_user(pw->pw_uid, pw->pw_gid) || access(parent, X_OK) != 0 ||
			access(i->plugin, R_OK) != 0 || access(i->daemon, X_OK) != 0);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

static bool choose_owner(struct init *i)
{
	const struct passwd *pw = NULL;
	struct stat st;

	if (geteuid() == 0 && stat(i->in.dir, &st) == 0)
		pw = st.st_uid == 0 ? getpwnam(BROKER_USER) : getpwuid(st.st_uid);
	i->owner = pw && user_reaches(i, pw) ? pw : getpwuid(geteuid());
	if (!i->owner)
		fail("the user with the number %u has no name", geteuid());
	return i->owner != NULL;
}

static bool make_dirs(const struct init *i)
{
	static const struct {
		const char *name;
		mode_t mode;
	} dirs[] = {{"keys", 0700}, {"data", 0700}, {"data/broker", 0700}, {"run", 0750},
		{"log", 0750}};
	char path[PATH_SIZE];

	for (size_t d = 0; d < sizeof(dirs) / sizeof(*dirs); d++)
		if (!instance_path(&i->in, dirs[d].name, path) || !make_dir(path, dirs[d].mode))
			return false;
	return true;
}

static bool make_key(const struct init *i)
{
	unsigned char key[KEY_BYTES];
	char text[sodium_base64_ENCODED_LEN(KEY_BYTES, sodium_base64_VARIANT_ORIGINAL) + 1];
	char path[PATH_SIZE];
	bool ok;

	randombytes_buf(key, sizeof(key));
	sodium_bin2base64(text, sizeof(text), key, sizeof(key), sodium_base64_VARIANT_ORIGINAL);
	strcat(text, "\n");
	ok = instance_path(&i->in, "keys/token.key", path) &&
	     write_new_file(path, 0600, text, strlen(text));
	sodium_memzero(key, sizeof(key));
	sodium_memzero(text, sizeof(text));
	return ok;
}

/* Where the daemon meets the broker: a unix socket, or where its path would be too long, a port. */
static bool choose_bridge(struct init *i)
{
	char path[PATH_SIZE];

	if (!instance_path(&i->in, "run/broker.sock", path))
		return false;
	if (broker_conf_socket_ok(path))
		return true;
	for (long p = BRIDGE_PORT_FIRST; p < BRIDGE_PORT_FIRST + BRIDGE_PORTS; p++)
		if (p != i->port && p != i->ws_port && port_free("127.0.0.1", (uint16_t)p)) {
			i->bridge_port = p;
			return true;
		}
	fail("the path %s cannot be a unix socket, and no port from %d on is free instead", path,
		BRIDGE_PORT_FIRST);
	return false;
}

static bool write_broker_conf(const struct init *i)
{
	const struct broker_conf_values values = {.dir = i->in.dir,
		.user = i->owner->pw_name,
		.plugin = i->plugin,
		.port = (uint16_t)i->port,
		.ws_port = (uint16_t)i->ws_port,
		.bridge_port = (uint16_t)i->bridge_port};
	struct buf text = {0};
	char path[PATH_SIZE];
	bool ok;

	broker_conf_write(&text, &values);
	if (text.failed)
		need(NULL);
	ok = instance_path(&i->in, "mosquitto.conf", path) &&
	     write_new_file(path, 0640, text.data, text.len);
	buf_free(&text);
	return ok;
}

static bool write_gnatter_conf(struct init *i)
{
	char path[PATH_SIZE], *text = NULL, why[1024];
	size_t len = 0;
	FILE *out = need(open_memstream(&text, &len));
	bool ok;

	if (conf_defaults(&i->in.conf, i->in.dir) != ERR_OK) {
		fclose(out);
		free(text);
		fail("the path %s is too long", i->in.dir);
		return false;
	}
	if (i->bridge_port)
		snprintf(i->in.conf.broker, sizeof(i->in.conf.broker), "127.0.0.1:%ld",
			i->bridge_port);
	conf_print(&i->in.conf, out);
	if (fclose(out) != 0)
		need(NULL);
	ok = instance_path(&i->in, "gnatter.conf", path) && write_new_file(path, 0640, text, len);
	free(text);
	/* Read it back: from here on everybody takes the values from the file. */
	if (ok && conf_load(&i->in.conf, path, why, sizeof(why)) != ERR_OK) {
		fail("%s", why);
		ok = false;
	}
	return ok;
}

/* gnatterd --init: it says itself what goes wrong. */
static bool make_stores(const struct init *i)
{
	char conf[PATH_SIZE];
	int status = 0;
	pid_t pid;

	if (!instance_path(&i->in, "gnatter.conf", conf))
		return false;
	pid = fork();
	if (pid == 0) {
		execl(i->daemon, i->daemon, "--init", conf, (char *)NULL);
		fail("cannot start %s: %s", i->daemon, strerror(errno));
		_exit(127);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid > 0 && WIFEXITED(status))
		return WEXITSTATUS(status) == 0;
	if (!interrupted && pid > 0)
		fail("%s --init was ended by signal %d (%s); is the disk full?", i->daemon,
			WTERMSIG(status), strsignal(WTERMSIG(status)));
	else if (!interrupted)
		fail("cannot start %s: %s", i->daemon, strerror(errno));
	return false;
}

/* alice, bob and carol, who have the password "demo", and their group. */
static bool add_demo(const struct init *i)
{
	char hash[crypto_pwhash_STRBYTES];
	struct buf b = {0};
	struct api *api = NULL;
	cJSON *answer = NULL;
	bool ok = false;

	if (!password_hash("demo", &i->in.conf, hash)) {
		fail("not enough memory to hash a password");
		return false;
	}
	buf_str(&b, "{\"lines\":[");
	for (const char *const *u = (const char *const[]){"alice", "bob", "carol", NULL}; *u; u++)
		buf_printf(&b, "{\"user\":\"%s\",\"hash\":\"%s\"},", *u, hash);
	buf_str(&b, "{\"chat\":\"lobby\",\"title\":\"Lobby\",\"members\":[\"bob\",\"carol\"],"
		    "\"admins\":[\"alice\"]}]}");
	if (api_open(&api, &i->in))
		answer = api_call(api, "import", b.data, b.len);
	if (answer) {
		const cJSON *done = cJSON_GetObjectItemCaseSensitive(answer, "done");

		ok = cJSON_IsNumber(done) && done->valueint == 4;
		if (!ok)
			fail("the demo accounts could not be added: %s",
				api_error(answer) ? api_error(answer) : "refused");
	}
	cJSON_Delete(answer);
	api_close(api);
	buf_free(&b);
	return ok;
}

static bool make(struct init *i, bool demo)
{
	bool ok = make_dirs(i) && make_key(i) && choose_bridge(i) && write_broker_conf(i) &&
		  write_gnatter_conf(i);

	if (ok && i->owner->pw_uid != geteuid())
		ok = give_tree(i->in.dir, i->owner->pw_uid, i->owner->pw_gid);
	ok = ok && !interrupted && make_stores(i);
	ok = ok && !interrupted && (!demo || add_demo(i));
	return ok && !interrupted;
}

int command_init(const struct args *a)
{
	struct init i = {.port = MQTT_PORT};
	bool ok;

	if (!args_number(a, "port", 1, UINT16_MAX, &i.port) ||
		!args_number(a, "ws-port", 1, UINT16_MAX, &i.ws_port))
		return 1;
	if (i.port == i.ws_port)
		return fail("--port and --ws-port must differ");
	umask(0027);
	catch_signals();
	if (!programs_plugin(i.plugin) || !programs_daemon(i.daemon) ||
		!take_dir(&i, a->operand[0])) {
		if (i.made_dir)
			rmdir(a->operand[0]);
		return 1;
	}
	ok = choose_owner(&i) && make(&i, args_has(a, "demo"));
	if (!ok) {
		if (remove_tree(i.in.dir, i.made_dir) && !i.made_dir &&
			chown(i.in.dir, i.was.st_uid, i.was.st_gid) != 0)
			note("%s belongs to another user now", i.in.dir);
		return interrupted ? fail("interrupted; nothing was made") : 1;
	}
	printf("%s is an instance now; gnatterctl run %s starts it\n", i.in.dir, a->operand[0]);
	return 0;
}
