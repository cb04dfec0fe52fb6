/* topic.h — the topics of the interface (docs/protocol.md), taken apart.
 *
 * Pure; runs on the broker's thread for every publish and delivery, so it allocates nothing and
 * looks at each byte about once. Parts are lent from the topic.
 */
#ifndef GNATTER_WIRE_TOPIC_H
#define GNATTER_WIRE_TOPIC_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum topic_kind {
	TOPIC_FOREIGN,     /* not of this interface: other plugins may know it */
	TOPIC_INVALID,     /* in one of our name spaces, but no topic of the table, or a bad name */
	TOPIC_CHAT_SEND,   /* chat/<c>/send */
	TOPIC_CHAT_MSG,    /* chat/<c>/msg */
	TOPIC_CHAT_ACK,    /* chat/<c>/ack */
	TOPIC_CHAT_MARK,   /* chat/<c>/mark/<u> */
	TOPIC_CHAT_TYPING, /* chat/<c>/typing/<u> */
	TOPIC_CHAT_INFO,   /* chat/<c>/info */
	TOPIC_USER_EVENTS, /* user/<u>/events */
	TOPIC_USER_ERRORS, /* user/<u>/errors */
	TOPIC_USER_STATUS, /* user/<u>/status */
	TOPIC_PRESENCE_DEVICE, /* presence/<u>/<d> */
	TOPIC_PRESENCE_USER,   /* presence/<u> */
	TOPIC_PUSH,            /* push/<u> */
	TOPIC_API,             /* api/<method> */
	TOPIC_REPLY,           /* reply/<method>, or anything below reply, and reply itself */
	TOPIC_SYS,             /* $SYS/... */
	TOPIC_DOLLAR,          /* any other topic that starts with $ */
};

struct topic {
	enum topic_kind kind;
	struct bytes chat; /* CHAT_*: a valid chat name */
	struct bytes user; /* USER_*, PRESENCE_*, PUSH, CHAT_MARK, CHAT_TYPING: a valid user name */
	struct bytes device; /* PRESENCE_DEVICE: a valid device name */
	struct bytes method; /* API, REPLY: [a-z.]{1,32} */
};

/* Take a topic name (no wildcards) apart. */
struct topic topic_parse(const char *name);

/* What a subscription filter can match, at most. */
enum filter_kind {
	FILTER_FOREIGN,  /* one literal topic, or a wildcard below a first level that is not ours */
	FILTER_NOTHING,  /* matches nothing that anybody may read: refuse */
	FILTER_CHAT,     /* only topics of the one chat `chat` */
	FILTER_USER,     /* only user/<u>/... of the one user `user` */
	FILTER_PRESENCE, /* only presence/<u> or presence/<u>/... of the one user `user` */
	FILTER_REPLY,    /* only reply and below */
	FILTER_SYS,      /* $SYS/... */
	FILTER_WIDE,     /* reaches across chats or users, is $share/... or push/<u>: for admins */
};

struct filter {
	enum filter_kind kind;
	struct bytes chat, user;
	bool device_level; /* PRESENCE: reaches presence/<u>/<d> */
	bool status_only;  /* USER: exactly user/<u>/status */
};

struct filter filter_parse(const char *filter);

#endif
