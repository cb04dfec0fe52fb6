/* hide.c — a presence or a story that is seen by fewer: a block, a contact that is removed, privacy
 * that is narrower, an account that is disabled or goes.
 *
 * The plugin shows neither to those who may not see it, and does so from the commit on. What they
 * saw before stands on their screens: they are shown once that there is nothing. Who may still see
 * it hears nothing of that, and neither does who never could.
 */
#include "bridge/engine/internal.h"

#include <stdio.h>

static void hide_presence(struct engine *e, const struct record *r, struct bytes user,
	struct bytes viewer, enum visibility level)
{
	char topic[sizeof("presence/") + NAME_USER_MAX];
	char payload[64];
	int len = snprintf(payload, sizeof(payload), "{\"online\":false,\"ts\":%llu}",
		(unsigned long long)r->ts);

	snprintf(topic, sizeof(topic), "presence/%.*s", (int)user.len, user.data);
	outbox_hide(e->out, topic, viewer, (uint8_t)level, (struct bytes){payload, (size_t)len});
}

/* Also one that was taken back: with the block or the narrowing behind it in one commit, that went
 * to those alone who may see it after both. */
static enum err hide_story(
	struct engine *e, struct bytes user, struct bytes viewer, enum visibility level)
{
	char topic[sizeof("user//status") + NAME_USER_MAX];
	bool told;
	enum err err = story_was_told(e, user, &told);

	if (err != ERR_OK || !told)
		return err;
	snprintf(topic, sizeof(topic), "user/%.*s/status", (int)user.len, user.data);
	outbox_hide(e->out, topic, viewer, (uint8_t)level, (struct bytes){NULL, 0});
	return ERR_OK;
}

enum err hide(struct engine *e, const struct record *r, struct bytes user, enum privacy what,
	struct bytes viewer, enum visibility level)
{
	if (level == VISIBLE_NOBODY)
		return ERR_OK;
	if (what == PRIVACY_STATUS)
		return hide_story(e, user, viewer, level);
	hide_presence(e, r, user, viewer, level);
	return ERR_OK;
}

enum err hide_all(struct engine *e, const struct record *r, struct bytes user, const struct user *u)
{
	static const enum privacy shown[] = {PRIVACY_PRESENCE, PRIVACY_STATUS};
	struct bytes all = {NULL, 0};
	enum err err = ERR_OK;

	for (size_t i = 0; i < 2 && err == ERR_OK; i++)
		err = hide(e, r, user, shown[i], all, (enum visibility)u->privacy[shown[i]]);
	return err;
}
