/* presence_sweep.c — once through everything that a new broker may retain of former times: stories,
 * everybody who was ever seen, devices. A page at a time, when nothing else is due.
 */
#include "bridge/presence_internal.h"

#include "bridge/clock.h"
#include "persist/values.h"
#include "wire/logline.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE 64

struct page {
	struct presence *p;
	int left;
	enum err err;
};

void presence_sweep_start(struct presence *p, int64_t due_ms)
{
	p->sweep = (struct sweep){.step = SWEEP_STORIES, .people_at_ms = due_ms};
}

/* A time that the engine has written down, ms; 0: none. */
static enum err load_time(struct presence *p, const char *name, uint64_t *out)
{
	struct key k = key_meta(name);
	struct bytes v;
	struct reader r;
	enum err err = store_get(p->teller.store, NULL, key_bytes(&k), &v);

	*out = 0;
	if (err != ERR_OK)
		return err == ERR_NOT_FOUND ? ERR_OK : err;
	r = reader_of(v.data, v.len);
	*out = read_u64(&r);
	free((void *)(uintptr_t)v.data);
	return r.failed ? ERR_CORRUPT : ERR_OK;
}

enum err presence_sweep_resume(struct presence *p, int64_t due_ms)
{
	uint64_t sweep = 0;
	enum err err = load_time(p, "started", &p->started);

	if (err == ERR_OK)
		err = load_time(p, "sweep", &sweep);
	if (p->started > p->latest_ts)
		p->latest_ts = p->started;
	if (sweep > 0)
		presence_sweep_start(p, due_ms);
	return err;
}

/* May this one be handled now? If not, the next page begins with it. */
static bool take(struct page *page, struct bytes key)
{
	struct key *from = &page->p->sweep.from;

	if (page->left-- > 0)
		return true;
	memcpy(from->data, key.data, key.len);
	from->len = key.len;
	return false;
}

static bool sweep_seen(void *ctx, struct bytes key, struct bytes value)
{
	struct page *page = ctx;
	struct bytes user, nothing;

	(void)value;
	if (!take(page, key))
		return false;
	key_names(key, &user, &nothing);
	page->err = presence_tell_again(page->p, user);
	return page->err == ERR_OK;
}

static bool sweep_device(void *ctx, struct bytes key, struct bytes value)
{
	struct page *page = ctx;
	struct bytes user, device;
	struct device d;

	if (!take(page, key))
		return false;
	key_names(key, &user, &device);
	page->err = device_decode(&d, value);
	if (page->err == ERR_OK && d.speaks && d.state == STATE_OFFLINE)
		presence_publish_gone(page->p, user, device, d.ephemeral);
	return page->err == ERR_OK;
}

static bool sweep_story(void *ctx, struct bytes key, struct bytes value)
{
	char topic[sizeof("user//status") + NAME_USER_MAX];
	struct page *page = ctx;
	uint64_t now = (uint64_t)clock_wall_ms();
	struct bytes user, nothing;
	struct story s;

	if (!take(page, key))
		return false;
	key_names(key, &user, &nothing);
	page->err = story_decode(&s, value);
	snprintf(topic, sizeof(topic), "user/%.*s/status", (int)user.len, user.data);
	if (page->err == ERR_OK && s.expires > now + 1000)
		presence_publish(page->p, topic, (uint32_t)((s.expires - now) / 1000), s.payload);
	else if (page->err == ERR_OK)
		presence_publish(page->p, topic, 0, (struct bytes){NULL, 0});
	return page->err == ERR_OK;
}

void presence_sweep_page(struct presence *p)
{
	static base_each_fn *const steps[] = {
		[SWEEP_SEEN] = sweep_seen,
		[SWEEP_DEVICES] = sweep_device,
		[SWEEP_STORIES] = sweep_story,
	};
	struct sweep *s = &p->sweep;
	struct key prefix = s->step == SWEEP_SEEN      ? key_seen_all()
			    : s->step == SWEEP_DEVICES ? key_devices_all()
						       : key_stories_all();
	struct page page = {p, PAGE, ERR_OK};
	struct key from = s->from;
	enum err err = store_each(p->teller.store, NULL, key_bytes(&prefix), key_bytes(&from),
		false, steps[s->step], &page);

	if (err == ERR_OK)
		err = page.err;
	if (err != ERR_OK)
		log_line("presence cannot be gone through: %s", err_text(err));
	if (err == ERR_OK && page.left < 0)
		return;
	if (s->step == SWEEP_DEVICES)
		later_swept(p->teller.later);
	s->step = s->step == SWEEP_DEVICES ? SWEEP_NONE : s->step + 1;
	s->at_ms = s->people_at_ms;
	s->from = (struct key){0};
}
