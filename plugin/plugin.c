/* plugin.c — the entry points of gnatter.so. See plugin.h for the parts.
 *
 * Building up is a list of steps, each of which says in one sentence what is wrong; taking down
 * takes whatever was built. A plugin that cannot be built keeps the broker from starting: a chat
 * server that lets everybody in, or takes messages that it cannot keep, is worse than none.
 */
#include "plugin.h"

#include <sodium.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "hooks.h"
#include "wire/version.h"

#define OPTION "config" /* plugin_opt_config in mosquitto.conf */

/* There is one spool, so there is one of us. */
static struct plugin *the_one;

__attribute__((format(printf, 1, 2))) static bool fail(const char *fmt, ...)
{
	char sentence[1024];
	va_list args;

	va_start(args, fmt);
	vsnprintf(sentence, sizeof(sentence), fmt, args);
	va_end(args);
	mosquitto_log_printf(MOSQ_LOG_ERR, "gnatter: %s", sentence);
	return false;
}

static bool read_options(struct plugin *p, const struct mosquitto_opt *options, int count)
{
	const char *path = NULL;
	char why[512];

	for (int i = 0; i < count; i++) {
		if (strcmp(options[i].key, OPTION) != 0)
			return fail("mosquitto.conf has an unknown option plugin_opt_%s; there is "
				    "only plugin_opt_" OPTION,
				options[i].key);
		if (path)
			return fail("mosquitto.conf has plugin_opt_" OPTION " twice");
		path = options[i].value;
	}
	if (!path)
		return fail("mosquitto.conf lacks plugin_opt_" OPTION ", the path of gnatter.conf");
	if (strlen(path) >= sizeof(p->conf_path))
		return fail("the path in plugin_opt_" OPTION " is too long");
	strcpy(p->conf_path, path);
	return conf_load(&p->conf, path, why, sizeof(why)) == ERR_OK || fail("%s", why);
}

static bool read_keys(struct plugin *p)
{
	const struct conf *c = &p->conf;
	const char *why = NULL;

	if (jwt_load_hs256(&p->door.keys, c->token_key_file, &why) != ERR_OK)
		return fail("the key %s: %s", c->token_key_file, why);
	if (c->token_public_key_file[0] != '\0' &&
		jwt_load_eddsa(&p->door.keys, c->token_public_key_file, &why) != ERR_OK)
		return fail("the key %s: %s", c->token_public_key_file, why);
	return true;
}

static bool open_directory(struct plugin *p)
{
	char path[CONF_PATH_MAX + 16], why[512];

	conf_directory_path(&p->conf, path);
	return directory_open(&p->directory, path, 0, DIRECTORY_READ, why, sizeof(why)) == ERR_OK ||
	       fail("%s", why);
}

static bool open_spool(struct plugin *p)
{
	uint64_t size = (uint64_t)p->conf.spool_size;
	char path[CONF_PATH_MAX + 16], why[1024];

	conf_spool_path(&p->conf, path);
	if (spool_open(&p->spool, path, size, why, sizeof(why)) != ERR_OK)
		return fail("%s", why);
	if (spool_size(p->spool) != size)
		mosquitto_log_printf(MOSQ_LOG_NOTICE,
			"gnatter: the spool keeps its size of %llu bytes until the broker is "
			"started with it empty",
			(unsigned long long)spool_size(p->spool));
	p->counters = spool_counters(p->spool);
	p->counters->connections = 0;
	p->counters->bridge_connected = 0;
	return true;
}

static bool build_parts(struct plugin *p)
{
	enum err e = facts_create(&p->facts, p->directory, p->counters);

	if (e != ERR_OK)
		return fail("the directory cannot be read: %s", err_text(e));
	p->access = access_create(p->facts);
	p->conns = conns_create();
	p->door.facts = p->facts;
	p->door.passwords = passwords_create(&p->conf);
	if (!p->access || !p->conns || !p->door.passwords)
		return fail("out of memory");
	return true;
}

static bool build(struct plugin *p, const struct mosquitto_opt *options, int count)
{
	if (sodium_init() < 0)
		return fail("libsodium cannot be used");
	if (!broker_suffices())
		return fail("this build of mosquitto does not let plugins read MQTT 5 properties; "
			    "take that of Debian, or 2.1");
	hash_init();
	if (!read_options(p, options, count) || !read_keys(p) || !open_directory(p) ||
		!open_spool(p) || !build_parts(p))
		return false;
	if (hooks_register(p) != MOSQ_ERR_SUCCESS)
		return fail("the broker does not take this plugin's hooks");
	roll_start(p);
	mosquitto_log_printf(MOSQ_LOG_INFO, "gnatter: version %s", SERVER_VERSION);
	return true;
}

static void destroy(struct plugin *p)
{
	if (!p)
		return;
	hooks_unregister(p);
	link_finish(&p->link);
	conns_destroy(p->conns);
	passwords_destroy(p->door.passwords);
	access_destroy(p->access);
	facts_destroy(p->facts);
	if (p->counters) {
		p->counters->connections = 0;
		p->counters->bridge_connected = 0;
	}
	spool_close(p->spool);
	if (p->directory)
		directory_close(p->directory);
	sodium_memzero(&p->door.keys, sizeof(p->door.keys));
	free(p);
}

__attribute__((visibility("default"))) int mosquitto_plugin_version(
	int supported_version_count, const int *supported_versions)
{
	for (int i = 0; i < supported_version_count; i++) {
		if (supported_versions[i] == MOSQ_PLUGIN_VERSION)
			return MOSQ_PLUGIN_VERSION;
	}
	return -1;
}

__attribute__((visibility("default"))) int mosquitto_plugin_init(mosquitto_plugin_id_t *identifier,
	void **userdata, struct mosquitto_opt *options, int option_count)
{
	struct plugin *p;

	*userdata = NULL;
	if (the_one) {
		fail("the plugin is loaded twice; name it once in mosquitto.conf, with "
		     "per_listener_settings false");
		return MOSQ_ERR_INVAL;
	}
	p = calloc(1, sizeof(*p));
	if (!p)
		return MOSQ_ERR_NOMEM;
	p->broker = identifier;
	if (!build(p, options, option_count)) {
		destroy(p);
		return MOSQ_ERR_INVAL;
	}
	the_one = p;
	*userdata = p;
	return MOSQ_ERR_SUCCESS;
}

__attribute__((visibility("default"))) int mosquitto_plugin_cleanup(
	void *userdata, struct mosquitto_opt *options, int option_count)
{
	(void)options;
	(void)option_count;
	if (userdata == the_one)
		the_one = NULL;
	destroy(userdata);
	return MOSQ_ERR_SUCCESS;
}
