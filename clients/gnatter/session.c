/* session.c — see session.h. */
#include "clients/gnatter/session.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "clients/gnatter/say.h"
#include "wire/name.h"

#define SLOTS_MAX   16
#define CACHE_BYTES (64 * 1024 * 1024) /* what one command may read */

int64_t session_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* --- in the client's thread ----------------------------------------------------------------- */

static void on_status(void *ctx, struct gnatter *g, const struct gnatter_status *st)
{
	struct session *s = ctx;

	(void)g;
	pthread_mutex_lock(&s->lock);
	s->state = st->state;
	s->unauthorized = st->unauthorized;
	s->tried |= st->state == GNATTER_OFFLINE;
	if (st->state == GNATTER_OFFLINE)
		snprintf(s->reason, sizeof(s->reason), "%s", st->reason);
	snprintf(s->address, sizeof(s->address), "%s", st->address);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void on_message(void *ctx, struct gnatter *g, const struct gnatter_message *m)
{
	struct session *s = ctx;

	(void)g;
	pthread_mutex_lock(&s->lock);
	s->on_message(s, m);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

static void on_sent(void *ctx, struct gnatter *g, const struct gnatter_sent *sent)
{
	struct session *s = ctx;

	(void)g;
	pthread_mutex_lock(&s->lock);
	s->on_sent(s, sent);
	pthread_cond_broadcast(&s->changed);
	pthread_mutex_unlock(&s->lock);
}

void session_answer(void *ctx, struct gnatter *g, const struct gnatter_answer *from)
{
	struct answer *a = ctx;

	(void)g;
	pthread_mutex_lock(&a->session->lock);
	a->code = need_copy(from->code);
	a->message = need_copy(from->message);
	a->json = need_copy(from->json);
	a->done = true;
	pthread_cond_broadcast(&a->session->changed);
	pthread_mutex_unlock(&a->session->lock);
}

/* --- waiting -------------------------------------------------------------------------------- */

bool session_wait(struct session *s)
{
	struct timespec until = {s->deadline_ms / 1000, (long)(s->deadline_ms % 1000) * 1000000};

	return pthread_cond_timedwait(&s->changed, &s->lock, &until) == 0;
}

int session_say_offline(struct session *s)
{
	const char *reason = *s->reason ? s->reason : "there was not time enough";

	if (s->unauthorized)
		return fail(GN_SIGNED_OUT,
			"%s does not let %s in: the token or password is wrong, or holds no "
			"longer (%s)",
			s->address, s->account.user, reason);
	return fail(GN_OFFLINE, "cannot reach %s: %s",
		*s->address ? s->address : s->account.address, reason);
}

int session_wait_synced(struct session *s, bool first)
{
	bool time_left = true;
	int code = GN_OK;

	pthread_mutex_lock(&s->lock);
	while (s->state != GNATTER_SYNCED && time_left && !s->unauthorized && !(first && s->tried))
		time_left = session_wait(s);
	if (s->state != GNATTER_SYNCED)
		code = session_say_offline(s);
	pthread_mutex_unlock(&s->lock);
	return code;
}

int session_answered(struct answer *a, enum gnatter_error e)
{
	struct session *s = a->session;
	int code = session_error(s, e);
	bool time_left = true;

	if (code != GN_OK)
		return code;
	pthread_mutex_lock(&s->lock);
	while (!a->done && time_left)
		time_left = session_wait(s);
	if (!a->done || strcmp(a->code, "timeout") == 0)
		code = session_say_offline(s);
	else if (*a->code && !(a->bear && strcmp(a->code, a->bear) == 0))
		code = fail(GN_REFUSED, "refused (%s): %s", a->code, a->message);
	pthread_mutex_unlock(&s->lock);
	return code;
}

void answer_finish(struct answer *a)
{
	free(a->code);
	free(a->message);
	free(a->json);
	a->code = a->message = a->json = NULL;
	a->done = false;
}

int session_error(const struct session *s, enum gnatter_error e)
{
	switch (e) {
	case GNATTER_OK:
		return GN_OK;
	case GNATTER_EINVAL:
		return fail(GN_USAGE, "that cannot be sent: it is too long, or no UTF-8");
	case GNATTER_EINUSE:
		return fail(GN_FAILED, "another gnatter is sending in %s", s->account.state_dir);
	default:
		return fail(GN_FAILED, "%s", gnatter_error_text(e));
	}
}

/* --- life ----------------------------------------------------------------------------------- */

void session_init(struct session *s)
{
	pthread_condattr_t attr;

	*s = (struct session){.slot = -1, .state = GNATTER_STOPPED, .begun = true};
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->changed, &attr);
	pthread_condattr_destroy(&attr);
}

/* The first name that no other command has now; it is ours while the file is open. NULL: said. */
static char *take_slot(struct session *s)
{
	for (int k = 1; k <= SLOTS_MAX; k++) {
		char *device = need_printf("%s-sh%d", s->account.device, k);
		char *path =
			need_printf("%s/%s@%s.lock", s->account.state_dir, s->account.user, device);

		s->slot = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (s->slot < 0)
			fail(GN_FAILED, "cannot open %s: %s", path, strerror(errno));
		free(path);
		if (s->slot >= 0 && flock(s->slot, LOCK_EX | LOCK_NB) == 0)
			return device;
		free(device);
		if (s->slot < 0)
			return NULL;
		close(s->slot);
		s->slot = -1;
	}
	fail(GN_FAILED, "there are %d commands of this account already", SLOTS_MAX);
	return NULL;
}

static void set_options(
	struct gnatter_options *o, struct session *s, const char *device, const char *store)
{
	gnatter_options_init(o);
	o->address = s->account.address;
	o->user = s->account.user;
	o->device = device;
	o->secret = s->account.secret;
	o->ca_file = s->account.ca_file;
	o->store = store;
	o->cache_bytes_max = store ? 256 * 1024 : CACHE_BYTES;
	o->acknowledge = false;
	o->session_expiry_s = 0;
	o->will_delay_s = 0;
	o->retry_max_ms = 5000;
	o->request_timeout_ms = (uint32_t)(s->deadline_ms - session_now_ms());
	o->callbacks.on_status = on_status;
	o->callbacks.on_message = s->on_message ? on_message : NULL;
	o->callbacks.on_sent = s->on_sent ? on_sent : NULL;
	o->ctx = s;
}

/* Another command that sends is soon done. */
static enum gnatter_error create(struct session *s, const struct gnatter_options *o)
{
	static const struct timespec pause = {0, 20000000};
	enum gnatter_error e = gnatter_create(&s->g, o);

	while (e == GNATTER_EINUSE && session_now_ms() < s->deadline_ms) {
		nanosleep(&pause, NULL);
		e = gnatter_create(&s->g, o);
	}
	return e;
}

int session_open_with(struct session *s, enum session_kind kind)
{
	struct gnatter_options o;
	char *device, *store = NULL;
	enum gnatter_error e;
	int code = account_make_state(&s->account);

	if (code != GN_OK)
		return code;
	device = kind == SESSION_SENDS ? need_printf("%s-send", s->account.device) : take_slot(s);
	if (!device)
		return GN_FAILED;
	if (kind == SESSION_SENDS)
		store = account_store(&s->account, device);
	set_options(&o, s, device, store);
	e = create(s, &o);
	if (e == GNATTER_EINVAL)
		code = fail(GN_FAILED,
			"the address must be like ssl://host:port, not '%s'; several have blanks "
			"between them, and are of the same kind",
			s->account.address);
	else
		code = session_error(s, e);
	if (code == GN_OK)
		gnatter_presence_set(s->g, "offline", NULL);
	free(store);
	free(device);
	return code;
}

int session_open(struct session *s, const struct args *a, enum session_kind kind)
{
	int64_t timeout_ms;
	int code;

	if (!args_timeout(a, &timeout_ms))
		return GN_USAGE;
	s->deadline_ms = session_now_ms() + timeout_ms;
	code = account_load(&s->account, a->account);
	if (code == GN_OK)
		code = account_complete(&s->account);
	if (code == GN_OK)
		code = account_load_secret(&s->account);
	return code == GN_OK ? session_open_with(s, kind) : code;
}

int session_connect(struct session *s)
{
	return session_error(s, gnatter_connect(s->g));
}

void session_close(struct session *s)
{
	gnatter_destroy(s->g);
	account_finish(&s->account);
	if (s->slot >= 0)
		close(s->slot);
	if (s->begun) {
		pthread_cond_destroy(&s->changed);
		pthread_mutex_destroy(&s->lock);
	}
	*s = (struct session){.slot = -1};
}

bool session_chat(const struct session *s, const char *name, char out[GNATTER_CHAT_SIZE])
{
	const char *colon = strchr(name, ':');
	char first[NAME_USER_MAX + 1];

	if (*name == '@' && gnatter_pair(out, s->account.user, name + 1))
		return true;
	if (colon && (size_t)(colon - name) < sizeof(first)) {
		snprintf(first, sizeof(first), "%.*s", (int)(colon - name), name);
		if (gnatter_pair(out, first, colon + 1))
			return true;
	}
	if (name_group_ok(name, strlen(name))) {
		snprintf(out, GNATTER_CHAT_SIZE, "%s", name);
		return true;
	}
	fail(GN_USAGE,
		"'%s' is no chat: a group or channel has a name like lobby, the chat with bob is "
		"@bob",
		name);
	return false;
}
