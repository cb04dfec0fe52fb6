/* daemon.c — see daemon.h. */
#include "bridge/daemon.h"

#include "bridge/clock.h"
#include "bridge/core.h"
#include "bridge/engine/answer.h"
#include "bridge/engine/api.h"
#include "bridge/link.h"
#include "bridge/marks.h"
#include "bridge/presence.h"
#include "bridge/pusher.h"
#include "bridge/reads.h"
#include "wire/effect.h"
#include "wire/logline.h"
#include "wire/record.h"
#include "wire/version.h"

#include <errno.h>
#include <malloc.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#define ANSWERS_BYTES_MAX (512u << 10) /* about: in one control message */

#define MMAP_BYTES  (1 << 20) /* a block of its own for whatever is larger */
#define IDLE_MS     500       /* without an event: time to tidy up */
#define KEEP_BYTES  (2 << 20) /* free memory that a thread's heap keeps at its end */
#define QUIET_TURNS 1         /* so many of those, and what the store has in memory goes to disk, */
#define RELIEVE_MS  10000     /* but not again within that time */

struct daemon {
	struct instance *instance;
	struct stats stats;
	struct core *core;
	struct link *link;
	struct reads *reads;
	struct presence *presence;
	struct marks *marks;
	struct push_kinds *kinds;
	struct push_offer offer;
	struct pusher *pusher;
	int wake_fd, signal_fd;
	struct buf control;
	bool told_ready, confused, stop;
	unsigned idle_turns;   /* since something was done last; stays at QUIET_TURNS */
	int64_t relieve_at_ms; /* the store, not before that */
	bool greeted; /* by the plugin, and all that may have been lost is being told again */
	char trouble[CONF_PATH_MAX + 128]; /* last reported */
};

/* --- between link, core and reads
 * ------------------------------------------------------------------------ */

static void on_up(void *ctx)
{
	struct daemon *d = ctx;

	stats_add(&d->stats.link_connects, 1);
	core_link_up(d->core);
	pusher_link(d->pusher, true);
}

static void on_frame(void *ctx, struct bytes payload)
{
	struct daemon *d = ctx;

	if (!d->confused && core_frame(d->core, payload) != ERR_OK) {
		log_line("a frame from the plugin is not understood; connecting again");
		d->confused = true;
	}
}

static void on_down(void *ctx)
{
	struct daemon *d = ctx;

	core_link_down(d->core);
	pusher_link(d->pusher, false);
	pusher_published(d->pusher, 0, PUSHER_UNSENT);
}

static bool on_send(void *ctx, struct bytes control)
{
	struct daemon *d = ctx;

	if (link_send(d->link, control))
		return true;
	d->confused = core_ready(
		d->core); /* start over: nothing may be told after it that was not told */
	return false;
}

/* Effects that belong to no record: sent once. */
static void send_loose(struct daemon *d, const struct buf *effects, uint32_t count)
{
	struct control c = {.kind = CONTROL_LOOSE, .last = true, .count = count};
	char *at;

	buf_reset(&d->control);
	at = buf_reserve(&d->control, CONTROL_HEADER);
	if (!at)
		return;
	control_encode_header(&c, at);
	d->control.len = CONTROL_HEADER;
	buf_put(&d->control, effects->data, effects->len);
	if (d->control.failed ||
		!link_send(d->link, (struct bytes){d->control.data, d->control.len}))
		log_line("%u answers could not be sent", count);
}

static void refuse_read(struct daemon *d, struct bytes record)
{
	struct json_object json;
	struct buf answer = {0};
	struct buf effect = {0};
	struct bytes re;
	struct record r;
	uint32_t size;

	stats_add(&d->stats.reads_refused, 1);
	if (record_decode(&r, record.data, record.len, &size) != ERR_OK)
		return;
	if (api_request_parse(&json, &r, &re) == ERR_OK) {
		answer_error(&answer, ERR_BUSY, "too many requests wait; try again", re);
		json_finish(&json);
		effect_encode_answer(&effect, &r, (struct bytes){answer.data, answer.len});
		if (!answer.failed && !effect.failed)
			send_loose(d, &effect, 1);
	}
	buf_free(&answer);
	buf_free(&effect);
}

static void on_hint(void *ctx, enum hint hint, struct bytes user, struct bytes chat, uint64_t ts)
{
	struct daemon *d = ctx;

	switch (hint) {
	case HINT_MARK:
	case HINT_MARK_AGAIN:
		marks_hint(d->marks, chat, user, hint == HINT_MARK_AGAIN, clock_now_ms());
		break;
	case HINT_PREFS:
		pusher_prefs(d->pusher, user);
		break;
	case HINT_PUSH:
		pusher_wake(d->pusher, ts);
		break;
	case HINT_WENT:
	case HINT_ALL: /* of nobody in particular */
		pusher_gone(d->pusher, user);
		presence_hint(d->presence, hint, user, ts, clock_now_ms());
		break;
	default:
		presence_hint(d->presence, hint, user, ts, clock_now_ms());
	}
}

static void on_tell(void *ctx, const struct buf *effects, uint32_t count)
{
	send_loose(ctx, effects, count);
}

static void on_read(void *ctx, struct bytes record)
{
	struct daemon *d = ctx;

	uint32_t size;
	struct record r;
	enum err err = record_decode(&r, record.data, record.len, &size);

	if (err == ERR_OK && pusher_answers(r.target))
		err = pusher_ask(d->pusher, record);
	else
		err = reads_submit(d->reads, record);
	if (err != ERR_OK)
		refuse_read(d, record);
}

/* --- between pusher, link and core
 * ---------------------------------------------------------------- */

static void on_push_answer(void *ctx, const struct buf *effects, uint32_t count)
{
	send_loose(ctx, effects, count);
}

static void on_push_publish(void *ctx, uint64_t number, const char *topic, struct bytes payload)
{
	struct daemon *d = ctx;

	if (!link_publish(d->link, number, topic, payload))
		pusher_published(d->pusher, number, PUSHER_UNSENT);
}

static void on_push_unregister(void *ctx, struct bytes user, struct bytes device, uint64_t set_ms)
{
	struct daemon *d = ctx;

	later_unregister(core_later(d->core), user, device, set_ms);
}

static void on_published(void *ctx, uint64_t number, bool somebody)
{
	struct daemon *d = ctx;

	pusher_published(d->pusher, number, somebody ? PUSHER_PUBLISHED : PUSHER_NOBODY);
}

static enum err serve_pusher(struct daemon *d, char *why, size_t why_size)
{
	struct pusher_handler h = {on_push_answer, on_push_publish, on_push_unregister, d};

	return pusher_take(d->pusher, &h, why, why_size);
}

static void send_answers(struct daemon *d)
{
	struct buf effects = {0};
	uint32_t count;

	while ((count = reads_take(d->reads, &effects, ANSWERS_BYTES_MAX)) > 0) {
		if (!effects.failed)
			send_loose(d, &effects, count);
		buf_reset(&effects);
	}
	buf_free(&effects);
}

/* --- signals
 * --------------------------------------------------------------------------------------------- */

/* For the next sign-in at the broker, which reads it anew, too. */
static void reload_key(struct daemon *d)
{
	struct jwt_keys keys = {0};
	const char *why = "";

	if (jwt_load_hs256(&keys, d->instance->conf.token_key_file, &why) == ERR_OK)
		d->instance->keys = keys;
	else
		log_line("the key stays as it was: %s", why);
}

static void reload(struct daemon *d)
{
	struct conf next;
	char why[512] = "";

	if (conf_defaults(&next, d->instance->conf.dir) != ERR_OK ||
		conf_load(&next, d->instance->conf_path, why, sizeof(why)) != ERR_OK) {
		log_line("not reloaded: %s", why);
		return;
	}
	if (conf_reload(&d->instance->conf, &next))
		log_line("reloaded; some changes need a restart");
	else
		log_line("reloaded");
	reads_reload(d->reads, &d->instance->conf);
	pusher_reload(d->pusher, &d->instance->conf);
	reload_key(d);
}

static void on_signal(struct daemon *d)
{
	struct signalfd_siginfo info;

	while (read(d->signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			reload(d);
		else
			d->stop = true;
	}
}

/* --- the loop
 * -------------------------------------------------------------------------------------------- */

static sigset_t watched_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	return set;
}

void daemon_prepare(void)
{
	struct sched_param none = {0};
	sigset_t set = watched_signals();

	mallopt(M_MMAP_THRESHOLD, MMAP_BYTES);
	mallopt(M_TRIM_THRESHOLD, KEEP_BYTES);
	mallopt(M_ARENA_MAX, 1); /* malloc_trim() gives no other's end back */
	signal(SIGPIPE, SIG_IGN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sched_setscheduler(0, SCHED_BATCH, &none);
}

static enum err open_fds(struct daemon *d, char *why, size_t why_size)
{
	sigset_t set = watched_signals();

	d->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	d->signal_fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	if (d->wake_fd >= 0 && d->signal_fd >= 0)
		return ERR_OK;
	snprintf(why, why_size, "cannot watch for events: %s", strerror(errno));
	return ERR_IO;
}

static enum err start_tellers(struct daemon *d, struct teller *teller, char *why, size_t why_size)
{
	enum err err;

	teller->later = core_later(d->core);
	err = presence_create(&d->presence, teller);
	if (err == ERR_OK)
		err = marks_create(&d->marks, teller);
	if (err != ERR_OK)
		snprintf(why, why_size, "cannot start: %s", err_text(err));
	return err;
}

/* What devices may register with: what the operator has set up. */
static struct push_offer offer_of(const struct push_kinds *k, const struct conf *conf)
{
	struct push_offer o = {.webpush_key = push_kinds_vapid_key(k),
		.apns_topics = push_kinds_apns_topics(k),
		.webhook_url = conf->push_webhook_url[0] != '\0',
		.webhook_own = conf->push_webhook_own != 0};

	for (unsigned kind = PUSH_FCM; kind < PUSH_KIND_COUNT; kind++)
		if (push_kinds_configured(k, (enum push_kind_id)kind))
			o.kinds |= 1u << kind;
	return o;
}

/* From the key that signs tokens, and good for nothing else. */
static void derive_push_key(unsigned char out[PUSHER_KEY], const struct jwt_keys *k)
{
	static const unsigned char purpose[] = "gnatter: collapse ids of pushes, 1";

	crypto_generichash(out, PUSHER_KEY, purpose, sizeof(purpose), k->hs256, k->hs256_len);
}

static enum err start_pusher(struct daemon *d, char *why, size_t why_size)
{
	struct instance *i = d->instance;
	unsigned char key[PUSHER_KEY];
	enum err err = push_kinds_create(&d->kinds, &i->conf, why, why_size);

	if (err != ERR_OK)
		return err;
	d->offer = offer_of(d->kinds, &i->conf);
	core_offer(d->core, &d->offer);
	derive_push_key(key, &i->keys);
	err = pusher_create(&d->pusher, i->store, i->directory, &i->conf, d->kinds, &d->stats, key,
		d->wake_fd, why, why_size);
	sodium_memzero(key, sizeof(key));
	return err;
}

static enum err start(struct daemon *d, char *why, size_t why_size)
{
	struct instance *i = d->instance;
	struct core_handler core = {on_send, on_read, on_hint, d};
	struct teller teller = {.conf = &i->conf,
		.store = i->store,
		.directory = i->directory,
		.stats = &d->stats,
		.send = on_tell,
		.ctx = d};
	struct link_handler link = {on_up, on_frame, on_down, on_published, d};
	enum err err = open_fds(d, why, why_size);

	if (err == ERR_OK)
		err = core_create(&d->core, &i->conf, i->store, i->directory, &d->stats, &core,
			d->wake_fd, why, why_size);
	if (err == ERR_OK)
		err = start_tellers(d, &teller, why, why_size);
	if (err == ERR_OK)
		err = start_pusher(d, why, why_size);
	if (err == ERR_OK)
		err = reads_create(&d->reads, i->store, i->directory, &i->conf, &d->offer,
			&d->stats, d->wake_fd, why, why_size);
	if (err == ERR_OK)
		err = link_create(&d->link, &i->conf, &i->keys, &link, why, why_size);
	return err;
}

static void finish(struct daemon *d)
{
	pusher_destroy(d->pusher);
	push_kinds_destroy(d->kinds);
	core_destroy(d->core);
	presence_destroy(d->presence);
	marks_destroy(d->marks);
	reads_destroy(d->reads);
	link_destroy(d->link);
	buf_free(&d->control);
	if (d->wake_fd >= 0)
		close(d->wake_fd);
	if (d->signal_fd >= 0)
		close(d->signal_fd);
}

/* Say once what keeps the daemon from the broker, and when it is there. */
static void report(struct daemon *d)
{
	const char *trouble = link_trouble(d->link);

	if (strcmp(trouble, d->trouble) != 0) {
		snprintf(d->trouble, sizeof(d->trouble), "%s", trouble);
		if (trouble[0] != '\0')
			log_line("%s; trying again", trouble);
	}
	if (!d->told_ready && core_ready(d->core)) {
		d->told_ready = true;
		log_line("version %s serves", SERVER_VERSION);
		puts("ready");
		fflush(stdout);
	}
}

static int sooner(int a, int b)
{
	return a < 0 || (b >= 0 && b < a) ? b : a;
}

/* What is told in its own time, as long as there is somebody to tell it. */
static enum err serve_tellers(struct daemon *d, int *timeout_ms)
{
	int64_t now = clock_now_ms();
	bool greeted = core_ready(d->core);
	enum err err = ERR_OK;

	if (greeted && !d->greeted) {
		err = presence_restart(d->presence, now);
		if (err == ERR_OK)
			err = marks_restart(d->marks, now);
	}
	d->greeted = greeted && err == ERR_OK;
	if (!d->greeted)
		return err;
	*timeout_ms = sooner(*timeout_ms, presence_service(d->presence, now));
	*timeout_ms = sooner(*timeout_ms, marks_service(d->marks, now));
	return ERR_OK;
}

/* A while without anything to do: what the last burst took goes back to the system. */
static void rest(struct daemon *d)
{
	int64_t now = clock_now_ms();

	if (d->idle_turns == 0) {
		core_relieve(d->core);
		directory_relieve(d->instance->directory);
		malloc_trim(0);
	}
	if (d->idle_turns < QUIET_TURNS)
		d->idle_turns++;
	else if (now >= d->relieve_at_ms && store_relieve(d->instance->store))
		d->relieve_at_ms = now + RELIEVE_MS;
}

static enum err turn(struct daemon *d, int *timeout_ms, char *why, size_t why_size)
{
	struct pollfd fds[3] = {{.fd = d->wake_fd, .events = POLLIN},
		{.fd = d->signal_fd, .events = POLLIN}, {.fd = link_fd(d->link), .events = POLLIN}};
	uint64_t ignored;
	enum err err = ERR_OK;
	int ready;

	if (link_wants_write(d->link))
		fds[2].events |= POLLOUT;
	ready = poll(fds, 3, *timeout_ms);
	if (ready < 0 && errno != EINTR) {
		snprintf(why, why_size, "cannot wait for events: %s", strerror(errno));
		return ERR_IO;
	}
	if (ready == 0 && *timeout_ms >= IDLE_MS)
		rest(d);
	else
		d->idle_turns = 0;
	if (fds[1].revents)
		on_signal(d);
	*timeout_ms = link_service(d->link, fds[2].revents & (POLLIN | POLLHUP | POLLERR),
		fds[2].revents & POLLOUT, clock_now_ms());
	if (fds[0].revents && read(d->wake_fd, &ignored, sizeof(ignored)) < 0) {
		/* somebody else woke us; look all the same */
	}
	send_answers(d);
	err = serve_pusher(d, why, why_size);
	if (err != ERR_OK)
		return err;
	err = core_service(d->core, why, why_size);
	if (err == ERR_OK)
		err = serve_tellers(d, timeout_ms);
	if (d->confused)
		link_drop(d->link, clock_now_ms());
	d->confused = false;
	report(d);
	return err;
}

enum err daemon_run(struct instance *i, char *why, size_t why_size)
{
	struct daemon d = {.instance = i, .wake_fd = -1, .signal_fd = -1};
	int timeout_ms = 0;
	enum err err = start(&d, why, why_size);

	while (err == ERR_OK && !d.stop)
		err = turn(&d, &timeout_ms, why, why_size);
	finish(&d);
	return err;
}
