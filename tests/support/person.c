/* person.c — see person.h. */
#include "tests/support/person.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/support/case.h"
#include "tests/support/client.h"
#include "tests/support/instance.h"
#include "tests/support/token.h"

#define ENV_MAX 32
#define RULE    "\xe2\x94\x82"

static char *folder(struct instance *i, const char *user, const char *device, const char *what)
{
	char *home = case_printf("%s/%s-%s", i->root, user, device);
	char *path = case_printf("%s/%s", home, what);

	mkdir(home, 0700);
	mkdir(path, 0700);
	return path;
}

/* As gnatter login leaves it. */
static void sign_in(struct instance *i, const char *user, const char *device)
{
	char *dir = case_printf("%s/gnatter", folder(i, user, device, "config"));
	char *config = case_printf(
		"address tcp://127.0.0.1:%d\nuser %s\ndevice %s\n", i->port, user, device);
	const char *token = token_mint(&i->keys, &(struct token){.sub = user});

	mkdir(dir, 0700);
	spill(case_printf("%s/config", dir), config, strlen(config));
	spill(case_printf("%s/token", dir), token, strlen(token));
	chmod(case_printf("%s/token", dir), 0600);
}

static void add_env(const char *env[ENV_MAX], size_t *n, const char *const *more)
{
	for (; more && *more; more++) {
		assert_true(*n < ENV_MAX - 1);
		env[(*n)++] = *more;
	}
}

struct tmux *person_start(struct instance *i, const struct person_opts *o)
{
	const char *device = o->device ? o->device : "term";
	const char *env[ENV_MAX] = {
		case_printf("XDG_CONFIG_HOME=%s", folder(i, o->user, device, "config")),
		case_printf("XDG_STATE_HOME=%s", folder(i, o->user, device, "state")),
		"TZ=UTC",
	};
	size_t n = 3;
	struct tmux *t;

	sign_in(i, o->user, device);
	add_env(env, &n, instance_env(i, false));
	add_env(env, &n, o->env);
	t = tmux_start(&(struct tmux_opts){
		.argv = (const char *[]){build_path("gnatter"), NULL},
		.env = env,
		.folder = i->root,
		.columns = o->columns,
		.rows = o->rows,
	});
	tmux_wait(t, ">");
	return t;
}

struct tmux *person(struct instance *i, const char *user)
{
	return person_start(i, &(struct person_opts){.user = user});
}

void person_say(struct tmux *t, const char *line)
{
	tmux_type(t, line);
	tmux_key(t, "Enter");
}

void person_key(struct tmux *t, const char *key, int times)
{
	while (times-- > 0)
		tmux_key(t, key);
}

void person_quit(struct tmux *t)
{
	person_say(t, "/quit");
	assert_int_equal(tmux_wait_end(t), 0);
}

char *person_message(struct tmux *t, int row)
{
	char *s = tmux_row(t, row + 1), *rule = strstr(s, RULE);

	return rule ? rule + strlen(RULE) : s;
}

struct client *person_group(struct instance *in, const char *chat)
{
	struct client *carol = client_5(in, "carol", "foreign");

	client_requestf(carol, "chat.create", "{\"chat\":\"%s\",\"members\":[\"alice\"]}", chat);
	client_subscribe_ok(carol, case_printf("chat/%s/msg", chat), 1);
	return carol;
}
