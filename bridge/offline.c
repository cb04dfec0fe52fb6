/* offline.c — see offline.h.
 *
 * Whether a broker runs is asked when a request needs it, and its lock is not kept: a broker that
 * starts at that very moment must not be refused. Who gets in before the request is committed
 * keeps his connection.
 */
#include "bridge/offline.h"

#include "bridge/engine/answer.h"
#include "bridge/engine/api.h"
#include "bridge/engine/engine.h"
#include "bridge/position.h"
#include "bridge/prepare.h"
#include "bridge/query.h"
#include "bridge/room.h"
#include "persist/base.h"
#include "persist/journal.h"
#include "wire/spoolfile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct offline {
	struct instance *instance;
	struct disk_base base;
	struct batch *batch;
	struct outbox outbox;
	struct engine engine;
	struct prepare prepare;
	struct journal *journal;
	struct directory_reader *reader;
	struct stats stats;
	uint64_t number;
};

static void never(void *ctx, struct batch *b, enum err result, const char *why)
{
	(void)ctx;
	(void)b;
	(void)result;
	(void)why;
}

static enum err start(struct offline *o, struct instance *i, char *why, size_t why_size)
{
	enum err err =
		journal_open(&o->journal, i->store, i->directory, never, NULL, why, why_size);

	if (err != ERR_OK)
		return err;
	o->instance = i;
	err = disk_base_init(&o->base, i->store, i->directory);
	if (err == ERR_OK)
		err = directory_reader_create(&o->reader, i->directory);
	if (err == ERR_OK) {
		o->batch = batch_create(&o->base.base);
		err = o->batch ? ERR_OK : ERR_NOMEM;
	}
	if (err == ERR_OK)
		engine_init(&o->engine, &i->conf, o->batch, &o->outbox);
	else
		snprintf(why, why_size, "cannot read the directory: %s", err_text(err));
	return err;
}

static void finish(struct offline *o)
{
	journal_close(o->journal);
	engine_finish(&o->engine);
	outbox_finish(&o->outbox);
	prepare_finish(&o->prepare);
	batch_destroy(o->batch);
	directory_reader_destroy(o->reader);
	if (o->base.store)
		disk_base_finish(&o->base);
}

static struct record request(struct offline *o, struct bytes method, struct bytes line)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (struct record){.type = RECORD_API,
		.number = ++o->number,
		.ts = (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000,
		.role = ROLE_ADMIN,
		.user = {CTL_CLIENT, strlen(CTL_CLIENT)},
		.client = {CTL_CLIENT, strlen(CTL_CLIENT)},
		.target = method,
		.response = {"offline", 7},
		.payload = line};
}

/* The answer to the request among the effects; the rest is for people who are not there. */
static enum err find_answer(struct offline *o, struct buf *out)
{
	struct reader r = reader_of(o->outbox.wire.data, o->outbox.wire.len);

	for (size_t i = 0; i < o->outbox.count; i++) {
		struct effect e;

		if (effect_decode(&e, &r) != ERR_OK)
			return ERR_CORRUPT;
		if (e.type != EFFECT_ANSWER)
			continue;
		buf_put(out, e.payload.data, e.payload.len);
		return ERR_OK;
	}
	return ERR_CORRUPT;
}

/* Is there anything among the effects and hints that a broker has to do, or to retain? */
static bool must_reach(const struct outbox *out)
{
	struct reader r = reader_of(out->wire.data, out->wire.len);

	for (size_t i = 0; i < out->count; i++) {
		struct effect e;

		if (effect_decode(&e, &r) != ERR_OK || e.type == EFFECT_KICK ||
			e.type == EFFECT_EXPEL || e.type == EFFECT_HIDE ||
			(e.type == EFFECT_PUBLISH && e.retain))
			return true;
	}
	r = reader_of(out->hints.data, out->hints.len);
	while (r.at != r.end && !r.failed) {
		if (read_u8(&r) == HINT_AGAIN)
			return true;
		read_bytes16(&r); /* user */
		read_bytes16(&r); /* chat */
		read_u64(&r);     /* ts */
	}
	return false;
}

/* May a request whose effects must reach somebody be carried out without the daemon? Anything but
 * ERR_OK: no, and *sentence says why. */
static enum err check_nobody_there(const struct offline *o, const char **sentence)
{
	char path[CONF_PATH_MAX + 16];
	struct position at;
	bool waits = false;
	enum err err = position_load(&at, o->instance->store);

	*sentence = "where the store stands cannot be read";
	if (err != ERR_OK)
		return err;
	conf_spool_path(&o->instance->conf, path);
	err = spoolfile_waits(&waits, path, at.epoch, at.number);
	if (err == ERR_NOT_FOUND || (err == ERR_OK && !waits))
		return ERR_OK;
	if (err == ERR_OK) {
		*sentence = "the spool holds what was accepted before this and is not stored yet: "
			    "start broker and gnatterd first";
		return ERR_CONFLICT;
	}
	if (err == ERR_CONFLICT)
		*sentence = "the broker runs, and this must reach who is connected: start gnatterd "
			    "first";
	else if (err == ERR_CORRUPT)
		*sentence = "the spool is damaged, and what was accepted before this may wait in "
			    "it: bring it back, or move it away";
	else
		*sentence = "the spool cannot be read, and what was accepted before this may wait "
			    "in it";
	return err;
}

/* The request is refused; what it would have done was not committed. */
static enum err refuse_request(
	const struct record *r, enum err err, const char *sentence, struct buf *out)
{
	struct json_object json;
	struct bytes re;
	enum err parsed = api_request_parse(&json, r, &re);

	if (parsed != ERR_OK)
		return parsed; /* it was understood before */
	answer_error(out, err, sentence, re);
	json_finish(&json);
	return ERR_OK;
}

static enum err carry_out(
	struct offline *o, struct record *r, struct buf *out, char *why, size_t why_size)
{
	struct query_source src = {o->instance->store, o->instance->directory, o->reader,
		&o->instance->conf, &o->stats, NULL};
	enum err refuse = prepare_record(&o->prepare, r, &o->instance->conf);
	const char *sentence;
	enum err err = disk_base_refresh(&o->base);

	batch_clear(o->batch);
	outbox_reset(&o->outbox);
	if (err == ERR_OK)
		err = apply_with_room(&o->engine, o->instance->directory, r, refuse);
	if (err != ERR_OK) {
		snprintf(why, why_size, "a request cannot be carried out: %s", err_text(err));
		return err;
	}
	if (o->outbox.reads_count > 0) {
		query_answer(&src, r, out);
		return ERR_OK;
	}
	if (must_reach(&o->outbox)) {
		err = check_nobody_there(o, &sentence);
		if (err != ERR_OK)
			return refuse_request(r, err, sentence, out);
	}
	err = journal_commit_wait(o->journal, o->batch, why, why_size);
	return err == ERR_OK ? find_answer(o, out) : err;
}

static enum err answer_line(struct offline *o, struct bytes line, char *why, size_t why_size)
{
	struct json_object json;
	struct bytes method = {"", 0};
	struct buf out = {0};
	struct record r;
	enum err err;

	err = json_parse(&json, line.data, line.len);
	if (err == ERR_OK) {
		if (json_string(&json, "method", 1, 64, &method) != ERR_OK)
			method = (struct bytes){"", 0};
		r = request(o, method, line);
		err = carry_out(o, &r, &out, why, why_size);
		json_finish(&json);
	} else if (err != ERR_NOMEM) {
		answer_error(&out, err, NULL, (struct bytes){NULL, 0});
		err = ERR_OK;
	}
	if (err == ERR_OK && out.failed)
		err = ERR_NOMEM;
	if (err == ERR_OK) {
		fwrite(out.data, 1, out.len, stdout);
		putchar('\n');
		if (fflush(stdout) != 0)
			err = ERR_IO;
	}
	buf_free(&out);
	return err;
}

enum err offline_apply(struct instance *i, char *why, size_t why_size)
{
	struct offline o = {0};
	char *line = NULL;
	size_t cap = 0;
	enum err err;

	snprintf(why, why_size, "%s", err_text(ERR_IO));
	err = start(&o, i, why, why_size);
	for (ssize_t len; err == ERR_OK && (len = getline(&line, &cap, stdin)) > 0;) {
		if (line[len - 1] == '\n')
			len--;
		err = answer_line(&o, (struct bytes){line, (size_t)len}, why, why_size);
	}
	free(line);
	finish(&o);
	return err;
}
