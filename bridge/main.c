/* main.c — gnatterd: the bridge daemon. It keeps the chats of one instance, tied to the plugin in
 * the broker by one MQTT connection. docs/architecture.md says how it works.
 *
 *   gnatterd CONF           the daemon
 *   gnatterd --init CONF    make an empty store and directory
 *   gnatterd --apply CONF   carry out requests from standard input, with no daemon running
 *   gnatterd --version      say which version this is
 */
#include "bridge/daemon.h"
#include "bridge/instance.h"
#include "bridge/offline.h"
#include "wire/hashmap.h"
#include "wire/logline.h"
#include "wire/version.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

typedef enum err mode_fn(struct instance *i, char *why, size_t why_size);

static enum err run(struct instance *i, char *why, size_t why_size)
{
	enum err err;

	daemon_prepare();
	err = instance_open(i, why, why_size);
	return err == ERR_OK ? daemon_run(i, why, why_size) : err;
}

static enum err apply(struct instance *i, char *why, size_t why_size)
{
	enum err err = instance_open(i, why, why_size);

	return err == ERR_OK ? offline_apply(i, why, why_size) : err;
}

static const struct {
	const char *name, *arguments, *help;
	mode_fn *mode;
} modes[] = {
	{"", "CONF", "run the daemon of the instance that has this gnatter.conf", run},
	{"--init", "CONF", "make an empty store and directory", instance_create},
	{"--apply", "CONF",
		"carry out requests (JSON lines) from standard input, with no daemon running",
		apply},
};
#define MODES (sizeof(modes) / sizeof(*modes))

static int usage(FILE *out)
{
	for (size_t i = 0; i < MODES; i++)
		fprintf(out, "%s gnatterd %s%s%s\n        %s\n", i == 0 ? "usage:" : "      ",
			modes[i].name, modes[i].name[0] ? " " : "", modes[i].arguments,
			modes[i].help);
	fprintf(out, "       gnatterd --version\n");
	return out == stdout ? 0 : 2;
}

static int work(mode_fn *mode, const char *conf)
{
	struct instance i;
	char why[1024] = "";
	enum err err = instance_load(&i, conf, why, sizeof(why));

	if (err == ERR_OK)
		err = instance_lock(&i, why, sizeof(why));
	if (err == ERR_OK)
		err = mode(&i, why, sizeof(why));
	instance_close(&i);
	if (err == ERR_OK)
		return 0;
	log_line("%s", why[0] ? why : err_text(err));
	return 1;
}

int main(int argc, char **argv)
{
	log_name("gnatterd");
	if (sodium_init() < 0) {
		log_line("libsodium does not start");
		return 1;
	}
	hash_init();
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return usage(stdout);
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return puts("gnatterd " SERVER_VERSION) < 0;
	if (argc == 2 && argv[1][0] != '-') {
		log_with_time();
		return work(modes[0].mode, argv[1]);
	}
	for (size_t i = 1; argc == 3 && i < MODES; i++)
		if (strcmp(argv[1], modes[i].name) == 0)
			return work(modes[i].mode, argv[2]);
	return usage(stderr);
}
