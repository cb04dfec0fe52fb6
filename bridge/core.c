/* core.c
 *
 * Positions. `applied` is the number of the last record applied, in memory; `committed` is in the
 * store under x"position", in the same batch as the writes. A run of records that writes nothing is
 * not committed: when the link or the daemon dies the plugin sends again what it still has of it,
 * and it is answered again.
 *
 * The greeting. HELLO says epoch and `applied`; the hello frame says which epoch the spool has and
 * which effects the plugin has performed. Those that are owed beyond that are sent again, then a
 * bare confirmation of everything applied. With another epoch, a new spool, all that is owed is
 * sent once more and numbers start from what the frame says.
 *
 * HELLO waits for the commit under way: the plugin gives up the records that it names, so they must
 * be durable.
 */
#include "bridge/core.h"

#include "bridge/engine/engine.h"
#include "bridge/owed.h"
#include "bridge/parts.h"
#include "bridge/position.h"
#include "bridge/prepare.h"
#include "bridge/push_gather.h"
#include "bridge/room.h"
#include "persist/base.h"
#include "persist/journal.h"
#include "persist/keys.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define COMMIT_BYTES_MAX (8u << 20) /* about: more records than this wait for the next commit */
#define WHY_SIZE         512

struct pending {
	struct pending *next;
	size_t at; /* of the next record in data */
	size_t len;
	char data[]; /* records */
};

struct core {
	const struct conf *conf;
	struct store *store;
	struct directory *directory;
	struct stats *stats;
	struct core_handler handler;
	int wake_fd;

	struct disk_base base;
	struct batch *batch;
	struct outbox outbox;
	struct engine engine;
	struct prepare prepare;
	struct journal *journal;
	struct buf control; /* a control message in the making */
	struct later later;

	struct pending *first, **last;
	uint64_t epoch;
	uint64_t applied;   /* number of the last record applied */
	uint64_t committed; /* of the last one whose commit is done */
	uint64_t expected;  /* number of the next frame's first record */

	bool greeted;       /* the plugin has answered on this connection */
	bool hello_due;     /* to be sent when the commit under way is done */
	bool greeting;      /* its answer waits for the commit under way */
	uint64_t performed; /* what it said */

	struct owed owed;
	uint64_t push; /* number of the last key p; 0: none yet */

	bool committing;
	struct timespec commit_start;
	pthread_mutex_t lock; /* guards what the journal's thread tells: */
	bool commit_done;
	enum err commit_err;
	char commit_why[WHY_SIZE];
};

/* --- starting
 * ------------------------------------------------------------------------------------------- */

static void on_committed(void *ctx, struct batch *b, enum err result, const char *why)
{
	static const uint64_t one = 1;
	struct core *c = ctx;

	(void)b;
	pthread_mutex_lock(&c->lock);
	c->commit_done = true;
	c->commit_err = result;
	snprintf(c->commit_why, sizeof(c->commit_why), "%s", why ? why : "");
	pthread_mutex_unlock(&c->lock);
	if (write(c->wake_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: the loop is awake already */
	}
}

static bool load_push(void *ctx, struct bytes key, struct bytes value)
{
	struct core *c = ctx;

	(void)value;
	c->push = key_push_number(key);
	return false;
}

static enum err load(struct core *c)
{
	struct key push = key_push_all();
	struct position at;
	enum err err = position_load(&at, c->store);

	if (err != ERR_OK)
		return err;
	c->epoch = at.epoch;
	c->applied = c->committed = at.number;
	err = owed_load(&c->owed, c->store);
	atomic_store(&c->stats->owed, c->owed.count);
	return err == ERR_OK ? store_each(c->store, NULL, key_bytes(&push), (struct bytes){NULL, 0},
				       true, load_push, c)
			     : err;
}

enum err core_create(struct core **out, const struct conf *conf, struct store *s,
	struct directory *d, struct stats *stats, const struct core_handler *handler, int wake_fd,
	char *why, size_t why_size)
{
	struct core *c = calloc(1, sizeof(*c));
	enum err err;

	*out = NULL;
	snprintf(why, why_size, "%s", err_text(ERR_NOMEM));
	if (!c)
		return ERR_NOMEM;
	c->conf = conf;
	c->store = s;
	c->directory = d;
	c->stats = stats;
	c->handler = *handler;
	c->wake_fd = wake_fd;
	c->last = &c->first;
	pthread_mutex_init(&c->lock, NULL);
	err = journal_open(&c->journal, s, d, on_committed, c, why, why_size);
	if (err == ERR_OK) {
		err = disk_base_init(&c->base, s, d);
		if (err == ERR_OK)
			c->batch = batch_create(&c->base.base);
		if (err == ERR_OK && !c->batch)
			err = ERR_NOMEM;
		if (err == ERR_OK)
			err = load(c);
		if (err != ERR_OK)
			snprintf(why, why_size, "cannot read where the store stands: %s",
				err_text(err));
	}
	if (err != ERR_OK) {
		core_destroy(c);
		return err;
	}
	engine_init(&c->engine, conf, c->batch, &c->outbox);
	*out = c;
	return ERR_OK;
}

static void drop_pending(struct core *c)
{
	for (struct pending *p = c->first, *next; p; p = next) {
		next = p->next;
		free(p);
	}
	c->first = NULL;
	c->last = &c->first;
}

void core_destroy(struct core *c)
{
	if (!c)
		return;
	journal_close(c->journal);
	drop_pending(c);
	engine_finish(&c->engine);
	outbox_finish(&c->outbox);
	prepare_finish(&c->prepare);
	batch_destroy(c->batch);
	if (c->base.store)
		disk_base_finish(&c->base);
	buf_free(&c->control);
	later_finish(&c->later);
	owed_finish(&c->owed);
	pthread_mutex_destroy(&c->lock);
	free(c);
}

/* --- sending
 * -------------------------------------------------------------------------------------------- */

static bool send_control(struct core *c)
{
	if (c->control.failed ||
		!c->handler.send(c->handler.ctx, (struct bytes){c->control.data, c->control.len}))
		return false;
	stats_add(&c->stats->effects_sent, 1);
	return true;
}

static void send_bare(struct core *c, enum control_kind kind, uint64_t number)
{
	struct control h = {.kind = kind, .last = true, .epoch = c->epoch, .number = number};
	char *at;

	buf_reset(&c->control);
	at = buf_reserve(&c->control, CONTROL_HEADER);
	if (!at)
		return;
	control_encode_header(&h, at);
	c->control.len = CONTROL_HEADER;
	send_control(c);
}

/* Send again what is owed: all of it, or what the plugin does not say it has performed. */
static enum err resend(struct core *c, bool all)
{
	enum err err = ERR_OK;

	for (size_t i = 0; err == ERR_OK && !c->owed.stale && i < c->owed.count; i++) {
		const struct owed_entry *e = &c->owed.entries[i];

		if (!all && e->number <= c->performed)
			continue;
		buf_reset(&c->control);
		err = owed_restore(&c->control, e, c->epoch, c->store);
		if (err == ERR_OK && c->control.len > 0 && send_control(c))
			stats_add(&c->stats->effects_resent, 1);
	}
	return err;
}

/* --- greeting
 * ------------------------------------------------------------------------------------------- */

void core_link_up(struct core *c)
{
	c->greeted = c->greeting = false;
	c->hello_due = c->committing;
	if (!c->hello_due)
		send_bare(c, CONTROL_HELLO, c->applied);
}

void core_link_down(struct core *c)
{
	c->greeted = c->greeting = c->hello_due = false;
	later_reset(&c->later); /* what was told may be lost */
	drop_pending(c);
	if (!c->committing)
		c->applied = c->committed; /* what wrote nothing may not have been told: again */
}

struct later *core_later(struct core *c)
{
	return &c->later;
}

void core_offer(struct core *c, const struct push_offer *offer)
{
	c->engine.offer = offer;
}

void core_relieve(struct core *c)
{
	if (c->committing)
		return;
	batch_relieve(c->batch);
	outbox_finish(&c->outbox);
	buf_free(&c->control);
}

bool core_ready(const struct core *c)
{
	return c->greeted;
}

/* The plugin's answer is here, and no commit under way. */
static enum err welcome(struct core *c)
{
	enum err err;

	c->greeting = false;
	c->greeted = true;
	err = resend(c, false);
	if (err == ERR_OK)
		send_bare(c, CONTROL_EFFECTS, c->applied);
	return err;
}

/* A spool that this store has not seen: its numbers are new ones. */
static enum err adopt_spool(struct core *c, const struct frame *f)
{
	enum err err = resend(c, true);

	c->owed.stale = true;
	c->epoch = f->epoch;
	c->applied = c->committed = f->first - 1;
	return err;
}

static enum err hello(struct core *c, const struct frame *f)
{
	enum err err = ERR_OK;

	if (f->epoch != c->epoch)
		err = adopt_spool(c, f);
	c->performed = f->performed;
	c->greeting = true;
	return err;
}

/* --- frames
 * --------------------------------------------------------------------------------------------- */

static enum err add_pending(struct core *c, struct bytes records)
{
	struct pending *p = malloc(sizeof(*p) + records.len);

	if (!p)
		return ERR_NOMEM;
	*p = (struct pending){.len = records.len};
	memcpy(p->data, records.data, records.len);
	*c->last = p;
	c->last = &p->next;
	return ERR_OK;
}

static void kick(struct core *c)
{
	static const uint64_t one = 1;

	if (write(c->wake_fd, &one, sizeof(one)) < 0) {
		/* the counter is full: the loop is awake already */
	}
}

enum err core_frame(struct core *c, struct bytes payload)
{
	struct frame f;
	enum err err = frame_decode(&f, payload.data, payload.len);

	if (err != ERR_OK)
		return err;
	stats_add(&c->stats->frames_received, 1);
	if (f.hello && c->committing)
		return ERR_CORRUPT; /* nobody asked for it */
	if (!f.hello && !c->greeted && !c->greeting)
		return ERR_OK; /* addressed to the connection before this one; it comes again */
	if (f.hello)
		err = hello(c, &f);
	else if (f.epoch != c->epoch || f.first != c->expected)
		err = ERR_CORRUPT;
	else if (f.performed > c->performed)
		c->performed = f.performed;
	c->expected = f.first + f.count;
	if (err == ERR_OK && f.count > 0)
		err = add_pending(c, f.records);
	kick(c);
	return err;
}

/* --- applying
 * ------------------------------------------------------------------------------------------- */

static enum err apply_record(struct core *c, struct record *r)
{
	enum err refuse = prepare_record(&c->prepare, r, c->conf);

	if (refuse == ERR_NOMEM)
		return refuse;
	return apply_with_room(&c->engine, c->directory, r, refuse);
}

/* Apply what is pending, up to about COMMIT_BYTES_MAX. */
static enum err apply_pending(struct core *c)
{
	while (c->first && batch_bytes(c->batch) + c->outbox.wire.len < COMMIT_BYTES_MAX) {
		struct pending *p = c->first;
		struct record r;
		uint32_t size;
		enum err err = record_decode(&r, p->data + p->at, p->len - p->at, &size);

		if (err != ERR_OK)
			return err;
		if (r.number > c->applied) {
			err = apply_record(c, &r);
			if (err != ERR_OK)
				return err;
			c->applied = r.number;
			stats_add(&c->stats->records_applied, 1);
		} else {
			stats_add(&c->stats->records_skipped, 1);
		}
		p->at += size;
		if (p->at == p->len) {
			c->first = p->next;
			if (!c->first)
				c->last = &c->first;
			free(p);
		}
	}
	return ERR_OK;
}

/* Write down what will be owed, and up to where records are applied. */
static enum err put_owed(struct core *c)
{
	enum err err =
		owed_put(&c->owed, c->batch, c->performed, &c->outbox, c->applied, &c->control);

	atomic_store(&c->stats->owed, c->owed.count);
	position_put(c->batch, (struct position){c->epoch, c->applied});
	return err == ERR_OK && batch_failed(c->batch) ? ERR_NOMEM : err;
}

/* One key for what is to be pushed of all that was said in this commit. */
static enum err put_pushed(struct core *c)
{
	struct buf *b = &c->control;
	struct key k;
	enum err err;

	if (c->outbox.pushed_count == 0)
		return ERR_OK;
	k = key_push(++c->push);
	buf_reset(b);
	err = push_gather(b, (struct bytes){c->outbox.pushed.data, c->outbox.pushed.len},
		c->outbox.pushed_count);
	if (err == ERR_OK)
		batch_put(c->batch, TABLE_STORE, key_bytes(&k), (struct bytes){b->data, b->len});
	return err;
}

static void tell_hints(struct core *c)
{
	struct reader r = reader_of(c->outbox.hints.data, c->outbox.hints.len);

	while (r.at != r.end && !r.failed) {
		enum hint hint = (enum hint)read_u8(&r);
		struct bytes user = read_bytes16(&r), chat = read_bytes16(&r);

		c->handler.hint(c->handler.ctx, hint, user, chat, read_u64(&r));
	}
	if (c->outbox.pushed_count > 0)
		c->handler.hint(c->handler.ctx, HINT_PUSH, (struct bytes){"", 0},
			(struct bytes){"", 0}, c->push);
}

/* The commit is done, or there was nothing to commit: tell. */
static void tell(struct core *c)
{
	struct parts cursor = {0};
	struct part p;
	struct reader r;

	while (c->greeted && parts_next(&cursor, &c->outbox, c->applied, &p)) {
		buf_reset(&c->control);
		part_write_control(&c->control, &p, c->epoch);
		send_control(c);
	}
	r = reader_of(c->outbox.reads.data, c->outbox.reads.len);
	for (size_t i = 0; i < c->outbox.reads_count; i++) {
		struct record record;
		uint32_t size;

		if (record_decode(&record, r.at, (size_t)(r.end - r.at), &size) != ERR_OK)
			break;
		c->handler.read(c->handler.ctx, (struct bytes){r.at, size});
		r.at += size;
	}
	tell_hints(c);
}

static enum err start_commit(struct core *c)
{
	uint64_t messages = c->engine.messages;
	uint64_t refused = c->engine.refused;
	enum err err = disk_base_refresh(&c->base);

	batch_clear(c->batch);
	outbox_reset(&c->outbox);
	if (err == ERR_OK)
		err = apply_pending(c);
	stats_add(&c->stats->messages_stored, c->engine.messages - messages);
	stats_add(&c->stats->messages_refused, c->engine.refused - refused);
	if (err == ERR_OK && (!batch_empty(c->batch) || later_due(&c->later)))
		err = later_write(&c->later, c->batch, &c->outbox);
	if (err != ERR_OK)
		return err;
	if (batch_empty(c->batch)) {
		tell(c);
		return ERR_OK;
	}
	err = put_pushed(c);
	if (err == ERR_OK)
		err = put_owed(c);
	if (err != ERR_OK)
		return err;
	clock_gettime(CLOCK_MONOTONIC, &c->commit_start);
	err = journal_commit(c->journal, c->batch, true);
	c->committing = err == ERR_OK;
	return err;
}

static enum err end_commit(struct core *c, char *why, size_t why_size)
{
	struct timespec now;
	bool done;
	enum err err;

	pthread_mutex_lock(&c->lock);
	done = c->commit_done;
	err = c->commit_err;
	if (done && err != ERR_OK)
		snprintf(why, why_size, "%s", c->commit_why);
	c->commit_done = false;
	pthread_mutex_unlock(&c->lock);
	if (!done || err != ERR_OK)
		return err;
	clock_gettime(CLOCK_MONOTONIC, &now);
	c->committing = false;
	c->committed = c->applied;
	stats_add(&c->stats->commits, 1);
	stats_add(&c->stats->commit_us, (uint64_t)((now.tv_sec - c->commit_start.tv_sec) * 1000000 +
						   (now.tv_nsec - c->commit_start.tv_nsec) / 1000));
	tell(c);
	if (c->hello_due)
		send_bare(c, CONTROL_HELLO, c->applied);
	c->hello_due = false;
	return ERR_OK;
}

enum err core_service(struct core *c, char *why, size_t why_size)
{
	enum err err = ERR_OK;

	snprintf(why, why_size, "%s", "");
	if (c->committing)
		err = end_commit(c, why, why_size);
	if (err == ERR_OK && !c->committing && c->greeting)
		err = welcome(c);
	while (err == ERR_OK && !c->committing && c->greeted && (c->first || later_due(&c->later)))
		err = start_commit(c);
	if (err != ERR_OK && why[0] == '\0')
		snprintf(why, why_size, "a record cannot be applied: %s", err_text(err));
	return err;
}
