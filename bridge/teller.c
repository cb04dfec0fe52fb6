/* teller.c — see teller.h. */
#include "bridge/teller.h"

#include "persist/keys.h"
#include "wire/effect.h"
#include "wire/logline.h"

#include <string.h>

#define IN_ONE_MESSAGE 64

void teller_flush(const struct teller *t, struct gathered *g)
{
	if (g->effects.failed)
		log_line("%u messages cannot be told: out of memory", g->count);
	else if (g->count > 0)
		t->send(t->ctx, &g->effects, g->count);
	buf_reset(&g->effects);
	g->count = 0;
}

void teller_publish(const struct teller *t, struct gathered *g, const struct telling *what)
{
	effect_encode(&g->effects, &(struct effect){.type = EFFECT_PUBLISH,
					   .topic = {what->topic, strlen(what->topic)},
					   .qos = what->qos,
					   .retain = what->retain,
					   .expiry = what->expiry,
					   .payload = what->payload});
	if (++g->count >= IN_ONE_MESSAGE)
		teller_flush(t, g);
}

enum err teller_account(struct directory_reader *r, struct bytes user, struct user *out)
{
	struct key k = key_user(user);
	struct bytes v;
	enum err err = directory_get(r, TABLE_USERS, key_bytes(&k), &v);

	return err == ERR_OK ? user_decode(out, v) : err;
}
