/* access.c — the rules: for every kind of topic a reader's and a writer's, for every kind of filter
 * a subscriber's, in two tables. A rule asks: is this the user himself, an admin, a member, one who
 * may send?
 *
 * Never readable by anybody are the topics that the plugin takes (send, ack, api). That is also why
 * a last will on chat/<c>/send is no hole: wills do not pass through the spool, and what is
 * published there without it reaches nobody. The useful will is presence/<u>/<d> of the own device.
 */
#include "access.h"

#include <stdlib.h>
#include <string.h>

#include "chat_numbers.h"
#include "wire/hashmap.h"
#include "wire/record.h"

#define TEXT_MAX 256  /* no topic of ours with valid names is as long */
#define ABSENT   1024 /* identities kept for those who have no connection: 260 kB */

/* Presence that says when somebody was seen last has this; a text of his own cannot. */
#define PRESENCE_LAST_SEEN "\"last_seen\":"
/* Of the messages about marks (they are ours), those that tell what was read have this. */
#define MARK_READ ",\"read\":"

struct absent {
	struct identity id;
	char user[NAME_USER_MAX + 1], device[NAME_DEVICE_MAX + 1];
};

struct access {
	struct facts *facts;
	struct chat_numbers *numbers;
	struct hides hides;
	struct topic topic; /* `text` taken apart */
	uint64_t chat;      /* number of topic.chat */
	char text[TEXT_MAX];
	struct absent absent[ABSENT];
};

/* The rules. */

/* What is asked about: a topic (or what of a filter is like one) and the publish to it. */
struct question {
	struct access *a;
	struct identity *id;
	uint64_t chat_number;
	struct bytes chat, user, device;
	const char *text;
	const struct filter *filter;   /* of a subscription */
	const struct publish *publish; /* what is written, */
	const struct delivery *read;   /* or read */
};

typedef enum verdict rule(const struct question *q);

static enum verdict verdict(bool yes)
{
	return yes ? VERDICT_ALLOW : VERDICT_DENY;
}

static bool is_admin(const struct question *q)
{
	return q->id->role == ROLE_ADMIN || q->id->role == ROLE_SERVICE;
}

static bool is_self(const struct question *q)
{
	return bytes_equal(q->user, q->id->user, q->id->user_len);
}

static bool may_in_chat(const struct question *q, bool send)
{
	return facts_chat(q->a->facts, q->id, q->chat_number, q->chat, send);
}

static enum verdict nobody(const struct question *q)
{
	(void)q;
	return VERDICT_DENY;
}

static enum verdict everybody(const struct question *q)
{
	(void)q;
	return VERDICT_ALLOW;
}

static enum verdict others_decide(const struct question *q)
{
	(void)q;
	return VERDICT_DEFER;
}

static enum verdict admins(const struct question *q)
{
	return verdict(is_admin(q));
}

static enum verdict members_and_admins(const struct question *q)
{
	return verdict(is_admin(q) || may_in_chat(q, false));
}

static enum verdict self_and_admins(const struct question *q)
{
	return verdict(is_self(q) || is_admin(q));
}

static bool may_see_both(const struct question *q, enum privacy what, enum privacy also)
{
	return is_self(q) || is_admin(q) || facts_visible(q->a->facts, q->id, q->user, what, also);
}

static bool may_see(const struct question *q, enum privacy what)
{
	return may_see_both(q, what, what);
}

/* Is it for id that this, which says nothing, was published? */
static bool is_audience(const struct question *q)
{
	const struct hides *h = &q->a->hides;
	struct bytes topic = {q->text, strlen(q->text)};
	struct audience to = {identity_user(q->id), VISIBLE_NOBODY};

	if (hides_has(h, topic, &to))
		return true;
	to.viewer = (struct bytes){NULL, 0};
	for (int level = 0; level < VISIBLE_COUNT; level++) {
		to.level = (enum visibility)level;
		if (hides_has(h, topic, &to) &&
			facts_could_see(q->a->facts, q->id, q->user, to.level))
			return true;
	}
	return false;
}

/* What is not retained says nothing, and is for those who lost sight of it just now, or when it was
 * put into their session. */
static bool is_for_who_lost_it(const struct question *q, enum privacy what)
{
	return !may_see(q, what) && (q->read->queued || is_audience(q));
}

static bool shows_last_seen(struct bytes payload)
{
	return payload.len > 0 && memmem(payload.data, payload.len, PRESENCE_LAST_SEEN,
					  sizeof(PRESENCE_LAST_SEEN) - 1);
}

/* With when he was seen last, which is left out before anybody sees it who may not; but what the
 * broker retains may be of a moment ago. */
static enum verdict who_may_see_presence(const struct question *q)
{
	enum privacy also =
		shows_last_seen(q->read->payload) ? PRIVACY_LAST_SEEN : PRIVACY_PRESENCE;

	if (!q->read->retain)
		return verdict(is_for_who_lost_it(q, PRIVACY_PRESENCE));
	return verdict(may_see_both(q, PRIVACY_PRESENCE, also));
}

static enum verdict who_may_see_status(const struct question *q)
{
	if (!q->read->retain)
		return verdict(is_for_who_lost_it(q, PRIVACY_STATUS));
	return verdict(may_see(q, PRIVACY_STATUS));
}

/* Who hides what he has read is not told of others. */
static enum verdict who_may_see_marks(const struct question *q)
{
	struct bytes payload = q->read->payload;

	if (q->id->memo.receipts_hidden && payload.len &&
		memmem(payload.data, payload.len, MARK_READ, sizeof(MARK_READ) - 1))
		return VERDICT_DENY;
	return members_and_admins(q);
}

/* What others may see is decided at each delivery, so that nobody learns from a subscription. */
static enum verdict status_or_own(const struct question *q)
{
	return q->filter->status_only ? VERDICT_ALLOW : self_and_admins(q);
}

static enum verdict presence_or_own(const struct question *q)
{
	return q->filter->device_level ? self_and_admins(q) : VERDICT_ALLOW;
}

/* $CONTROL/... of others and the like: for their plugins to say, if it is an admin who asks. */
static enum verdict others_decide_for_admins(const struct question *q)
{
	return is_admin(q) ? VERDICT_DEFER : VERDICT_DENY;
}

/* A literal topic that is not ours may be subscribed, so that any Response Topic works (an answer
 * is addressed to the client and needs no right to read); what else is published there is checked
 * when it is delivered. */
static enum verdict literal(const struct question *q)
{
	return strpbrk(q->text, "+#") ? VERDICT_DEFER : VERDICT_ALLOW;
}

/* Only for what is about to pass the spool, where the retain flag is taken away. Someone absent
 * publishes a will, which does not pass it. */
static bool leaves_nothing(const struct question *q)
{
	return !(q->publish->retain && q->id->absent);
}

static enum verdict senders(const struct question *q)
{
	return verdict(leaves_nothing(q) && may_in_chat(q, true));
}

/* What was said in a chat of two is still read when one has blocked the other or is gone: so it may
 * be acknowledged. */
static enum verdict readers(const struct question *q)
{
	return verdict(leaves_nothing(q) &&
		       (may_in_chat(q, false) || facts_member(q->a->facts, q->id, q->chat)));
}

static enum verdict callers(const struct question *q)
{
	return verdict(leaves_nothing(q));
}

/* Whoever may write may be seen writing. */
static enum verdict member_self_briefly(const struct question *q)
{
	return verdict(is_self(q) && q->publish->qos == 0 &&
		       q->publish->payload_len <= BRIEF_PAYLOAD_MAX && leaves_nothing(q) &&
		       may_in_chat(q, true));
}

/* A script has no device, and so nothing to say there, though it may be called like one. */
static enum verdict own_device(const struct question *q)
{
	return verdict(is_self(q) && q->publish->payload_len <= BRIEF_PAYLOAD_MAX &&
		       !q->id->ephemeral && !q->id->memo.removed &&
		       bytes_equal(q->device, q->id->device, q->id->device_len));
}

static enum verdict bridge(const struct question *q)
{
	return verdict(q->id->system && q->id->role == ROLE_SERVICE);
}

static enum verdict bridge_or_others(const struct question *q)
{
	if (strcmp(q->text, CONTROL_TOPIC) == 0)
		return bridge(q);
	return others_decide_for_admins(q);
}

/* An answer is the only thing ever published on reply/..., and goes to its client without a check.
 * But one that waits in a session's queue is checked when the client comes back. */
static const struct {
	rule *read, *write;
} topic_rules[] = {
	[TOPIC_FOREIGN] = {others_decide, others_decide},
	[TOPIC_INVALID] = {nobody, nobody},
	[TOPIC_CHAT_SEND] = {nobody, senders},
	[TOPIC_CHAT_MSG] = {members_and_admins, nobody},
	[TOPIC_CHAT_ACK] = {nobody, readers},
	[TOPIC_CHAT_MARK] = {who_may_see_marks, nobody},
	[TOPIC_CHAT_TYPING] = {members_and_admins, member_self_briefly},
	[TOPIC_CHAT_INFO] = {members_and_admins, nobody},
	[TOPIC_USER_EVENTS] = {self_and_admins, nobody},
	[TOPIC_USER_ERRORS] = {self_and_admins, nobody},
	[TOPIC_USER_STATUS] = {who_may_see_status, nobody},
	[TOPIC_PRESENCE_DEVICE] = {self_and_admins, own_device},
	[TOPIC_PRESENCE_USER] = {who_may_see_presence, nobody},
	[TOPIC_PUSH] = {admins, bridge},
	[TOPIC_API] = {nobody, callers},
	[TOPIC_REPLY] = {everybody, nobody},
	[TOPIC_SYS] = {admins, nobody},
	[TOPIC_DOLLAR] = {others_decide_for_admins, bridge_or_others},
};

static rule *const filter_rules[] = {
	[FILTER_FOREIGN] = literal,
	[FILTER_NOTHING] = nobody,
	[FILTER_CHAT] = members_and_admins,
	[FILTER_USER] = status_or_own,
	[FILTER_PRESENCE] = presence_or_own,
	[FILTER_REPLY] = everybody,
	[FILTER_SYS] = admins,
	[FILTER_WIDE] = admins,
};

/* Asking. */

const struct topic *access_topic(struct access *a, const char *topic)
{
	size_t len;

	if (strcmp(topic, a->text) == 0 && a->text[0] != '\0')
		return &a->topic;
	len = strnlen(topic, TEXT_MAX);
	a->text[0] = '\0';
	a->chat = 0;
	if (len == TEXT_MAX) {
		a->topic = topic_parse(topic);
		return &a->topic;
	}
	memcpy(a->text, topic, len + 1);
	a->topic = topic_parse(a->text);
	if (a->topic.chat.len)
		a->chat = chat_number(a->numbers, a->topic.chat);
	return &a->topic;
}

static struct question question_of(struct access *a, struct identity *id, const char *topic)
{
	const struct topic *t = access_topic(a, topic);

	return (struct question){.a = a,
		.id = id,
		.chat_number = a->chat,
		.chat = t->chat,
		.user = t->user,
		.device = t->device,
		.text = topic};
}

enum verdict access_read(struct access *a, struct identity *id, const struct delivery *d)
{
	struct question q = question_of(a, id, d->topic);

	q.read = d;
	if (!facts_account_ok(a->facts, id) || id->memo.removed)
		return VERDICT_DENY;
	return topic_rules[a->topic.kind].read(&q);
}

enum verdict access_write(struct access *a, struct identity *id, const struct publish *p)
{
	struct question q = question_of(a, id, p->topic);

	q.publish = p;
	if (!facts_account_ok(a->facts, id))
		return VERDICT_DENY;
	return topic_rules[a->topic.kind].write(&q);
}

enum verdict access_subscribe(struct access *a, struct identity *id, const char *filter)
{
	struct filter f = filter_parse(filter);
	struct question q = {
		.a = a, .id = id, .chat = f.chat, .user = f.user, .text = filter, .filter = &f};

	if (!facts_account_ok(a->facts, id))
		return VERDICT_DENY;
	if (f.kind == FILTER_NOTHING && filter[0] == '$')
		return others_decide_for_admins(&q);
	if (f.chat.len)
		q.chat_number = chat_number(a->numbers, f.chat);
	return filter_rules[f.kind](&q);
}

uint64_t presence_ts(struct bytes payload)
{
	static const char before[] = "\"ts\":";
	size_t at = payload.len > 0 ? payload.len - 1 : 0;
	size_t len = sizeof(before) - 1;
	uint64_t ts = 0, digit = 1;

	if (at == 0 || payload.data[at] != '}')
		return 0;
	for (; at > len && payload.data[at - 1] >= '0' && payload.data[at - 1] <= '9'; at--) {
		ts += digit * (uint64_t)(payload.data[at - 1] - '0');
		digit *= 10;
	}
	return at >= len && memcmp(payload.data + at - len, before, len) == 0 ? ts : 0;
}

/* Who is asked about. */

struct identity *access_absent(struct access *a, const char *client, const char *user)
{
	char device[NAME_DEVICE_MAX + 1];
	struct absent *s;
	bool ephemeral;
	size_t len;

	if (!client || !user)
		return NULL;
	len = strnlen(user, NAME_USER_MAX + 1);
	if (!name_user_ok(user, len) || !name_client_split(client, user, device, &ephemeral))
		return NULL;
	s = &a->absent[hash_bytes(client, strlen(client)) % ABSENT];
	if (strcmp(s->user, user) != 0 || strcmp(s->device, device) != 0 ||
		s->id.ephemeral != ephemeral) {
		strcpy(s->user, user);
		strcpy(s->device, device);
		identity_init(&s->id, s->user, s->device);
		s->id.absent = true;
		s->id.ephemeral = ephemeral;
	}
	return &s->id;
}

struct access *access_create(struct facts *facts)
{
	struct access *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	a->facts = facts;
	a->numbers = chat_numbers_create();
	if (!a->numbers || !hides_init(&a->hides)) {
		chat_numbers_destroy(a->numbers);
		free(a);
		return NULL;
	}
	return a;
}

void access_destroy(struct access *a)
{
	if (!a)
		return;
	chat_numbers_destroy(a->numbers);
	hides_finish(&a->hides);
	free(a);
}

bool access_hide(struct access *a, const char *topic, const struct audience *to)
{
	return hides_add(&a->hides, (struct bytes){topic, strlen(topic)}, to);
}

void access_tick(struct access *a)
{
	hides_tick(&a->hides);
}

bool access_was_chat(const struct access *a)
{
	return a->topic.chat.len > 0;
}
