/* accounts.c — user add, remove, disable, enable, password, list; kick.
 *
 * A password is hashed here, so that it travels nowhere.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "clients/gnatterctl/api.h"
#include "clients/gnatterctl/listing.h"
#include "clients/gnatterctl/password.h"
#include "clients/gnatterctl/say.h"
#include "wire/name.h"

/* Read the password that the options ask for and add its hash to the request. */
static bool put_hash(struct buf *b, const struct args *a)
{
	char password[PASSWORD_MAX + 1], hash[crypto_pwhash_STRBYTES];
	struct instance in;
	bool ok = password_read(a, password) && instance_open(&in, a->dir);

	if (ok && !password_hash(password, &in.conf, hash)) {
		fail("not enough memory to hash the password (password_memory of gnatter.conf)");
		ok = false;
	}
	sodium_memzero(password, sizeof(password));
	return ok && put_member(b, "hash", hash);
}

int command_user_add(const struct args *a)
{
	struct buf b = {0};

	buf_str(&b, "{");
	if (!put_member(&b, "user", a->operand[0]) ||
		!put_member(&b, "name", args_value(a, "name")) ||
		!put_member(&b, "role", args_value(a, "role")))
		goto fail;
	if (!name_user_ok(a->operand[0], strlen(a->operand[0]))) {
		fail("'%s' is no user name: a-z, 0-9, '.', '_', '-', at most 64, the first a "
		     "letter or digit",
			a->operand[0]);
		goto fail;
	}
	if ((args_has(a, "password") || args_has(a, "password-stdin")) && !put_hash(&b, a))
		goto fail;
	buf_str(&b, "}");
	return api_do(a, "user.add", &b, a->operand[0]);
fail:
	buf_free(&b);
	return 1;
}

int command_user_password(const struct args *a)
{
	struct buf b = {0};

	buf_str(&b, "{");
	if (!put_member(&b, "user", a->operand[0]) || !put_hash(&b, a)) {
		buf_free(&b);
		return 1;
	}
	buf_str(&b, "}");
	return api_do(a, "password.set", &b, a->operand[0]);
}

int command_user_simple(const struct args *a)
{
	char method[32] = "user.";
	struct buf b = {0};

	strncat(method, strchr(a->command->words, ' ') + 1, sizeof(method) - strlen(method) - 1);
	buf_str(&b, "{");
	if (!put_member(&b, "user", a->operand[0])) {
		buf_free(&b);
		return 1;
	}
	buf_str(&b, "}");
	return api_do(a, method, &b, a->operand[0]);
}

int command_kick(const struct args *a)
{
	struct buf b = {0};

	buf_str(&b, "{");
	if (!put_member(&b, "user", a->operand[0]) ||
		!put_member(&b, "client", args_value(a, "client"))) {
		buf_free(&b);
		return 1;
	}
	buf_str(&b, "}");
	return api_do(a, "kick", &b, a->operand[0]);
}

static bool is_true(const cJSON *user, const char *name)
{
	return cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(user, name));
}

static void print_user(const cJSON *user)
{
	const cJSON *created = cJSON_GetObjectItemCaseSensitive(user, "created");
	time_t t = cJSON_IsNumber(created) ? (time_t)(created->valuedouble / 1000) : 0;
	char date[32] = "";
	struct tm tm;

	if (t > 0 && localtime_r(&t, &tm))
		strftime(date, sizeof(date), "%Y-%m-%d %H:%M", &tm);
	listing_cell(user, "user", 24);
	listing_cell(user, "role", 8);
	printf("%-9s %-9s %-17s ", is_true(user, "disabled") ? "disabled" : "enabled",
		is_true(user, "password") ? "password" : "token", date);
	listing_cell(user, "name", 0);
	putchar('\n');
}

int command_user_list(const struct args *a)
{
	static const struct listing users = {.method = "user.list",
		.member = "users",
		.key = "user",
		.head = "USER                     ROLE     STATE     SIGNS IN  CREATED           "
			"NAME",
		.print = print_user};

	return listing_run(a, &users);
}
