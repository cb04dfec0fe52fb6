/* push_trial.c — push.test: one push to each registered device of a user, whatever the user is
 * doing, to see what its provider says. See push_sender.h.
 */
#include "bridge/push_sender_internal.h"

#include <stdlib.h>

#define NOTHING ((struct bytes){NULL, 0})

struct trying {
	struct push_sender *s;
	void *trial;
	size_t count;
	enum err err;
};

/* What came of one without a request. */
static void tried(struct push_sender *s, void *trial, const char *why)
{
	struct push_result r;

	push_result_set(&r, PUSH_DROP, "%s", why);
	s->handler.tried(s->handler.ctx, trial, &s->view.registration, &r);
}

static void tried_launching(struct push_sender *s, void *trial, enum err err)
{
	struct push_result r;

	sender_judge_launch(&r, err);
	if (err == ERR_BUSY)
		tried(s, trial, "too much is under way; try again");
	else if (err != ERR_OK)
		s->handler.tried(s->handler.ctx, trial, &s->view.registration, &r);
}

/* It is tried when the token is there, which the view's kind asks for. */
static void wait_for_token(struct push_sender *s, const struct push_whose *whose, void *trial)
{
	enum push_kind_id kind = s->view.registration.kind;
	struct pending *p = NULL;

	sender_fetch_token(s, kind);
	if (s->tokens[kind].asking && s->trials < TRIES)
		p = malloc(sizeof(*p));
	if (!p) {
		tried(s, trial, "no access token can be asked for now; try again");
		return;
	}
	*p = (struct pending){s->pending, trial, kind, key_push_waiting(whose)};
	s->pending = p;
	s->trials++;
}

/* waited: for a token, which was answered. */
static enum err try_one(
	struct push_sender *s, const struct push_whose *whose, void *trial, bool waited)
{
	static const struct said nothing;
	int64_t wall = clock_wall_ms();
	struct push_result r;
	enum push_need need;
	enum push_step step;
	enum err err = push_view_trial(&s->view, &s->look, whose, (uint64_t)wall, &need);

	if (err != ERR_OK)
		return err;
	if (need != PUSH_NEEDED) {
		tried(s, trial, s->view.why);
		return ERR_OK;
	}
	buf_reset(&s->endpoint);
	push_endpoint(&s->view.registration, &s->endpoint);
	step = push_prepare(s->kinds, &s->view.note, &s->view.registration, wall, &s->job, &r);
	if (step == PUSH_END)
		s->handler.tried(s->handler.ctx, trial, &s->view.registration, &r);
	else if (step == PUSH_TOKEN && waited)
		tried(s, trial, "the access token has ended already; try again");
	else if (step == PUSH_TOKEN)
		wait_for_token(s, whose, trial);
	else
		tried_launching(s, trial,
			sender_launch(s, whose,
				push_lane((struct bytes){s->endpoint.data, s->endpoint.len}),
				&nothing, step, trial));
	return ERR_OK;
}

/* Those that wait for a token of that kind, which was answered. Without one it is found out once
 * more why there is none. */
static void try_pending(struct push_sender *s, enum push_kind_id kind)
{
	for (struct pending **at = &s->pending, *p; (p = *at);) {
		struct push_whose whose;

		if (p->kind != kind) {
			at = &p->next;
			continue;
		}
		*at = p->next;
		s->trials--;
		key_push_waiting_parts(key_bytes(&p->key), &whose);
		if (try_one(s, &whose, p->trial, true) != ERR_OK)
			tried(s, p->trial, "its registration cannot be read");
		free(p);
	}
}

void sender_try_pending(struct push_sender *s)
{
	for (unsigned kind = 1; kind < PUSH_KIND_COUNT; kind++) {
		bool answered = s->tokens[kind].answered;

		s->tokens[kind].answered = false;
		if (answered)
			try_pending(s, (enum push_kind_id)kind);
	}
}

static bool on_registration(void *ctx, struct bytes key, struct bytes value)
{
	/* A registration has no chat: "-" stands for it, which is the name of none. */
	struct push_whose whose = {.chat = {"-", 1}};
	struct trying *t = ctx;

	(void)value;
	key_names(key, &whose.user, &whose.device);
	t->count++;
	t->err = try_one(t->s, &whose, t->trial, false);
	return t->err == ERR_OK && t->count < TRIES;
}

enum err push_sender_try(struct push_sender *s, struct bytes user, void *trial, size_t *count)
{
	struct trying t = {.s = s, .trial = trial};
	struct key prefix = key_registrations(user);
	enum err err;

	*count = 0;
	if (s->trials >= TRIES)
		return ERR_BUSY;
	err = directory_refresh(s->look.src.reader);
	if (err == ERR_OK)
		err = store_each(s->look.src.store, NULL, key_bytes(&prefix), NOTHING, false,
			on_registration, &t);
	directory_rest(s->look.src.reader);
	*count = t.count;
	return err == ERR_OK ? t.err : err;
}
